"""Run lengths of a 1400x2100 satellite label against the plain numpy of the public notebooks."""

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Case, Way
from cloudcore.masks import rle

SHAPE_HW, SMALL_HW = (1400, 2100), (350, 525)


def label() -> NDArray[np.bool_]:
    """Two boxes, as people draw them; about a fifth of the frame."""
    mask = np.zeros(SHAPE_HW, np.bool_)
    mask[180:820, 240:900] = True
    mask[700:1290, 1210:1650] = True
    return mask


def plain_decode(text: str) -> NDArray[np.uint8]:
    """Split, convert, fill run by run, reshape column by column."""
    numbers = text.split()
    starts, lengths = (np.asarray(part, dtype=int) for part in (numbers[::2], numbers[1::2]))
    flat = np.zeros(SHAPE_HW[0] * SHAPE_HW[1], np.uint8)
    for start, end in zip(starts - 1, starts - 1 + lengths, strict=True):
        flat[start:end] = 1
    return flat.reshape(SHAPE_HW, order="F")


def plain_encode(mask: NDArray[np.bool_]) -> str:
    """Flatten column by column, compare neighbours, join."""
    padded = np.concatenate([[0], mask.T.flatten(), [0]])
    edges = np.where(padded[1:] != padded[:-1])[0] + 1
    edges[1::2] -= edges[::2]
    return " ".join(str(number) for number in edges)


def _decode_and_count() -> tuple[Way, Way]:
    text = rle.encode(label())
    return lambda: np.count_nonzero(rle.decode(text, SHAPE_HW)), lambda: plain_decode(text).sum()


def _decode_to() -> tuple[Way, Way]:
    text, size_wh = rle.encode(label()), SMALL_HW[::-1]
    return (
        lambda: rle.decode_to(text, SHAPE_HW, SMALL_HW),
        lambda: cv2.resize(plain_decode(text), size_wh, interpolation=cv2.INTER_NEAREST),
    )


def _encode() -> tuple[Way, Way]:
    mask = label()
    return lambda: rle.encode(mask), lambda: plain_encode(mask)


CASES = [
    Case("rle-decode-and-count", _decode_and_count, goal=3, repeats=51),
    Case("rle-decode-to-350x525", _decode_to, goal=50, repeats=51),
    Case("rle-encode", _encode, goal=5, repeats=51),
]
