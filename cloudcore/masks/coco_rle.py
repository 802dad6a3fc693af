"""COCO's two forms of run lengths: a list of counts, and the string that pycocotools packs them into."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cloudcore.errors import RLEError
from cloudcore.masks import rle
from cloudcore.masks.mask import Mask, as_mask


def encode(mask: Mask, compressed: bool = True) -> dict[str, Any]:
    """COCO's {"size": [H, W], "counts": ...}: a string when compressed, else a list of run lengths from 0 on.

    The string is the one pycocotools writes: base 32 in the characters from "0", each count from the fourth on as the
    difference to the count before the last (cocodataset/cocoapi, maskApi.c, rleToString).

    >>> mask = np.array([[0, 1, 0], [1, 1, 0]], np.bool_)
    >>> encode(mask, compressed=False)
    {'size': [2, 3], 'counts': [1, 3, 2]}
    >>> encode(mask)["counts"]
    '132'
    """
    mask = as_mask(mask)
    edges = rle.boundaries(mask)
    ends = edges if edges.size and edges[-1] == mask.size else np.append(edges, mask.size)
    counts: list[int] = np.diff(ends, prepend=0).tolist()
    return {"size": list(mask.shape), "counts": _pack(counts) if compressed else counts}


def decode(coco: Mapping[str, Any]) -> Mask:
    """The mask, bool (H, W), of COCO's {"size", "counts"} with counts as a list, a string or bytes.

    Raises RLEError where size is no pair of positive whole numbers, a count is negative or no whole number, a string
    is cut short or holds a stranger, or the counts do not add up to H * W.

    >>> decode({"size": [2, 3], "counts": "132"}).astype(int).tolist()
    [[0, 1, 0], [1, 1, 0]]
    """
    missing = [key for key in ("size", "counts") if key not in coco]
    if missing:
        raise RLEError(f"Got a COCO RLE without {missing[0]!r}; wanted 'size' and 'counts': export it again.")
    size, counts = coco["size"], coco["counts"]
    if not isinstance(size, Sequence) or len(size) != 2:
        raise RLEError(f"Got the COCO size {rle.short(size)}; wanted [height, width].")
    height, width = rle.checked_shape((size[0], size[1]))
    if isinstance(counts, str | bytes):
        counts = _unpack(counts)
    elif not isinstance(counts, Sequence) or any(type(count) is not int for count in counts):
        raise RLEError(f"Got the COCO counts {rle.short(counts)}; wanted a string or a list of whole numbers.")
    if (low := min(counts, default=0)) < 0:
        raise RLEError(f"Got the COCO count {rle.short(low)}, run {counts.index(low) + 1}; wanted 0 or more.")
    if (total := sum(counts)) != height * width:
        raise RLEError(
            f"Got COCO counts that add up to {rle.short(total)}; wanted {height * width} for {height}x{width} px."
        )
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(width, height).T


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
            raise RLEError(f"Got {rle.short(chr(byte))} in run {len(counts) + 1} of COCO counts; wanted its base 32.")
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
