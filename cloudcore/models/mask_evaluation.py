"""Models of several masks: scores, the exact best threshold and min_size of each class, masks and submissions.

The convention is Kaggle's "Understanding Clouds from Satellite Images": Dice of every image and class on a grid of
350 x 525, where both empty count 1 and one empty counts 0, and the mean of all. Two thirds of a usual score come from
answering empty where nothing is, so that part stands apart from what true overlap gives.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.errors import DataError
from cloudcore.files import opening
from cloudcore.masks import mask, metrics, sweep
from cloudcore.models import predictor
from cloudcore.satellite import cache
from cloudcore.satellite import table as satellite_table
from cloudcore.satellite.table import GRID_HW, PATTERNS, Table

SMALLEST_N = 20
RESAMPLES = 1000
MIN_SIZES: tuple[int, ...] = (
    *(0, 100, 250, 500, 750, 1000, 1500, 2000, 3000, 4000, 5000, 6500, 8000, 10000, 12500, 15000, 17500, 20000),
    *(25000, 30000),
)
"""Smallest sizes that a sweep tries, px of the 350 x 525 grid: patterns are larger than clouds."""
Progress = Callable[[int, int], None]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Kept:
    """Images a model may be scored on: their table, folder and names, and how many it was trained on and left out."""

    table: Table
    folder: Path
    names: tuple[str, ...]
    left_out: int


@dataclass(frozen=True)
class Found:
    """Dice (n, K) of images and classes, and where the truth is empty, bool (n, K)."""

    dice: Floats
    empty: NDArray[np.bool_]

    def only(self, index: int) -> "Found":
        """One class alone, (n, 1)."""
        return Found(self.dice[:, index : index + 1], self.empty[:, index : index + 1])


def keep(model: predictor.Predictor, folder: Path, every: bool = False) -> Kept:
    """Images of a patterns data folder without those the model learnt from (unless `every`). Raises DataError."""
    if tuple(model.classes) != PATTERNS:
        raise DataError(
            f"{model.folder.name} answers {', '.join(model.classes)}; {satellite_table.find(folder)[0].name} holds "
            f"{', '.join(PATTERNS)}. Choose another model."
        )
    table, found, names = cache.sources(folder)
    if every or not model.trained_on:
        return Kept(table, found, tuple(names), 0)
    kept = tuple(name for name in names if opening.sha256_of(found / name) not in model.trained_on)
    if not kept:
        raise DataError(
            f"All {len(names)} images of {folder} were trained on, so a score would mean nothing. Give other images, "
            "or add --all to see it all the same."
        )
    return Kept(table, found, kept, len(names) - len(kept))


def clean_all(model: predictor.Predictor, probability: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Masks, bool (K, H, W), of probabilities (K, H, W) by each class's own threshold and min_size."""
    each = zip(probability, model.threshold, model.min_size, strict=True)
    return np.stack([mask.clean(plane, threshold, size) for plane, threshold, size in each])


def masks_of(
    model: predictor.Predictor, image: images.Image, out_hw: tuple[int, int] | None = None
) -> NDArray[np.bool_]:
    """The masks of an image, bool (K, H, W) at its size or at out_hw, cleaned on the model's own grid.

    min_size counts px of model.grid_hw; where that is not the size asked for, the cleaned masks are resized by nearest
    neighbour.
    """
    wanted = out_hw or cast(tuple[int, int], image.shape[:2])
    cleaned = clean_all(model, model(image, model.grid_hw or wanted))
    if cleaned.shape[1:] == wanted:
        return cleaned
    sized = [cv2.resize(m.view(np.uint8), wanted[::-1], interpolation=cv2.INTER_NEAREST) for m in cleaned]
    return np.stack(sized).astype(np.bool_)


