"""Scores of a photograph classifier: macro F1, accuracy, top-3, calibration and rejection, each with n and interval."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.errors import DataError, ImageError
from cloudcore.files import opening
from cloudcore.masks import metrics
from cloudcore.models import predictor
from cloudcore.photographs import folders

SMALLEST_N = 20
RESAMPLES = 1000
TOP = 3

Floats = NDArray[np.float32]
Classes = NDArray[np.intp]


def confusion_matrix(truth: Classes, predicted: Classes, classes: int) -> NDArray[np.int64]:
    """Counts (K, K): rows truth, columns prediction."""
    counted = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return counted.reshape(classes, classes).astype(np.int64)


def macro_f1(matrix: NDArray[np.int64]) -> float:
    """Mean F1 over the classes that occur in truth or prediction; NaN where none does."""
    hit = np.diagonal(matrix).astype(float)
    both = matrix.sum(axis=0) + matrix.sum(axis=1)
    return float((2 * hit[both > 0] / both[both > 0]).mean()) if both.any() else math.nan


def top_k(probabilities: Floats, truth: Classes, k: int = TOP) -> float:
    """Share of answers (N, K) whose k most likely classes hold the truth (N,)."""
    better = (probabilities > probabilities[np.arange(len(truth)), truth][:, None]).sum(axis=1)
    return float((better < k).mean())


def auroc(inside: Sequence[float] | NDArray[Any], outside: Sequence[float] | NDArray[Any]) -> float:
    """Chance that a photograph of clouds scores above a picture that is none, ties counted half (Mann-Whitney)."""
    values = np.concatenate([np.asarray(inside, float), np.asarray(outside, float)])
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    n, m = len(inside), len(outside)
    return float((rank[:n].sum() - n * (n + 1) / 2) / (n * m)) if n and m else math.nan


def point_scores(probabilities: Floats, truth: Classes) -> dict[str, float]:
    """macro_f1, accuracy, top3 and ece of answers (N, K) against classes (N,)."""
    chosen = probabilities.argmax(axis=1)
    return {
        "macro_f1": macro_f1(confusion_matrix(truth, chosen, probabilities.shape[1])),
        "accuracy": float((chosen == truth).mean()),
        "top3": top_k(probabilities, truth),
        "ece": metrics.ece(probabilities, truth),
    }


def score(probabilities: Floats, truth: Classes, seed: int = 0) -> dict[str, dict[str, Any]]:
    """{name: {value, low, high, n}}: macro F1, accuracy, top-3 and ECE, bootstrapped over photographs at 95 %.

    low and high are None below n = 20. Two baselines stand beside: the commonest class always, and guessing evenly.
    Raises DataError without photographs.
    """
    if not len(truth):
        raise DataError("No photograph can be scored. Give a folder for each class with photographs in it.")
    n, classes = probabilities.shape
    draws = np.random.default_rng(seed).integers(0, n, (RESAMPLES, n)) if n >= SMALLEST_N else np.empty((0, n), int)
    resampled = [point_scores(probabilities[draw], truth[draw]) for draw in draws]
    table = {}
    for name, value in point_scores(probabilities, truth).items():
        table[name] = _row(value, [again[name] for again in resampled], n)
    share = np.bincount(truth, minlength=classes) / n
    table["majority_accuracy"] = _row(float(share.max()), [], n)
    table["majority_macro_f1"] = _row(2 * float(share.max()) / (1 + float(share.max())) / int((share > 0).sum()), [], n)
    table["chance_accuracy"] = _row(1 / classes, [], n)
    table["chance_top3"] = _row(min(1.0, TOP / classes), [], n)
    return table


def reliability(probabilities: Floats, truth: Classes) -> list[dict[str, Any]]:
    """Ten equal bins of the top probability: low < p <= high, mean confidence, share right and n (None if empty)."""
    found = metrics.calibration(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth)
    return [
        {"low": k / 10, "high": (k + 1) / 10, "confidence": _number(c), "accuracy": _number(a), "n": int(n)}
        for k, (c, a, n) in enumerate(zip(found.confidence, found.accuracy, found.count, strict=True))
    ]


def _row(value: float, resampled: Sequence[float], n: int) -> dict[str, Any]:
    low = high = None
    if len(resampled):
        low, high = (_number(float(v)) for v in np.nanpercentile(resampled, (2.5, 97.5)))
    return {"value": _number(value), "low": low, "high": high, "n": n}


def _number(value: float) -> float | None:
    return round(float(value), 5) if math.isfinite(value) else None


def rejection(inside: Sequence[float], outside: Sequence[float], seed: int = 0) -> dict[str, Any]:
    """{value, low, high, n, n_clouds}: AUROC of the score against one kind of other picture, bootstrapped over both.

    low and high are None where either side has fewer than 20 pictures.
    """
    one, two, rng = np.asarray(inside), np.asarray(outside), np.random.default_rng(seed)
    enough = min(len(one), len(two)) >= SMALLEST_N
    resampled = [auroc(rng.choice(one, len(one)), rng.choice(two, len(two))) for _ in range(RESAMPLES if enough else 0)]
    return {**_row(auroc(inside, outside), resampled, len(two)), "n_clouds": len(one)}


def judge_folder(
    model: predictor.Predictor, paths: Sequence[Path], progress: Callable[[int, int], None] | None = None
) -> tuple[list[predictor.ClassPrediction], list[str]]:
    """(verdicts, refusals): what the model says to each picture that can be read, and why others cannot."""
    verdicts, refused = [], []
    for number, path in enumerate(paths):
        try:
            verdicts.append(model.judge(images.read(path)))
        except ImageError as problem:
            refused.append(str(problem))
        if progress:
            progress(number + 1, len(paths))
    return verdicts, refused


def other_kinds(real_data: Path | None) -> dict[str, list[Path]]:
    """Pictures that are no photographs of clouds, by kind, where a folder of real data in the known layout has them."""
    if real_data is None:
        return {}
    night = images.list_images(real_data / "allsky" / "unlabelled_night")
    kinds = {
        "satellite": images.list_images(real_data / "satellite"),
        "radar": images.list_images(real_data / "radar"),
        "night": [*night, *images.list_images(real_data / "allsky" / "images" / "swinseg")],
        "contrail": images.list_images(real_data / "photos_other" / "Contrail"),
    }
    return {name: paths for name, paths in kinds.items() if paths}


def evaluate(
    model: predictor.Predictor,
    folder: Path,
    every: bool = False,
    progress: Callable[[int, int], None] | None = None,
    against: dict[str, list[Path]] | None = None,
) -> dict[str, Any]:
    """Scores of a class model on a folder per class: {task, n, left_out, metrics, per_class, confusion, note}.

    Photographs the model learnt from or was calibrated on are left out and counted unless `every`; the folder's known
    label conflicts are left out too. against: kind -> pictures that are no cloud photographs, for rejection.
    """
    photos, conflict = folders.list_photos(folder, model.classes), folders.in_conflict(folder)
    clean = [photo for photo in photos if photo.path.name not in conflict]
    seen = model.trained_on | frozenset(model.info.get("calibrated_on", ()))
    kept = clean if every else [photo for photo in clean if opening.sha256_of(photo.path) not in seen]
    if not kept:
        raise DataError(
            f"All {len(clean)} photographs of {folder} were trained on, so a score would mean nothing. Give others, "
            "or add --all to see it all the same."
        )
    verdicts, truth, refused = [], [], 0
    for number, photo in enumerate(kept):
        try:
            verdicts.append(model.judge(images.read(photo.path)))
        except ImageError:
            refused += 1
            continue
        truth.append(photo.label)
        if progress:
            progress(number + 1, len(kept))
    result = {
        "task": model.info["task"], "n": len(truth), "left_out": len(clean) - len(kept), "refused": refused,
        "in_conflict": len(photos) - len(clean),
    }  # fmt: skip
    return {**result, **_told(model, verdicts, np.array(truth, np.intp), against or {})}


def _told(
    model: predictor.Predictor,
    verdicts: list[predictor.ClassPrediction],
    truth: Classes,
    against: dict[str, list[Path]],
) -> dict[str, Any]:
    if not verdicts:
        raise DataError("None of the photographs can be read. Give JPEG or PNG files.")
    probabilities = np.stack([verdict.probability for verdict in verdicts])
    matrix = confusion_matrix(truth, probabilities.argmax(axis=1), len(model.classes))
    table = score(probabilities, truth)
    inside = [verdict.score for verdict in verdicts]
    accepted = np.array([verdict.accepted for verdict in verdicts], float)
    table["accepted"] = _row(float(accepted.mean()), [], len(accepted))
    for kind, paths in against.items():
        others, _ = judge_folder(model, paths)
        if others:
            table[f"auroc_{kind}"] = rejection(inside, [verdict.score for verdict in others])
            table[f"rejected_{kind}"] = _row(float(np.mean([not v.accepted for v in others])), [], len(others))
    per_class = {
        name: {"n": int(matrix[k].sum()), "recall": _number(matrix[k, k] / max(1, matrix[k].sum())),
               "precision": _number(matrix[k, k] / max(1, matrix[:, k].sum()))}
        for k, name in enumerate(model.classes)
    }  # fmt: skip
    few = len(truth) < SMALLEST_N
    note = f"No interval: {len(truth)} photographs are fewer than {SMALLEST_N}." if few else ""
    return {"metrics": table, "per_class": per_class, "confusion": matrix.tolist(),
            "reliability": reliability(probabilities, truth), "note": note}  # fmt: skip
