"""Scores of a photograph classifier: macro F1, accuracy, top-3, calibration and rejection, each with n and interval."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.errors import DataError, ImageError
from cloudcore.masks import bootstrap, metrics
from cloudcore.models import predictor
from cloudcore.models.held_out import held_out
from cloudcore.models.score_rows import NO_INTERVAL, no_interval_note, number, row
from cloudcore.photographs import folders

TOP = 3

Floats = NDArray[np.float32]
Classes = NDArray[np.intp]
Progress = Callable[[int, int], None]


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
    share = np.bincount(truth, minlength=classes) / n
    commonest = float(share.max())
    baselines = {
        "majority_accuracy": commonest,
        "majority_macro_f1": 2 * commonest / (1 + commonest) / int((share > 0).sum()),
        "chance_accuracy": 1 / classes,
        "chance_top3": min(1.0, TOP / classes),
    }
    intervals = _intervals(probabilities, truth, seed)
    values = point_scores(probabilities, truth) | baselines
    return {name: row(value, intervals.get(name, NO_INTERVAL), n) for name, value in values.items()}


def _intervals(probabilities: Floats, truth: Classes, seed: int) -> dict[str, tuple[float, float]]:
    """95 % interval of each point score, all from the same draws; empty below 20 photographs."""
    if len(truth) < bootstrap.SMALLEST_N:
        return {}
    draws = bootstrap.draw(len(truth), seed=seed)
    resampled = [point_scores(probabilities[drawn], truth[drawn]) for drawn in draws]
    return {name: bootstrap.percentiles([scores[name] for scores in resampled]) for name in resampled[0]}


def reliability(probabilities: Floats, truth: Classes) -> list[dict[str, Any]]:
    """Ten equal bins of the top probability: low < p <= high, mean confidence, share right and n (None if empty)."""
    found = metrics.calibration(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth)
    return [
        {"low": k / 10, "high": (k + 1) / 10, "confidence": number(c), "accuracy": number(a), "n": int(n)}
        for k, (c, a, n) in enumerate(zip(found.confidence, found.accuracy, found.count, strict=True))
    ]


def rejection(inside: Sequence[float], outside: Sequence[float], seed: int = 0) -> dict[str, Any]:
    """{value, low, high, n, n_clouds}: AUROC of the score against one kind of other picture, bootstrapped over both.

    low and high are None where either side has fewer than 20 pictures.
    """
    one, two, rng = np.asarray(inside), np.asarray(outside), np.random.default_rng(seed)
    interval = NO_INTERVAL
    if min(len(one), len(two)) >= bootstrap.SMALLEST_N:
        draws = ((rng.choice(one, len(one)), rng.choice(two, len(two))) for _ in range(bootstrap.RESAMPLES))
        interval = bootstrap.percentiles([auroc(*drawn) for drawn in draws])
    return {**row(auroc(inside, outside), interval, len(two)), "n_clouds": len(one)}


def classify_files(
    model: predictor.Predictor, paths: Sequence[Path], progress: Progress | None = None
) -> list[predictor.ClassPrediction | ImageError]:
    """What the model says of each picture, or why it cannot be read."""
    predictions: list[predictor.ClassPrediction | ImageError] = []
    for place, path in enumerate(paths, 1):
        try:
            predictions.append(model.classify(images.read(path)))
        except ImageError as problem:
            predictions.append(problem)
        if progress:
            progress(place, len(paths))
    return predictions


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
    progress: Progress | None = None,
    against: Mapping[str, Sequence[Path]] | None = None,
) -> dict[str, Any]:
    """Scores of a class model on a folder per class: {task, n, left_out, metrics, per_class, confusion, note}.

    Photographs the model learnt from or was calibrated on are left out and counted unless `every`; the folder's known
    label conflicts are left out too. against: kind -> pictures that are no cloud photographs, for rejection.
    """
    photos, conflict = folders.list_photos(folder, model.classes), folders.in_conflict(folder)
    clean = [photo for photo in photos if photo.path.name not in conflict]
    seen = frozenset[str]() if every else model.trained_on | frozenset(model.info.calibrated_on)
    chosen = held_out(clean, lambda photo: photo.path, seen, f"photographs of {folder}", "others")
    asked = classify_files(model, [photo.path for photo in chosen.items], progress)
    answered = [(p, photo.label) for p, photo in zip(asked, chosen.items, strict=True) if not isinstance(p, ImageError)]
    if not answered:
        raise DataError("None of the photographs can be read. Give JPEG or PNG files.")
    predictions, truth = [p for p, _ in answered], np.array([label for _, label in answered], np.intp)
    probabilities = np.stack([prediction.probability for prediction in predictions])
    matrix = confusion_matrix(truth, probabilities.argmax(axis=1), len(model.classes))
    return {
        "task": model.info.task,
        "n": len(truth),
        "left_out": chosen.left_out,
        "refused": len(chosen.items) - len(truth),
        "in_conflict": len(photos) - len(clean),
        "metrics": score(probabilities, truth) | _acceptance(model, predictions, against or {}),
        "per_class": _per_class(matrix, model.classes),
        "confusion": matrix.tolist(),
        "reliability": reliability(probabilities, truth),
        "note": no_interval_note(len(truth), "photographs"),
    }


def _acceptance(
    model: predictor.Predictor,
    inside: Sequence[predictor.ClassPrediction],
    against: Mapping[str, Sequence[Path]],
) -> dict[str, dict[str, Any]]:
    """Rows of how many photographs are accepted, and how well the score separates each other kind of picture."""
    accepted = np.array([prediction.accepted for prediction in inside], float)
    table = {"accepted": row(float(accepted.mean()), NO_INTERVAL, len(accepted))}
    for kind, paths in against.items():
        others = [p for p in classify_files(model, paths) if not isinstance(p, ImageError)]
        if others:
            table[f"auroc_{kind}"] = rejection([p.score for p in inside], [p.score for p in others])
            rejected = float(np.mean([not p.accepted for p in others]))
            table[f"rejected_{kind}"] = row(rejected, NO_INTERVAL, len(others))
    return table


def _per_class(matrix: NDArray[np.int64], classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """{class: {n, recall, precision}} of a confusion matrix (K, K)."""
    hit, true, answered = np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    return {
        name: {
            "n": int(true[k]),
            "recall": number(hit[k] / max(1, true[k])),
            "precision": number(hit[k] / max(1, answered[k])),
        }
        for k, name in enumerate(classes)
    }
