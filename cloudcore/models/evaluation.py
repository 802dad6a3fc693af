"""A model's scores on a data folder, with n and interval, and the exact best threshold and smallest size."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cloudcore.errors import DataError
from cloudcore.frames import labelled
from cloudcore.masks import bootstrap, mask, metrics, sweep
from cloudcore.models import class_evaluation, mask_evaluation, predictor, score_rows
from cloudcore.models.held_out import HeldOut, held_out
from cloudcore.sky import cloud_amount

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


def _pooled(found: Sequence[metrics.Confusion]) -> metrics.Confusion:
    return sum(found[1:], found[0])


def _oktas_apart(c: metrics.Confusion) -> int:
    return abs(cloud_amount.okta(c.cloud_predicted) - cloud_amount.okta(c.cloud_truth))


def choose_pairs(model: predictor.Predictor, folder: Path, every: bool = False) -> HeldOut[labelled.Pair]:
    """The labelled pairs of a folder without the images the model learnt from (unless `every`). Raises DataError."""
    seen = frozenset[str]() if every else model.trained_on
    return held_out(labelled.pairs(folder), lambda pair: pair.image, seen, f"frames of {folder}", "other frames")


def score(confusions: Sequence[metrics.Confusion], seed: int = 0) -> dict[str, dict[str, Any]]:
    """{name: {value, low, high, n}} of sky scores, bootstrapped over frames at 95 %; low and high None below n = 20."""
    usable = [c for c in confusions if c.tp + c.fp + c.fn + c.tn]
    if not usable:
        raise DataError("No frame has a defined pixel, so nothing can be scored. Give masks with cloud and sky.")
    enough = len(usable) >= bootstrap.SMALLEST_N
    return {
        name: score_rows.row(
            score_of(usable),
            bootstrap.interval(usable, score_of, seed=seed) if enough else score_rows.NO_INTERVAL,
            len(usable),
        )
        for name, score_of in _SCORES.items()
    }


def confusion_of(model: predictor.Predictor, pair: labelled.Pair) -> metrics.Confusion:
    """What a sky model gets right and wrong on one labelled frame, at its own threshold and min_size."""
    image, label = labelled.read_pair(pair)
    cloud, valid = mask.from_label(label)
    return metrics.confusion(model.mask(image, valid), cloud, valid)


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
    if model.info.kind == "masks":
        return mask_evaluation.evaluate(model, folder, every, progress)
    if model.info.kind == "class":
        others = class_evaluation.other_kinds(against) if model.info.rejection else {}
        return class_evaluation.evaluate(model, folder, every, progress, others)
    chosen = choose_pairs(model, folder, every)
    confusions: list[metrics.Confusion] = []
    by_source: dict[str, list[metrics.Confusion]] = {}
    for index, pair in enumerate(chosen.items):
        confusions.append(confusion_of(model, pair))
        by_source.setdefault(pair.source or "all", []).append(confusions[-1])
        if progress:
            progress(index + 1, len(chosen.items))
    return {
        "task": model.info.task,
        "n": len(confusions),
        "left_out": chosen.left_out,
        "threshold": model.threshold,
        "min_size": model.min_size,
        "metrics": score(confusions),
        "by_source": {name: score(by_source[name]) for name in sorted(by_source)},
        "note": score_rows.no_interval_note(len(confusions), "frames"),
    }


def sweep_model(
    model: predictor.Predictor, folder: Path, every: bool = False, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """{class: {threshold, min_size, dice, grid_hw, n}}: the best pair by Dice of cloud pooled over frames, exactly."""
    if model.info.kind == "masks":
        return mask_evaluation.sweep_model(model, folder, every, progress)
    chosen = choose_pairs(model, folder, every)
    predicted = np.zeros((len(sweep.THRESHOLDS), len(sweep.MIN_SIZES)), np.int64)
    hit, truth = np.zeros_like(predicted), 0
    for index, pair in enumerate(chosen.items):
        image, label = labelled.read_pair(pair)
        cloud, valid = mask.from_label(label)
        s, n, g = sweep.counts_sweep(model(image), cloud, sweep.THRESHOLDS, sweep.MIN_SIZES, valid)
        predicted, hit, truth = predicted + s, hit + n, truth + int(g)
        if progress:
            progress(index + 1, len(chosen.items))
    threshold, min_size, dice = sweep.best(sweep.dice_of(predicted, hit, truth), sweep.THRESHOLDS, sweep.MIN_SIZES)
    best = {"threshold": float(threshold), "min_size": int(min_size), "dice": float(dice), "grid_hw": None}
    return {model.classes[0]: {**best, "n": len(chosen.items), "left_out": chosen.left_out}}
