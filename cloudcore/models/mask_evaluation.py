"""Models of several masks: scores, the exact best threshold and min_size of each class, and submissions.

The convention is Kaggle's "Understanding Clouds from Satellite Images": Dice of every image and class on a grid of
350 x 525, where both empty count 1 and one empty counts 0, and the mean of all. Two thirds of a usual score come from
answering empty where nothing is, so that part stands apart from what true overlap gives.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.errors import DataError
from cloudcore.masks import bootstrap, metrics, sweep
from cloudcore.models import predictor
from cloudcore.models.held_out import held_out
from cloudcore.models.score_rows import NO_INTERVAL, no_interval_note, row
from cloudcore.satellite import cache
from cloudcore.satellite import table as satellite_table
from cloudcore.satellite.table import GRID_HW, PATTERNS, Table

MIN_SIZES: tuple[int, ...] = (
    *(0, 100, 250, 500, 750, 1000, 1500, 2000, 3000, 4000, 5000, 6500, 8000, 10000, 12500, 15000, 17500, 20000),
    *(25000, 30000),
)
"""Smallest sizes that a sweep tries, px of the 350 x 525 grid: patterns are larger than clouds."""
Progress = Callable[[int, int], None]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScoredImages:
    """Images a model may be scored on: their table, folder and names, and how many it was trained on and left out."""

    table: Table
    folder: Path
    names: tuple[str, ...]
    left_out: int

    def read(self) -> Iterator[tuple[images.Image, NDArray[np.bool_]]]:
        """(image (H, W, 3), true masks (K, 350, 525)) of each, one at a time."""
        for name in self.names:
            yield images.read(self.folder / name), self.table.masks(name, GRID_HW)


@dataclass(frozen=True)
class DiceTable:
    """Dice (n, K) of images and classes, and where the truth is empty, bool (n, K)."""

    dice: Floats
    empty: NDArray[np.bool_]

    def only(self, index: int) -> "DiceTable":
        """One class alone, (n, 1)."""
        return DiceTable(self.dice[:, index : index + 1], self.empty[:, index : index + 1])


def choose_images(model: predictor.Predictor, folder: Path, every: bool = False) -> ScoredImages:
    """Images of a patterns data folder without those the model learnt from (unless `every`). Raises DataError."""
    if model.classes != PATTERNS:
        raise DataError(
            f"{model.folder.name} answers {', '.join(model.classes)}; {satellite_table.find(folder)[0].name} holds "
            f"{', '.join(PATTERNS)}. Choose another model."
        )
    table, below, names = cache.sources(folder)
    seen = frozenset[str]() if every else model.trained_on
    chosen = held_out(names, lambda name: below / name, seen, f"images of {folder}", "other images")
    return ScoredImages(table, below, chosen.items, chosen.left_out)


def dice_rows(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Floats:
    """Dice of each class, float64 (K,), of masks (K, H, W): both empty 1, one empty 0."""
    return np.array([metrics.dice(p, t) for p, t in zip(predicted, truth, strict=True)], np.float64)


def dice_table(model: predictor.Predictor, chosen: ScoredImages, progress: Progress | None = None) -> DiceTable:
    """Dice of each image and class at 350 x 525, at the model's own thresholds and smallest sizes."""
    rows, empty = [], []
    for index, (image, truth) in enumerate(chosen.read()):
        rows.append(dice_rows(model.mask(image, out_hw=GRID_HW), truth))
        empty.append(~truth.any(axis=(1, 2)))
        if progress:
            progress(index + 1, len(chosen.names))
    return DiceTable(np.array(rows, np.float64), np.array(empty, np.bool_))


def score(table: DiceTable, seed: int = 0) -> dict[str, dict[str, Any]]:
    """{name: {value, low, high, n}} over image and class pairs; whole images are drawn for the 95 % interval.

    dice = from_empty (both empty, each worth 1) + from_overlap; dice_nonempty is the mean where the truth holds the
    pattern, dice_empty where it does not, all_empty what an answer of nothing would score. n counts images; below 20
    of them low and high are None.
    """
    every, empty = np.ones(table.dice.shape, np.bool_), table.empty
    credit, overlap = np.where(empty, table.dice, 0.0), np.where(empty, 0.0, table.dice)
    return {
        "dice": _mean_row(table.dice, every, seed),
        "from_empty": _mean_row(credit, every, seed),
        "from_overlap": _mean_row(overlap, every, seed),
        "dice_nonempty": _mean_row(overlap, ~empty, seed),
        "dice_empty": _mean_row(credit, empty, seed),
        "all_empty": _mean_row(empty, every, seed),
    }


