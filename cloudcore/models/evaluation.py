"""A model's scores on a data folder, with n and interval, and the exact best threshold and smallest size."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cloudcore.errors import DataError
from cloudcore.files import opening
from cloudcore.frames import labelled
from cloudcore.masks import mask, metrics, sweep
from cloudcore.models import class_evaluation, mask_evaluation, predictor
from cloudcore.sky import cloud_amount

SMALLEST_N = 20
RESAMPLES = 1000
_SCORES: dict[str, Callable[[Sequence[metrics.Confusion]], float]] = {
    "accuracy": lambda found: _pooled(found).accuracy,
    "f1": lambda found: _pooled(found).dice,
    "miou": lambda found: _pooled(found).miou,
    "precision": lambda found: _pooled(found).precision,
    "recall": lambda found: _pooled(found).recall,
    "fraction_error": lambda found: float(np.mean([abs(c.cloud_predicted - c.cloud_truth) for c in found])),
    "okta_within_one": lambda found: float(np.mean([_oktas_apart(c) <= 1 for c in found])),
    "base_rate": lambda found: _pooled(found).base_rate,
}


@dataclass(frozen=True)
class Kept:
    """The pairs of a folder a model may be scored on, and how many of its own training images were left out."""

    pairs: tuple[labelled.Pair, ...]
    left_out: int


def _pooled(found: Sequence[metrics.Confusion]) -> metrics.Confusion:
    return sum(found[1:], found[0])


def _oktas_apart(c: metrics.Confusion) -> int:
    return abs(cloud_amount.okta(c.cloud_predicted) - cloud_amount.okta(c.cloud_truth))


def keep(model: predictor.Predictor, folder: Path, every: bool = False) -> Kept:
    """The labelled pairs of a folder without the images the model learnt from (unless `every`). Raises DataError."""
    found = labelled.pairs(folder)
    if every:
        return Kept(tuple(found), 0)
    kept = tuple(pair for pair in found if opening.sha256_of(pair.image) not in model.trained_on)
    if not kept:
        raise DataError(
            f"All {len(found)} frames of {folder} were trained on, so a score would mean nothing. Give other frames, "
            "or add --all to see it all the same."
        )
    return Kept(kept, len(found) - len(kept))


def score(confusions: Sequence[metrics.Confusion], seed: int = 0) -> dict[str, dict[str, Any]]:
    """{name: {value, low, high, n}} of sky scores, bootstrapped over frames at 95 %; low and high None below n = 20."""
    usable = [c for c in confusions if c.tp + c.fp + c.fn + c.tn]
    if not usable:
        raise DataError("No frame has a defined pixel, so nothing can be scored. Give masks with cloud and sky.")
    table = {}
    for name, value_of in _SCORES.items():
        low = high = None
        if len(usable) >= SMALLEST_N:
            low, high = (_number(v) for v in metrics.bootstrap(usable, value_of, n=RESAMPLES, seed=seed))
        table[name] = {"value": _number(value_of(usable)), "low": low, "high": high, "n": len(usable)}
    return table


def _number(value: float) -> float | None:
    return round(float(value), 5) if math.isfinite(value) else None


def confusion_of(model: predictor.Predictor, pair: labelled.Pair) -> metrics.Confusion:
    """What a sky model gets right and wrong on one labelled frame, at its own threshold and min_size."""
    image, label = labelled.read_pair(pair)
    cloud, valid = mask.from_label(label)
    return metrics.confusion(mask.clean(model(image), model.threshold[0], model.min_size[0], valid), cloud, valid)


def evaluate(
    model: predictor.Predictor,
    folder: Path,
    every: bool = False,
    progress: Callable[[int, int], None] | None = None,
    against: Path | None = None,
) -> dict[str, Any]:
    """Scores of a sky model on a data folder at its own threshold and min_size, whole and by source.

    {task, n, left_out, threshold, min_size, metrics: {name: {value, low, high, n}}, by_source: {...}, note}; models of
    other kinds are scored by their own modules. against is a folder of real data whose other pictures a class model
    should reject.
    """
    if model.info["kind"] == "masks":
        return mask_evaluation.evaluate(model, folder, every, progress)
    if model.info["kind"] == "class":
        others = class_evaluation.other_kinds(against) if model.info.get("rejection") else {}
        return class_evaluation.evaluate(model, folder, every, progress, others)
    if model.info["kind"] != "mask":
        raise DataError(
            f"{model.folder.name} is of kind {model.info['kind']}; this folder holds masks. Choose another."
        )
    kept = keep(model, folder, every)
    confusions, sources = [], []
    for index, pair in enumerate(kept.pairs):
        confusions.append(confusion_of(model, pair))
        sources.append(pair.source or "all")
        if progress:
            progress(index + 1, len(kept.pairs))
    by_source = {
        name: score([c for c, s in zip(confusions, sources, strict=True) if s == name]) for name in sorted(set(sources))
    }
    note = (
        "" if len(confusions) >= SMALLEST_N else f"No interval: {len(confusions)} frames are fewer than {SMALLEST_N}."
    )
    return {
        "task": model.info["task"], "n": len(confusions), "left_out": kept.left_out, "threshold": model.threshold,
        "min_size": model.min_size, "metrics": score(confusions), "by_source": by_source, "note": note,
    }  # fmt: skip


def sweep_model(
    model: predictor.Predictor, folder: Path, every: bool = False, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """{class: {threshold, min_size, dice, grid_hw, n}}: the best pair by Dice of cloud pooled over frames, exactly."""
    if model.info["kind"] == "masks":
        return mask_evaluation.sweep_model(model, folder, every, progress)
    kept = keep(model, folder, every)
    predicted = np.zeros((len(sweep.THRESHOLDS), len(sweep.MIN_SIZES)), np.int64)
    hit, truth = np.zeros_like(predicted), 0
    for index, pair in enumerate(kept.pairs):
        image, label = labelled.read_pair(pair)
        cloud, valid = mask.from_label(label)
        s, n, g = sweep.counts_sweep(model(image), cloud, sweep.THRESHOLDS, sweep.MIN_SIZES, valid)
        predicted, hit, truth = predicted + s, hit + n, truth + int(g)
        if progress:
            progress(index + 1, len(kept.pairs))
    surface = np.where(predicted + truth > 0, 2 * hit / np.maximum(predicted + truth, 1), 1.0)
    threshold, min_size, dice = sweep.best(surface, sweep.THRESHOLDS, sweep.MIN_SIZES)
    best = {"threshold": float(threshold), "min_size": int(min_size), "dice": float(dice), "grid_hw": None}
    return {model.classes[0]: {**best, "n": len(kept.pairs), "left_out": kept.left_out}}