def dice_rows(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Floats:
    """Dice of each class, float64 (K,), of masks (K, H, W): both empty 1, one empty 0."""
    return np.array([metrics.dice(p, t) for p, t in zip(predicted, truth, strict=True)], np.float64)


def find(model: predictor.Predictor, kept: Kept, progress: Progress | None = None) -> Found:
    """Dice of each kept image and class at 350 x 525, at the model's own thresholds and smallest sizes."""
    rows, empty = [], []
    for index, (image, truth) in enumerate(_read(kept)):
        rows.append(dice_rows(masks_of(model, image, GRID_HW), truth))
        empty.append(~truth.any(axis=(1, 2)))
        if progress:
            progress(index + 1, len(kept.names))
    return Found(np.array(rows, np.float64), np.array(empty, np.bool_))


def _read(kept: Kept) -> Iterator[tuple[images.Image, NDArray[np.bool_]]]:
    for name in kept.names:
        yield images.read(kept.folder / name), kept.table.masks(name, GRID_HW)


def score(found: Found, seed: int = 0) -> dict[str, dict[str, Any]]:
    """{name: {value, low, high, n}} over image and class pairs; whole images are drawn for the 95 % interval.

    dice = from_empty (both empty, each worth 1) + from_overlap; dice_nonempty is the mean where the truth holds the
    pattern, dice_empty where it does not, all_empty what an answer of nothing would score. n counts images; below 20
    of them low and high are None.
    """
    ones = np.ones(found.dice.shape)
    credit, overlap = np.where(found.empty, found.dice, 0.0), np.where(found.empty, 0.0, found.dice)
    shares = {
        "dice": (found.dice, ones), "from_empty": (credit, ones), "from_overlap": (overlap, ones),
        "dice_nonempty": (overlap, ~found.empty), "dice_empty": (credit, found.empty), "all_empty": (found.empty, ones),
    }  # fmt: skip
    table = {}
    for name, (part, whole) in shares.items():
        parts, wholes = part.sum(axis=1, dtype=np.float64), whole.sum(axis=1, dtype=np.float64)
        used = wholes > 0
        low, high = _interval(parts[used], wholes[used], seed)
        total = float(wholes.sum())
        value = round(float(parts.sum()) / total, 5) if total else None
        table[name] = {"value": value, "low": low, "high": high, "n": int(used.sum())}
    return table


def _interval(parts: Floats, wholes: Floats, seed: int) -> tuple[float | None, float | None]:
    """Percentile bootstrap over images of sum(parts) / sum(wholes); None below SMALLEST_N images."""
    if len(parts) < SMALLEST_N:
        return None, None
    drawn = np.random.default_rng(seed).integers(0, len(parts), (RESAMPLES, len(parts)))
    low, high = np.percentile(parts[drawn].sum(axis=1) / wholes[drawn].sum(axis=1), (2.5, 97.5))
    return round(float(low), 5), round(float(high), 5)


def tables(model: predictor.Predictor, kept: Kept, progress: Progress | None = None) -> dict[str, Any]:
    """{n, metrics, by_class, note} of a model on kept images."""
    found = find(model, kept, progress)
    by_class = {name: score(found.only(index)) for index, name in enumerate(model.classes)}
    count = len(kept.names)
    note = "" if count >= SMALLEST_N else f"No interval: {count} images are fewer than {SMALLEST_N}."
    return {"n": count, "metrics": score(found), "by_class": by_class, "note": note, "grid_hw": list(GRID_HW)}


def evaluate(
    model: predictor.Predictor, folder: Path, every: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Scores on a patterns data folder at 350 x 525, whole and by class, by the model's own thresholds and sizes.

    {task, n, left_out, threshold, min_size, grid_hw, metrics: {name: {value, low, high, n}}, by_class: {...}, note}
    """
    kept = keep(model, folder, every)
    head = {"task": model.info["task"], "left_out": kept.left_out}
    return {**head, "threshold": model.threshold, "min_size": model.min_size, **tables(model, kept, progress)}


def sweep_model(
    model: predictor.Predictor, folder: Path, every: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """{class: {threshold, min_size, dice, grid_hw, n, left_out}}: the pair of the best mean Dice over images, exactly.

    The mean is over all images at 350 x 525, those without the pattern included; thresholds lie between 0 and 1.
    """
    kept = keep(model, folder, every)
    sums = np.zeros((len(model.classes), len(sweep.THRESHOLDS), len(MIN_SIZES)))
    for index, (image, truth) in enumerate(_read(kept)):
        for place, (plane, cloud) in enumerate(zip(model(image, GRID_HW), truth, strict=True)):
            sums[place] += sweep.dice_sweep(plane, cloud, sweep.THRESHOLDS, MIN_SIZES)
        if progress:
            progress(index + 1, len(kept.names))
    return {name: best_of(surface / len(kept.names), len(kept.names), kept.left_out)
            for name, surface in zip(model.classes, sums, strict=True)}  # fmt: skip


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
        for name, cloud in zip(model.classes, masks_of(model, images.read(path), GRID_HW), strict=True):
            yield path.name, name, cloud
        if progress:
            progress(index + 1, len(paths))
