"""The exact Dice of every threshold and min_size, in one pass over the pixels.

Lowering the threshold only ever adds pixels. So they are sorted by the first threshold that takes them in and added,
highest first, to a union-find whose roots know their component's area and its overlap with the truth. Roots are
counted in a bucket for the number of min_sizes their area exceeds; after each threshold the suffix sums of the buckets
are what mask.clean would have kept. The numbers equal those of cleaning and counting once for every cell. The loops
stand in sweep_kernels.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import MaskError
from cloudcore.masks import rle
from cloudcore.masks.mask import Mask, as_mask, as_probability

THRESHOLDS: tuple[float, ...] = tuple(round(step / 50, 2) for step in range(1, 50))
MIN_SIZES: tuple[int, ...] = (0, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1000, 1500, 2000)

_Ints = NDArray[np.int64]
_Numbers = Sequence[float] | NDArray[Any]


def dice_sweep(
    probability: NDArray[Any],
    truth: Mask,
    thresholds: _Numbers = THRESHOLDS,
    min_sizes: _Numbers = MIN_SIZES,
    valid: Mask | None = None,
) -> NDArray[np.float64]:
    """Dice of mask.clean(probability, threshold, min_size, valid) with truth, float64 (T, M), for every pair.

    Bitwise equal to metrics.dice of each cleaned mask: 1.0 where both are empty. Thresholds and sizes may stand in any
    order. Raises MaskError for arrays of different shape and for lists that hold NaN.

    >>> probability, truth = np.array([[0.9, 0.6, 0.0, 0.7]], np.float32), np.array([[True, True, False, False]])
    >>> dice_sweep(probability, truth, [0.5, 0.65], [0, 1]).tolist()
    [[0.8, 1.0], [0.5, 0.0]]
    """
    return dice_of(*counts_sweep(probability, truth, thresholds, min_sizes, valid))


def counts_sweep(
    probability: NDArray[Any],
    truth: Mask,
    thresholds: _Numbers = THRESHOLDS,
    min_sizes: _Numbers = MIN_SIZES,
    valid: Mask | None = None,
) -> tuple[_Ints, _Ints, int]:
    """(predicted, hit, truth) in px: int64 (T, M), int64 (T, M) and one int; add them up to pool over frames.

    >>> counts_sweep(np.array([[0.9, 0.6]], np.float32), np.array([[True, False]]), [0.5], [0, 1])
    (array([[2, 2]]), array([[1, 1]]), 1)
    """
    values = np.ascontiguousarray(as_probability(probability))
    shape_hw = cast(tuple[int, int], values.shape)
    cloud = as_mask(truth, "truth", shape_hw)
    if valid is not None:
        valid = as_mask(valid, "valid mask", shape_hw)
        cloud = cloud & valid
        values = np.where(valid, values, values.dtype.type(np.nan))  # NaN is above no threshold
    levels, level_of = _ascending(np.asarray(thresholds, np.float32), "threshold")
    sizes, size_of = _ascending(np.asarray(min_sizes, np.float64), "min_size")
    table = np.zeros((2, len(levels), len(sizes)), np.int64)
    if table.size and values.size:
        levels = levels.astype(values.dtype)  # float32 thresholds are exact in float64 too
        _fill(table, *_sorted_places(values, levels), cloud, sizes)
    predicted, hit = (part[level_of][:, size_of] for part in table)
    return predicted, hit, int(np.count_nonzero(cloud))


def dice_of(predicted: _Ints, hit: _Ints, truth: int) -> NDArray[np.float64]:
    """2 hit / (predicted + truth), float64 of the same shape, and 1.0 where both are empty.

    >>> dice_of(np.array([[2, 0]]), np.array([[1, 0]]), 0).tolist()
    [[1.0, 1.0]]
    """
    total = np.asarray(predicted + truth, np.int64)
    surface = np.ones(total.shape, np.float64)
    np.divide(2 * hit, total, out=surface, where=total > 0)
    return surface


def best(surface: NDArray[np.float64], thresholds: _Numbers, min_sizes: _Numbers) -> tuple[float, float, float]:
    """(threshold, min_size, dice) of the highest cell; of equals the threshold nearest 0.5, then the smallest size.

    Raises MaskError for a surface whose shape is not (T, M), or that is empty.

    >>> best(np.array([[0.5, 0.9], [0.9, 0.1]]), [0.1, 0.4], [0, 50])
    (0.4, 0.0, 0.9)
    """
    if surface.shape != (len(thresholds), len(min_sizes)) or not surface.size:
        raise MaskError(
            f"Got a surface of shape {surface.shape}; wanted ({len(thresholds)}, {len(min_sizes)}), one cell at least."
        )
    rows, columns = np.nonzero(surface == surface.max())
    cells = zip(rows.tolist(), columns.tolist(), strict=True)
    ties = [(float(thresholds[row]), float(min_sizes[column])) for row, column in cells]
    threshold, min_size = min(ties, key=lambda tie: (abs(tie[0] - 0.5), tie[1]))
    return threshold, min_size, float(surface.max())


def warm() -> None:
    """Compile the kernels of the sweep and of the run lengths, or load them from numba's cache on disk.

    Some seconds the first time on a machine, under two later; safe to call in a thread while a page is shown.
    """
    rle.warm()
    dice_sweep(np.full((2, 2), 0.5, np.float32), np.eye(2, dtype=np.bool_))


def _ascending(numbers: NDArray[Any], name: str) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """(different values in ascending order, where each of the numbers went)."""
    if numbers.ndim != 1 or np.isnan(numbers).any():
        raise MaskError(f"Got {name}s of shape {numbers.shape} or with NaN among them; wanted a plain list of numbers.")
    values, places = np.unique(numbers, return_inverse=True)
    return values, places


def _sorted_places(values: NDArray[Any], levels: NDArray[Any]) -> tuple[NDArray[np.int32], _Ints]:
    """(places, counts): pixels above any level, highest levels first, and how many of them each level adds.

    places are flat indices into the grid with a margin of one pixel; counts has a last entry for all other pixels.
    """
    from cloudcore.masks import sweep_kernels

    step_of, counts = np.empty(values.shape, np.int32), np.zeros(len(levels) + 1, np.int64)
    sweep_kernels.count_steps(values, levels, _guesses(levels), step_of, counts)
    places = np.empty(values.size - counts[-1], np.int32)
    sweep_kernels.sort_places(step_of, np.cumsum(counts) - counts, places)
    return places, counts


def _fill(table: _Ints, places: NDArray[np.int32], counts: _Ints, cloud: Mask, sizes: NDArray[np.float64]) -> None:
    """Fill table (2, T, M) with predicted and hit px by taking the places in, level by level."""
    from cloudcore.masks import sweep_kernels

    padded = np.pad(cloud, 1)
    stride = padded.shape[1]
    marks = np.zeros((2, padded.size), np.uint8)
    marks[sweep_kernels.TRUE] = padded.ravel()
    forest, kept = np.empty((3, padded.size), np.int32), np.zeros((2, len(sizes) + 1), np.int64)
    sweep_kernels.grow(places, counts, stride, marks, forest, _joins(stride), sizes, kept, table)


def _guesses(levels: NDArray[Any]) -> NDArray[np.int32]:
    """For 1024 equal steps between the lowest and the highest threshold, how many thresholds lie below; int32.

    Only a start for the exact comparison in the kernel, which walks on from there in either direction.
    """
    steps = np.linspace(float(levels[0]), float(levels[-1]), 1024)
    return np.searchsorted(levels, steps).astype(np.int32)


def _representatives() -> NDArray[np.int8]:
    """Which neighbours to join, int8 (256, 5), for every pattern of the eight that are already taken in.

    Bit k stands for the k-th place around the ring E, SE, S, SW, W, NW, N, NE. Neighbours that touch each other were
    joined before, so one of each touching group is enough: the row holds how many, then which.
    """
    ring = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
    touching = [{k for k, b in enumerate(ring) if max(abs(a[0] - b[0]), abs(a[1] - b[1])) <= 1} for a in ring]
    table = np.zeros((256, 5), np.int8)
    for pattern in range(256):
        left = {k for k in range(8) if pattern >> k & 1}
        while left:
            first = min(left, key=lambda k: (k % 2, k))
            group, edge = {first}, [first]
            while edge:
                fresh = (touching[edge.pop()] & left) - group
                group |= fresh
                edge.extend(fresh)
            left -= group
            table[pattern, 0] += 1
            table[pattern, table[pattern, 0]] = first
    return table


_NEIGHBOURS = _representatives()


def _joins(stride: int) -> _Ints:
    """The neighbours to join as steps in a flat grid of that row length, int64 (256, 5): how many, then the steps."""
    ring = np.array((1, stride + 1, stride, stride - 1, -1, -stride - 1, -stride, -stride + 1))
    steps = ring[_NEIGHBOURS]
    steps[:, 0] = _NEIGHBOURS[:, 0]
    return steps
