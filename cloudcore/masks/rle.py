"""Run lengths in the Kaggle dialect, strictly read and quickly written.

Masks go column by column (all of column 0, then column 1), so decoded masks are column-major in memory as well. The
loops stand in rle_kernels, which is imported at the first call: importing this module does not load numba.
"""

import operator
from functools import lru_cache
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import RLEError
from cloudcore.masks.mask import Mask, as_mask

MAX_PIXELS = 50_000_000  # as for images; a text that declares more would only claim memory
_Ints = NDArray[np.int64]
_Bytes = NDArray[np.uint8]


def decode(text: str, shape_hw: tuple[int, int]) -> Mask:
    """The mask, bool (H, W), of a text "start length start length ..." with 1-based, column-major starts.

    Empty text is an empty mask and touching runs are fine. Raises RLEError, naming the run, for anything that is no
    whole number, an odd count, a start or length below 1, a run past the end, and unsorted or overlapping runs.

    >>> decode("2 3", (2, 3)).astype(int).tolist()
    [[0, 1, 0], [1, 1, 0]]
    """
    from cloudcore.masks import rle_kernels

    height, width = checked_shape(shape_hw)
    flat = np.zeros(height * width, np.bool_)
    rle_kernels.fill(runs(text, (height, width)), flat)
    return flat.reshape(width, height).T


def decode_to(text: str, shape_hw: tuple[int, int], out_hw: tuple[int, int]) -> Mask:
    """The mask on another grid, bool (out_H, out_W), equal to cv2.resize(decode(...), INTER_NEAREST).

    The full mask is never built: each run is mapped to the rows and columns that the resize would have read. Raises
    RLEError as decode does.

    >>> decode_to("1 8", (4, 4), (2, 2)).astype(int).tolist()
    [[1, 0], [1, 0]]
    """
    from cloudcore.masks import rle_kernels

    height, width = checked_shape(shape_hw)
    out_height, out_width = checked_shape(out_hw)
    columns = np.zeros((out_width, out_height), np.bool_)
    first_row, first_column = _first_reader(height, out_height), _first_reader(width, out_width)
    rle_kernels.fill_to(runs(text, (height, width)), height, first_row, first_column, columns)
    return columns.T


def encode(mask: Mask) -> str:
    """The Kaggle text of a mask, bool (H, W); empty for an empty mask. Raises MaskError for what is no mask.

    >>> encode(np.array([[0, 1, 0], [1, 1, 0]], np.bool_))
    '2 3'
    """
    from cloudcore.masks import rle_kernels

    digits: _Bytes = rle_kernels.write(boundaries(mask))
    return digits.tobytes().decode("ascii")


