"""Kernels of the run lengths, compiled: text to runs, runs to masks, masks to boundaries, boundaries to text."""

import numpy as np
from numpy.typing import NDArray

from cloudcore.masks.compiled import compiled
from cloudcore.masks.mask import Mask

_Ints = NDArray[np.int64]
_Bytes = NDArray[np.uint8]


@compiled
def parse(raw: _Bytes, size: int, runs: _Ints) -> int:
    """Read "start length" pairs from ASCII into runs; the number of runs, or -1 for any breach."""
    count, numbers, start, end, position = 0, 0, 0, 0, 0
    while position < raw.size:
        byte = raw[position]
        if byte == 32 or 9 <= byte <= 13:
            position += 1
            continue
        value = 0
        while position < raw.size and 48 <= raw[position] <= 57:
            value = value * 10 + (raw[position] - 48)
            if value > size:  # also keeps a number of any length from overflowing
                return -1
            position += 1
        if value == 0 or (position < raw.size and raw[position] != 32 and not 9 <= raw[position] <= 13):
            return -1
        numbers += 1
        if numbers % 2 == 1:
            start = value - 1
            continue
        if start < end or start + value > size:
            return -1
        end = start + value
        runs[count, 0], runs[count, 1] = start, end
        count += 1
    return -1 if numbers % 2 else count


@compiled
def fill(runs: _Ints, flat: Mask) -> None:
    """Set the runs in a flat column-major mask; the runs must have been checked."""
    for run in range(runs.shape[0]):
        flat[runs[run, 0] : runs[run, 1]] = True


@compiled
def fill_to(runs: _Ints, height: int, first_row: _Ints, first_column: _Ints, columns: Mask) -> None:
    """Set the runs on the other grid, columns (out_W, out_H); see rle._first_reader."""
    for run in range(runs.shape[0]):
        start, last = runs[run, 0], runs[run, 1] - 1
        for column in range(start // height, last // height + 1):
            if first_column[column] == first_column[column + 1]:
                continue
            top = start - column * height if start > column * height else 0
            bottom = min(last - column * height + 1, height)
            for out_column in range(first_column[column], first_column[column + 1]):
                columns[out_column, first_row[top] : first_row[bottom]] = True


@compiled
def changes(flat: _Bytes, words: NDArray[np.uint64], edges: _Ints) -> int:
    """Note where a flat 0/1 array differs from its predecessor (0 before the start); how many, made even.

    words is the same memory, eight pixels each, so that unchanged stretches cost an eighth. -1 where edges may be too
    short: growing an array inside the loop would make it fifteen times slower.
    """
    count, current, unchanged = 0, np.uint8(0), np.uint64(0)
    for word in range(words.size):
        if words[word] != unchanged:
            if count + 18 > edges.size:
                return -1
            for position in range(8 * word, 8 * word + 8):
                if flat[position] != current:
                    edges[count] = position
                    count += 1
                    current = flat[position]
            unchanged = np.uint64(0x0101010101010101) if current else np.uint64(0)
    for position in range(8 * words.size, flat.size):
        if flat[position] != current:
            edges[count] = position
            count += 1
            current = flat[position]
    if count % 2 == 1:
        edges[count] = flat.size
        count += 1
    return count


@compiled
def write(edges: _Ints) -> _Bytes:
    """Write "start length start length" in ASCII from pairs of boundaries."""
    buffer = np.empty(edges.size * 20, np.uint8)
    used = 0
    for index in range(edges.size):
        value = edges[index] + 1 if index % 2 == 0 else edges[index] - edges[index - 1]
        digits, rest = 0, value
        while rest > 0:
            digits, rest = digits + 1, rest // 10
        if index > 0:
            buffer[used] = 32
            used += 1
        for place in range(digits - 1, -1, -1):
            buffer[used + place] = 48 + value % 10
            value //= 10
        used += digits
    return buffer[:used]
