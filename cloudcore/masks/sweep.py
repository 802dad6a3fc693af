"""The exact Dice of every threshold and min_size, in one pass over the pixels.

Lowering the threshold only ever adds pixels. So they are sorted by the first threshold that takes them in and added,
highest first, to a union-find whose roots know their component's area and its overlap with the truth. Roots are
counted in a bucket for the number of min_sizes their area exceeds; after each threshold the suffix sums of the buckets
are what mask.clean would have kept. The numbers equal those of cleaning and counting once for every cell.
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
    """
    return dice_of(*counts_sweep(probability, truth, thresholds, min_sizes, valid))


def counts_sweep(
    probability: NDArray[Any],
    truth: Mask,
    thresholds: _Numbers = THRESHOLDS,
    min_sizes: _Numbers = MIN_SIZES,
    valid: Mask | None = None,
) -> tuple[_Ints, _Ints, int]:
    """(predicted, hit, truth) in px: int64 (T, M), int64 (T, M) and one int; add them up to pool over frames."""
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
        places, starts = rle.compiled(_rank)(values, levels, _guesses(levels))
        rle.compiled(_grow)(places, starts, np.pad(cloud, 1).view(np.uint8), sizes, _NEIGHBOURS, table)
    predicted, hit = (part[level_of][:, size_of] for part in table)
    return predicted, hit, int(np.count_nonzero(cloud))


def dice_of(predicted: _Ints, hit: _Ints, truth: int) -> NDArray[np.float64]:
    """2 hit / (predicted + truth), float64 of the same shape, and 1.0 where both are empty."""
    total = np.asarray(predicted + truth, np.int64)
    surface = np.ones(total.shape, np.float64)
    np.divide(2 * hit, total, out=surface, where=total > 0)
    return surface


def best(surface: NDArray[np.float64], thresholds: _Numbers, min_sizes: _Numbers) -> tuple[float, float, float]:
    """(threshold, min_size, dice) of the highest cell; of equals the threshold nearest 0.5, then the smallest size.

    Raises MaskError for a surface whose shape is not (T, M), or that is empty.
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


def _rank(
    values: NDArray[Any], levels: NDArray[Any], guesses: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Kernel: the pixels above any level, sorted by the highest level they are above, and where each level starts.

    places are flat indices into the grid with a margin of one pixel; places[starts[s] : starts[s + 1]] are taken in
    at the s-th level from the top.
    """
    height, width = values.shape
    n_levels = levels.size
    low, high = levels[0], levels[n_levels - 1]
    scale = (guesses.size - 1) / (np.float64(high) - np.float64(low)) if high > low else 0.0
    step_of = np.full((height, width), n_levels, np.int32)
    starts = np.zeros(n_levels + 2, np.int64)
    for row in range(height):
        for column in range(width):
            value = values[row, column]
            below = 0
            if value > high:
                below = n_levels
            elif value > low:
                below = max(1, guesses[int((np.float64(value) - np.float64(low)) * scale)])
                while not value > levels[below - 1]:
                    below -= 1
                while value > levels[below]:
                    below += 1
            step_of[row, column] = n_levels - below
            starts[n_levels - below + 1] += 1
    for step in range(n_levels + 1):
        starts[step + 1] += starts[step]
    places = np.empty(starts[n_levels], np.int32)
    free = starts.copy()
    for row in range(height):
        for column in range(width):
            step = step_of[row, column]
            if step < n_levels:
                places[free[step]] = (row + 1) * (width + 2) + column + 1
                free[step] += 1
    return places, starts


def _grow(
    places: NDArray[np.int32],
    starts: NDArray[np.int64],
    truth: NDArray[np.uint8],
    sizes: NDArray[np.float64],
    neighbours: NDArray[np.int8],
    table: _Ints,
) -> None:
    """Kernel: take the pixels in, level by level, and fill table (2, T, M) with predicted and hit px.

    truth has the margin of one pixel. A root holds minus its area in parent, its overlap with the truth in overlap
    and its bucket, the number of sizes below its area, in bucket_of; kept_area and kept_hits add up every bucket.
    """
    stride, cloud = truth.shape[1], truth.ravel()
    taken = np.zeros(cloud.size, np.uint8)
    parent, overlap = np.empty(cloud.size, np.int32), np.empty(cloud.size, np.int32)
    bucket_of = np.empty(cloud.size, np.int32)
    ring = np.array((1, stride + 1, stride, stride - 1, -1, -stride - 1, -stride, -stride + 1))
    kept_area, kept_hits = np.zeros(sizes.size + 1, np.int64), np.zeros(sizes.size + 1, np.int64)
    n_levels = table.shape[1]
    for step in range(n_levels):
        for index in range(starts[step], starts[step + 1]):
            place = np.int64(places[index])
            taken[place] = 1
            pattern = taken[place + 1] | taken[place + stride + 1] << 1 | taken[place + stride] << 2
            pattern |= taken[place + stride - 1] << 3 | taken[place - 1] << 4 | taken[place - stride - 1] << 5
            pattern |= taken[place - stride] << 6 | taken[place - stride + 1] << 7
            hit = np.int64(cloud[place])
            root, area, hits, bucket = place, 1, hit, 0
            for k in range(neighbours[pattern, 0]):
                other = place + ring[neighbours[pattern, k + 1]]
                while parent[other] >= 0:
                    above = np.int64(parent[other])
                    if parent[above] >= 0:  # shorten the way for the next visitor
                        parent[other] = parent[above]
                    other = above
                if other == root:
                    continue
                other_area, other_hits, other_bucket = -parent[other], overlap[other], bucket_of[other]
                area += other_area
                hits += other_hits
                if k == 0:
                    root, bucket = other, other_bucket
                    parent[place] = root
                    continue
                if other_bucket != bucket:
                    kept_area[other_bucket] -= other_area
                    kept_hits[other_bucket] -= other_hits
                    kept_area[bucket] += other_area
                    kept_hits[bucket] += other_hits
                if 2 * other_area >= area:
                    parent[root] = other
                    root = other
                else:
                    parent[other] = root
            grown = bucket
            while grown < sizes.size and area > sizes[grown]:
                grown += 1
            if grown != bucket:
                kept_area[bucket] -= area - 1
                kept_hits[bucket] -= hits - hit
                kept_area[grown] += area - 1
                kept_hits[grown] += hits - hit
            kept_area[grown] += 1
            kept_hits[grown] += hit
            parent[root], overlap[root], bucket_of[root] = -area, hits, grown
        area_sum, hits_sum = 0, 0
        for size in range(sizes.size - 1, -1, -1):  # the m-th size keeps every bucket above the m-th
            area_sum += kept_area[size + 1]
            hits_sum += kept_hits[size + 1]
            table[0, n_levels - 1 - step, size] = area_sum
            table[1, n_levels - 1 - step, size] = hits_sum