def _mean_row(values: NDArray[Any], counted: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    """The row of a mean over the counted pairs of values (n, K), which are 0 elsewhere; n counts images with any."""
    sums, counts = values.sum(axis=1, dtype=np.float64), counted.sum(axis=1, dtype=np.float64)
    mean = float(sums.sum()) / float(counts.sum()) if counts.any() else math.nan
    sums, counts = sums[counts > 0], counts[counts > 0]
    interval = NO_INTERVAL
    if len(counts) >= bootstrap.SMALLEST_N:
        drawn = bootstrap.draw(len(counts), seed=seed)
        interval = bootstrap.percentiles(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return row(mean, interval, len(counts))


def scores_of(model: predictor.Predictor, chosen: ScoredImages, progress: Progress | None = None) -> dict[str, Any]:
    """{n, metrics, by_class, note, grid_hw} of a model on chosen images."""
    table, count = dice_table(model, chosen, progress), len(chosen.names)
    return {
        "n": count,
        "metrics": score(table),
        "by_class": {name: score(table.only(index)) for index, name in enumerate(model.classes)},
        "note": no_interval_note(count, "images"),
        "grid_hw": list(GRID_HW),
    }


def evaluate(
    model: predictor.Predictor, folder: Path, every: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Scores on a patterns data folder at 350 x 525, whole and by class, by the model's own thresholds and sizes.

    {task, n, left_out, threshold, min_size, grid_hw, metrics: {name: {value, low, high, n}}, by_class: {...}, note}
    """
    chosen = choose_images(model, folder, every)
    return {
        "task": model.info.task,
        "left_out": chosen.left_out,
        "threshold": model.threshold,
        "min_size": model.min_size,
        **scores_of(model, chosen, progress),
    }


def sweep_model(
    model: predictor.Predictor, folder: Path, every: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """{class: {threshold, min_size, dice, grid_hw, n, left_out}}: the pair of the best mean Dice over images, exactly.

    The mean is over all images at 350 x 525, those without the pattern included; thresholds lie between 0 and 1.
    """
    chosen = choose_images(model, folder, every)
    count = len(chosen.names)
    sums = np.zeros((len(model.classes), len(sweep.THRESHOLDS), len(MIN_SIZES)))
    for index, (image, truth) in enumerate(chosen.read()):
        for place, (plane, cloud) in enumerate(zip(model(image, GRID_HW), truth, strict=True)):
            sums[place] += sweep.dice_sweep(plane, cloud, sweep.THRESHOLDS, MIN_SIZES)
        if progress:
            progress(index + 1, count)
    surfaces = zip(model.classes, sums, strict=True)
    return {name: best_of(surface / count, count, chosen.left_out) for name, surface in surfaces}


def best_of(surface: Floats, n: int, left_out: int) -> dict[str, Any]:
    """The row of a sweep: {threshold, min_size, dice, grid_hw, n, left_out} of a mean Dice surface (T, M)."""
    threshold, min_size, dice = sweep.best(surface, sweep.THRESHOLDS, MIN_SIZES)
    best = {"threshold": threshold, "min_size": int(min_size), "dice": round(dice, 6), "grid_hw": list(GRID_HW)}
    return {**best, "n": n, "left_out": left_out}


def submit(model: predictor.Predictor, folder: Path, out: Path, progress: Progress | None = None) -> int:
    """Write a submission at 350 x 525 for every image of a folder; returns how many images.

    Written, then read back and checked. Raises DataError without an image, for two of one name, and for a finding.
    """
    paths = images.list_images(folder)
    names = [path.name for path in paths]
    if not paths:
        raise DataError(f"{folder} holds no image. Give the folder with the images to predict.")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"{folder} holds {repeated[0]} twice, in two subfolders. A submission names each image once.")
    satellite_table.write_submission(out, _submission_rows(model, paths, progress))
    if problems := satellite_table.check_submission(out, names):
        raise DataError(f"The submission is not valid: {problems[0]}")
    return len(paths)


def _submission_rows(
    model: predictor.Predictor, paths: Sequence[Path], progress: Progress | None
) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    for index, path in enumerate(paths):
        for name, cloud in zip(model.classes, model.mask(images.read(path), out_hw=GRID_HW), strict=True):
            yield path.name, name, cloud
        if progress:
            progress(index + 1, len(paths))
