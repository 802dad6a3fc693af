"""Run lengths: the Kaggle dialect, strictly read and quickly written, and COCO's two forms of the same thing.

Masks go column by column (all of column 0, then column 1), so decoded masks are column-major in memory as well. The
loops are compiled by numba at their first call and kept on disk; importing this module does not load numba.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import RLEError
from cloudcore.masks.mask import Mask, as_mask

MAX_PIXELS = 50_000_000  # as for images; a text that declares more would only claim memory
_Ints = NDArray[np.int64]
_Bytes = NDArray[np.uint8]


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled by numba, without the interpreter's lock, from numba's cache on disk where possible.

    The function must stand at module level and call nothing but numpy. Where no cache folder can be written (a
    read-only container without a home) it is compiled anew in every process.
    """
    import numba

    try:
        return numba.njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # numba: "cannot cache function ...: no locator available"
        return numba.njit(nogil=True)(function)  # type: ignore[no-any-return]


def decode(text: str, shape_hw: tuple[int, int]) -> Mask:
    """The mask, bool (H, W), of a text "start length start length ..." with 1-based, column-major starts.

    Empty text is an empty mask and touching runs are fine. Raises RLEError, naming the run, for anything that is no
    whole number, an odd count, a start or length below 1, a run past the end, and unsorted or overlapping runs.
    """
    height, width = _checked_shape(shape_hw)
    flat = np.zeros(height * width, np.bool_)
    compiled(_fill)(runs(text, (height, width)), flat)
    return flat.reshape(width, height).T


def decode_to(text: str, shape_hw: tuple[int, int], out_hw: tuple[int, int]) -> Mask:
    """The mask on another grid, bool (out_H, out_W), equal to cv2.resize(decode(...), INTER_NEAREST).

    The full mask is never built: each run is mapped to the rows and columns that the resize would have read. Raises
    RLEError as decode does.
    """
    height, width = _checked_shape(shape_hw)
    out_height, out_width = _checked_shape(out_hw)
    columns = np.zeros((out_width, out_height), np.bool_)
    first_row, first_column = _first_reader(height, out_height), _first_reader(width, out_width)
    compiled(_fill_to)(runs(text, (height, width)), height, first_row, first_column, columns)
    return columns.T


def encode(mask: Mask) -> str:
    """The Kaggle text of a mask, bool (H, W); empty for an empty mask. Raises MaskError for what is no mask."""
    digits: _Bytes = compiled(_write)(_boundaries(mask))
    return digits.tobytes().decode("ascii")