def runs(text: str, shape_hw: tuple[int, int]) -> _Ints:
    """The runs of a text, int64 (N, 2): first pixel and the pixel after the last, 0-based, column-major, sorted, apart.

    Their number and area need no mask. Raises RLEError as decode does.

    >>> runs("2 3 6 1", (2, 3)).tolist()
    [[1, 4], [5, 6]]
    """
    from cloudcore.masks import rle_kernels

    if not isinstance(text, str):
        raise RLEError(f"Got {type(text).__name__} in place of run lengths; wanted text, empty for an empty mask.")
    height, width = checked_shape(shape_hw)
    size = height * width
    raw = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    found = np.empty(((len(raw) + 3) // 4, 2), np.int64)  # a run takes four characters at least, its space included
    count = rle_kernels.parse(raw, size, found)
    if count < 0:
        raise _complaint(text, size)
    return found[:count]


def from_runs(found: _Ints) -> str:
    """The Kaggle text of runs as `runs` gives them, int64 (N, 2); they are not checked again.

    >>> from_runs(np.array([[1, 4], [5, 6]]))
    '2 3 6 1'
    """
    from cloudcore.masks import rle_kernels

    digits: _Bytes = rle_kernels.write(np.ascontiguousarray(found, np.int64).reshape(-1))
    return digits.tobytes().decode("ascii")


def repair(text: str, shape_hw: tuple[int, int]) -> tuple[str, bool]:
    """(text, changed): unsorted runs sorted, overlapping and touching ones merged, where sorting is all it needs.

    Everything else that decode refuses is refused here too, with RLEError.

    >>> repair("5 2 1 2", (2, 3))
    ('1 2 5 2', True)
    """
    height, width = checked_shape(shape_hw)
    pairs = sorted(_pairs(text, height * width))
    merged: list[list[int]] = []
    for start, length in pairs:
        if merged and start <= sum(merged[-1]):
            merged[-1][1] = max(merged[-1][1], start + length - merged[-1][0])
        else:
            merged.append([start, length])
    repaired = " ".join(f"{start} {length}" for start, length in merged)
    return repaired, repaired != " ".join(text.split())


def warm() -> None:
    """Compile every kernel here, or load it from numba's cache: a second or two the first time, then moments."""
    mask = np.eye(3, 4, dtype=np.bool_)
    decode_to(encode(mask), (3, 4), (2, 2))
    decode(encode(mask), (3, 4))


def checked_shape(shape_hw: tuple[int, int]) -> tuple[int, int]:
    """The shape as two ints of at least 1 and no more than MAX_PIXELS together, else RLEError."""
    try:
        height, width = (operator.index(side) for side in shape_hw)
    except (TypeError, ValueError):
        raise RLEError(f"Got the shape {short(shape_hw)}; wanted (height, width) in whole pixels.") from None
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise RLEError(
            f"Got the shape {short(height)}x{short(width)}; wanted sides of 1 px or more and at most "
            f"{MAX_PIXELS // 1_000_000} megapixels."
        )
    return height, width


@lru_cache(maxsize=64)
def _first_reader(length: int, out_length: int) -> _Ints:
    """For every source index (and one past the end), how many of the resized indices read a smaller one.

    OpenCV itself is asked which index it reads: a ramp, split into bytes because uint8 is what masks are resized as.
    """
    ramp = np.arange(length, dtype="<u4").view(np.uint8).reshape(length, 4).T
    read = cv2.resize(np.ascontiguousarray(ramp), (out_length, 4), interpolation=cv2.INTER_NEAREST)
    source = np.ascontiguousarray(read.T).view("<u4").ravel()
    return np.searchsorted(source, np.arange(length + 1)).astype(np.int64)


def boundaries(mask: Mask) -> _Ints:
    """Where a mask changes, column by column: start, end, start, end ... 0-based, always in pairs."""
    from cloudcore.masks import rle_kernels

    mask = as_mask(mask)
    if mask.flags.f_contiguous:
        flat = mask.T.reshape(-1).view(np.uint8)
    else:  # OpenCV transposes in blocks, several times faster than a strided copy
        flat = cast(_Bytes, cv2.transpose(np.ascontiguousarray(mask).view(np.uint8))).reshape(-1)
    if flat.ctypes.data % 8:
        flat = flat.copy()
    words = flat[: flat.size // 8 * 8].view(np.uint64)
    edges = np.empty(16384, np.int64)
    count = rle_kernels.changes(flat, words, edges)
    if count < 0:  # a noisy mask; only what is written to of this array becomes real memory
        edges = np.empty(flat.size + 18, np.int64)
        count = rle_kernels.changes(flat, words, edges)
    return edges[:count]


def _pairs(text: str, size: int) -> list[tuple[int, int]]:
    """(start, length) of every run, 1-based, each sound on its own; their order is not checked. Else RLEError."""
    tokens = text.split()
    if len(tokens) % 2:
        raise RLEError(
            f"Got {len(tokens)} number{'s' if len(tokens) > 1 else ''}, the last one {short(tokens[-1])}; wanted "
            f"pairs of start and length: run {len(tokens) // 2 + 1} is cut short."
        )
    pairs = []
    for run, (first, second) in enumerate(zip(tokens[::2], tokens[1::2], strict=True), start=1):
        start, length = _whole(first, run, "start"), _whole(second, run, "length")
        if start + length - 1 > size:
            raise RLEError(
                f"Got run {run} (start {short(start)}, length {short(length)}), which ends past the last pixel, "
                f"{size}; check that the mask was made for this shape."
            )
        pairs.append((start, length))
    return pairs


def _whole(token: str, run: int, what: str) -> int:
    """The token as a whole number of at least 1, else RLEError; more digits than any frame needs become 10**18."""
    digits = token.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise RLEError(f"Got {short(token)} as the {what} of run {run}; wanted a whole number written in digits.")
    value = int(digits) if len(digits) <= 18 else int(digits.lstrip("0")[:19] or "0")
    if token.startswith("-") or value < 1:
        raise RLEError(f"Got {short(token)} as the {what} of run {run}; wanted 1 or more: starts count from 1.")
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


def short(value: object) -> str:
    """A value as it may stand in a sentence: its first twenty characters, quoted where it is text."""
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than twenty digits"
    shown = repr(value) if not isinstance(value, int) else str(value)
    return shown if len(shown) <= 24 else shown[:20] + "..."
