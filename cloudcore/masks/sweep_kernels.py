"""Kernels of the sweep, compiled: pixels counted and sorted by threshold, then taken into a union-find of components.

The union-find stands here once more, unlike frames.groups, because it runs for every pixel of a frame. No kernel makes
or returns an array: numba then counts no references, which would cost several times the work itself.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore.masks.compiled import compiled

_Ints = NDArray[np.int64]
_Ints32 = NDArray[np.int32]

TRUE, TAKEN = 0, 1
"""Rows of marks (2, n), uint8: whether a place of the flat grid is true, and whether it was taken in."""
PARENT, OVERLAP, BUCKET = 0, 1, 2
"""Rows of forest (3, n), int32. A root holds minus its area as parent, any other place the way to its root; of a root
stand its overlap with the truth and its bucket, the number of sizes that its area exceeds."""


@compiled
def count_steps(values: NDArray[Any], levels: NDArray[Any], guesses: _Ints32, step_of: _Ints32, counts: _Ints) -> None:
    """Fill step_of (H, W) with how many of the ascending levels (T,) a value is not above, and counts (T + 1,)."""
    low, high = levels[0], levels[levels.size - 1]
    span = np.float64(high) - np.float64(low)
    scale = (guesses.size - 1) / span if span > 0 else 0.0
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            value = values[row, column]
            below = 0
            if value > high:
                below = levels.size
            elif value > low:
                below = _levels_below(value, levels, guesses[int((np.float64(value) - np.float64(low)) * scale)])
            step_of[row, column] = levels.size - below
            counts[levels.size - below] += 1


@compiled
def _levels_below(value: float, levels: NDArray[Any], guess: int) -> int:
    """How many levels a value between the lowest and the highest is above, walking on from a guess."""
    below = max(1, guess)
    while not value > levels[below - 1]:
        below -= 1
    while value > levels[below]:
        below += 1
    return below


@compiled
def sort_places(step_of: _Ints32, free: _Ints, places: _Ints32) -> None:
    """Write every pixel to the next free place of its step, as an index into the grid with a margin of one pixel."""
    height, width = step_of.shape
    for row in range(height):
        for column in range(width):
            step = step_of[row, column]
            if free[step] < places.size:
                places[free[step]] = (row + 1) * (width + 2) + column + 1
                free[step] += 1


@compiled
def grow(
    places: _Ints32,
    counts: _Ints,
    stride: int,
    marks: NDArray[np.uint8],
    forest: _Ints32,
    joins: _Ints,
    sizes: NDArray[np.float64],
    kept: _Ints,
    table: _Ints,
) -> None:
    """Take the places in, counts[s] of them at step s, and fill table (2, T, M) with predicted and hit px.

    kept (2, M + 1) adds up area and overlap of the components in every bucket.
    """
    index, n_levels = 0, table.shape[1]
    for step in range(n_levels):
        for _ in range(counts[step]):
            _take_in(int(places[index]), stride, marks, forest, joins, sizes, kept)
            index += 1
        area, hits = 0, 0
        for size in range(sizes.size - 1, -1, -1):  # the m-th size keeps every bucket above the m-th
            area += kept[0, size + 1]
            hits += kept[1, size + 1]
            table[0, n_levels - 1 - step, size] = area
            table[1, n_levels - 1 - step, size] = hits


@compiled
def _take_in(
    place: int,
    stride: int,
    marks: NDArray[np.uint8],
    forest: _Ints32,
    joins: _Ints,
    sizes: NDArray[np.float64],
    kept: _Ints,
) -> None:
    """Take one place in: join the components around it, then put the whole into its bucket."""
    marks[TAKEN, place] = 1
    pattern = _pattern(marks, place, stride)
    hit = int(marks[TRUE, place])
    root, area, hits, bucket = place, 1, hit, 0
    for k in range(joins[pattern, 0]):
        other = _root(forest, place + joins[pattern, k + 1])
        if other == root:
            continue
        other_area, other_hits = -forest[PARENT, other], forest[OVERLAP, other]
        area += other_area
        hits += other_hits
        if k == 0:
            root, bucket = other, forest[BUCKET, other]
            forest[PARENT, place] = root
            continue
        _move(kept, forest[BUCKET, other], bucket, other_area, other_hits)
        if 2 * other_area >= area:
            forest[PARENT, root] = other
            root = other
        else:
            forest[PARENT, other] = root
    grown = bucket
    while grown < sizes.size and area > sizes[grown]:
        grown += 1
    _move(kept, bucket, grown, area - 1, hits - hit)
    kept[0, grown] += 1
    kept[1, grown] += hit
    forest[PARENT, root], forest[OVERLAP, root], forest[BUCKET, root] = -area, hits, grown


@compiled
def _pattern(marks: NDArray[np.uint8], place: int, stride: int) -> int:
    """Which neighbours were taken in: bit k for the k-th place around the ring E, SE, S, SW, W, NW, N, NE."""
    pattern: int = marks[TAKEN, place + 1] | marks[TAKEN, place + stride + 1] << 1 | marks[TAKEN, place + stride] << 2
    pattern |= marks[TAKEN, place + stride - 1] << 3 | marks[TAKEN, place - 1] << 4
    pattern |= marks[TAKEN, place - stride - 1] << 5 | marks[TAKEN, place - stride] << 6
    pattern |= marks[TAKEN, place - stride + 1] << 7
    return pattern


@compiled
def _root(forest: _Ints32, place: int) -> int:
    while forest[PARENT, place] >= 0:
        above = int(forest[PARENT, place])
        if forest[PARENT, above] >= 0:  # shorten the way for the next visitor
            forest[PARENT, place] = forest[PARENT, above]
        place = above
    return place


@compiled
def _move(kept: _Ints, source: int, target: int, area: int, hits: int) -> None:
    """Move area and hits from one bucket to another."""
    if source != target:
        kept[0, source] -= area
        kept[1, source] -= hits
        kept[0, target] += area
        kept[1, target] += hits