def runs(text: str, shape_hw: tuple[int, int]) -> _Ints:
    """The runs of a text, int64 (N, 2): first pixel and the pixel after the last, 0-based, column-major, sorted, apart.

    Their number and area need no mask. Raises RLEError as decode does.
    """
    if not isinstance(text, str):
        raise RLEError(f"Got {type(text).__name__} in place of run lengths; wanted text, empty for an empty mask.")
    height, width = _checked_shape(shape_hw)
    size = height * width
    raw = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    found = np.empty(((len(raw) + 3) // 4, 2), np.int64)  # a run takes four characters at least, its space included
    count = compiled(_parse)(raw, size, found)
    if count < 0:
        raise _complaint(text, size)
    return found[:count]


def from_runs(found: _Ints) -> str:
    """The Kaggle text of runs as `runs` gives them, int64 (N, 2); they are not checked again."""
    digits: _Bytes = compiled(_write)(np.ascontiguousarray(found, np.int64).reshape(-1))
    return digits.tobytes().decode("ascii")


def repair(text: str, shape_hw: tuple[int, int]) -> tuple[str, bool]:
    """(text, changed): unsorted runs sorted, overlapping and touching ones merged, where sorting is all it needs.

    Everything else that decode refuses is refused here too, with RLEError.
    """
    height, width = _checked_shape(shape_hw)
    pairs = sorted(_pairs(text, height * width))
    merged: list[list[int]] = []
    for start, length in pairs:
        if merged and start <= sum(merged[-1]):
            merged[-1][1] = max(merged[-1][1], start + length - merged[-1][0])
        else:
            merged.append([start, length])
    repaired = " ".join(f"{start} {length}" for start, length in merged)
    return repaired, repaired != " ".join(text.split())


def to_coco(mask: Mask, compressed: bool = True) -> dict[str, Any]:
    """COCO's {"size": [H, W], "counts": ...}: a string when compressed, else a list of run lengths from 0 on.

    The string is the one pycocotools writes: base 32 in the characters from "0", each count from the fourth on as the
    difference to the count before the last (cocodataset/cocoapi, maskApi.c, rleToString).
    """
    mask = as_mask(mask)
    edges = _boundaries(mask)
    ends = edges if edges.size and edges[-1] == mask.size else np.append(edges, mask.size)
    counts: list[int] = np.diff(ends, prepend=0).tolist()
    return {"size": list(mask.shape), "counts": _pack(counts) if compressed else counts}


def from_coco(coco: Mapping[str, Any]) -> Mask:
    """The mask, bool (H, W), of COCO's {"size", "counts"} with counts as a list, a string or bytes.

    Raises RLEError where size is no pair of positive whole numbers, a count is negative or no whole number, a string
    is cut short or holds a stranger, or the counts do not add up to H * W.
    """
    missing = [key for key in ("size", "counts") if key not in coco]
    if missing:
        raise RLEError(f"Got a COCO RLE without {missing[0]!r}; wanted 'size' and 'counts': export it again.")
    size, counts = coco["size"], coco["counts"]
    if not isinstance(size, Sequence) or len(size) != 2:
        raise RLEError(f"Got the COCO size {_short(size)}; wanted [height, width].")
    height, width = _checked_shape((size[0], size[1]))
    if isinstance(counts, str | bytes):
        counts = _unpack(counts)
    elif not isinstance(counts, Sequence) or any(type(count) is not int for count in counts):
        raise RLEError(f"Got the COCO counts {_short(counts)}; wanted a string or a list of whole numbers.")
    if (low := min(counts, default=0)) < 0:
        raise RLEError(f"Got the COCO count {_short(low)}, run {counts.index(low) + 1}; wanted 0 or more.")
    if (total := sum(counts)) != height * width:
        raise RLEError(
            f"Got COCO counts that add up to {_short(total)}; wanted {height * width} for {height}x{width} px."
        )
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(width, height).T


def warm() -> None:
    """Compile every kernel here, or load it from numba's cache: a second or two the first time, then moments."""
    mask = np.eye(3, 4, dtype=np.bool_)
    decode_to(encode(mask), (3, 4), (2, 2))
    decode(encode(mask), (3, 4))


def _checked_shape(shape_hw: tuple[int, int]) -> tuple[int, int]:
    """The shape as two ints of at least 1 and no more than MAX_PIXELS together, else RLEError."""
    try:
        height, width = (operator.index(side) for side in shape_hw)
    except (TypeError, ValueError):
        raise RLEError(f"Got the shape {_short(shape_hw)}; wanted (height, width) in whole pixels.") from None
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise RLEError(
            f"Got the shape {_short(height)}x{_short(width)}; wanted sides of 1 px or more and at most "
            f"{MAX_PIXELS // 1_000_000} megapixels."
        )
    return height, width


def _parse(raw: _Bytes, size: int, runs: _Ints) -> int:
    """Kernel: read "start length" pairs from ASCII into runs; the number of runs, or -1 for any breach."""
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


def _fill(runs: _Ints, flat: Mask) -> None:
    """Kernel: set the runs in a flat column-major mask; the runs must have been checked."""
    for run in range(runs.shape[0]):
        flat[runs[run, 0] : runs[run, 1]] = True


def _fill_to(runs: _Ints, height: int, first_row: _Ints, first_column: _Ints, columns: Mask) -> None:
    """Kernel: set the runs on the other grid, columns (out_W, out_H); see _first_reader."""
    for run in range(runs.shape[0]):
        start, last = runs[run, 0], runs[run, 1] - 1
        for column in range(start // height, last // height + 1):
            if first_column[column] == first_column[column + 1]:
                continue
            top = start - column * height if start > column * height else 0
            bottom = min(last - column * height + 1, height)
            for out_column in range(first_column[column], first_column[column + 1]):
                columns[out_column, first_row[top] : first_row[bottom]] = True


@lru_cache(maxsize=64)
def _first_reader(length: int, out_length: int) -> _Ints:
    """For every source index (and one past the end), how many of the resized indices read a smaller one.

    OpenCV itself is asked which index it reads: a ramp, split into bytes because uint8 is what masks are resized as.
    """
    ramp = np.arange(length, dtype="<u4").view(np.uint8).reshape(length, 4).T
    read = cv2.resize(np.ascontiguousarray(ramp), (out_length, 4), interpolation=cv2.INTER_NEAREST)
    source = np.ascontiguousarray(read.T).view("<u4").ravel()
    return np.searchsorted(source, np.arange(length + 1)).astype(np.int64)


def _boundaries(mask: Mask) -> _Ints:
    """Where a mask changes, column by column: start, end, start, end ... 0-based, always in pairs."""
    mask = as_mask(mask)
    if mask.flags.f_contiguous:
        flat = mask.T.reshape(-1).view(np.uint8)
    else:  # OpenCV transposes in blocks, several times faster than a strided copy
        flat = cast(_Bytes, cv2.transpose(np.ascontiguousarray(mask).view(np.uint8))).reshape(-1)
    if flat.ctypes.data % 8:
        flat = flat.copy()
    words = flat[: flat.size // 8 * 8].view(np.uint64)
    edges = np.empty(16384, np.int64)
    count = compiled(_changes)(flat, words, edges)
    if count < 0:  # a noisy mask; only what is written to of this array becomes real memory
        edges = np.empty(flat.size + 18, np.int64)
        count = compiled(_changes)(flat, words, edges)
    return edges[:count]


def _changes(flat: _Bytes, words: NDArray[np.uint64], edges: _Ints) -> int:
    """Kernel: note where a flat 0/1 array differs from its predecessor (0 before the start); how many, made even.

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


def _write(edges: _Ints) -> _Bytes:
    """Kernel: "start length start length" in ASCII from pairs of boundaries."""
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


def _pairs(text: str, size: int) -> list[tuple[int, int]]:
    """(start, length) of every run, 1-based, each sound on its own; their order is not looked at. Else RLEError."""
    tokens = text.split()
    if len(tokens) % 2:
        raise RLEError(
            f"Got {len(tokens)} number{'s' if len(tokens) > 1 else ''}, the last one {_short(tokens[-1])}; wanted "
            f"pairs of start and length: run {len(tokens) // 2 + 1} is cut short."
        )
    pairs = []
    for run, (first, second) in enumerate(zip(tokens[::2], tokens[1::2], strict=True), start=1):
        start, length = _whole(first, run, "start"), _whole(second, run, "length")
        if start + length - 1 > size:
            raise RLEError(
                f"Got run {run} (start {_short(start)}, length {_short(length)}), which ends past the last pixel, "
                f"{size}; check that the mask was made for this shape."
            )
        pairs.append((start, length))
    return pairs


def _whole(token: str, run: int, what: str) -> int:
    """The token as a whole number of at least 1, else RLEError; more digits than any frame needs become 10**18."""
    digits = token.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise RLEError(f"Got {_short(token)} as the {what} of run {run}; wanted a whole number written in digits.")
    value = int(digits) if len(digits) <= 18 else int(digits.lstrip("0")[:19] or "0")
    if token.startswith("-") or value < 1:
        raise RLEError(f"Got {_short(token)} as the {what} of run {run}; wanted 1 or more: starts count from 1.")
    return value


def _complaint(text: str, size: int) -> RLEError:
    """The sentence for a text that the parser refused."""
    try:
        pairs = _pairs(text, size)
    except RLEError as error:
        return error
    for run, ((before, length), (start, _)) in enumerate(zip(pairs, pairs[1:], strict=False), start=2):
        if start < before:
            order = f"starts at {start}, before run {run - 1} at {before}"
        elif start < before + length:
            order = f"starts at {start}, inside run {run - 1}, which ends at {before + length - 1}"
        else:
            continue
        return RLEError(f"Got run {run} that {order}; wanted sorted runs that do not overlap: import with --repair.")
    return RLEError("Got characters that are no run lengths; wanted digits and spaces.")


def _pack(counts: Sequence[int]) -> str:
    """COCO's compressed string of run lengths."""
    letters = []
    for index, count in enumerate(counts):
        value, more = count - counts[index - 2] if index > 2 else count, True
        while more:
            bits, value = value & 0x1F, value >> 5
            more = value != (-1 if bits & 0x10 else 0)
            letters.append(chr(48 + bits + (0x20 if more else 0)))
    return "".join(letters)


def _unpack(packed: str | bytes) -> list[int]:
    """Run lengths of COCO's compressed string, else RLEError; they may still be negative."""
    raw = packed.encode("utf-8", "replace") if isinstance(packed, str) else packed
    counts: list[int] = []
    value = shift = 0
    for byte in raw:
        if not 48 <= byte < 112 or shift > 60:
            raise RLEError(f"Got {_short(chr(byte))} in run {len(counts) + 1} of COCO counts; wanted its base 32.")
        bits = byte - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise RLEError(f"Got COCO counts cut off inside run {len(counts) + 1}; wanted them whole: export them again.")
    return counts


def _short(value: object) -> str:
    """A value as it may stand in a sentence: its first twenty characters, quoted where it is text."""
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than twenty digits"
    shown = repr(value) if not isinstance(value, int) else str(value)
    return shown if len(shown) <= 24 else shown[:20] + "..."
