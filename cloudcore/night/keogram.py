"""A keogram: one line of sky out of every frame, side by side on a time axis. Pure: arrays in, an array out."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore.images import Image
from cloudcore.sky.dome import Dome

HEIGHT = 128


def column(image: Image, circle: Dome | None, turn: float = 0.0, height: int = HEIGHT) -> Image:
    """The line through the zenith, uint8 (height, 1, 3), from one horizon to the other.

    turn is the direction of its upper end, degrees clockwise from the frame's top (north, where it is known); the mean
    of three neighbouring lines is taken. Without a dome it is the frame's middle column.
    """
    rows, columns = image.shape[:2]
    (y, x), radius = ((rows - 1) / 2, (columns - 1) / 2), (rows - 1) / 2
    if circle is not None:
        (y, x), radius = circle.centre_yx, circle.radius
    along = np.linspace(radius, -radius, height, dtype=np.float32)[:, None]
    aside = np.array([[-1, 0, 1]], np.float32)
    up, right = np.float32(math.cos(math.radians(turn))), np.float32(math.sin(math.radians(turn)))
    at_y = np.float32(y) - along * up + aside * right
    at_x = np.float32(x) + along * right + aside * up
    lines = cv2.remap(image, at_x.astype(np.float32), at_y.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(np.rint(lines.mean(axis=1, keepdims=True)), np.uint8)


def width_of(seconds: Sequence[float]) -> float:
    """How long a frame stands for, s: the median step between frames; 600 where there are not two."""
    steps = np.diff(np.sort(np.asarray(seconds, np.float64)))
    steps = steps[steps > 0]
    return float(np.median(steps)) if steps.size else 600.0


def unbroken(seconds: Sequence[float]) -> list[slice]:
    """Stretches of sorted times without a gap of more than 3.5 usual steps: a line is drawn within each alone."""
    cuts = [0, *(np.flatnonzero(np.diff(seconds) > 3.5 * width_of(seconds)) + 1).tolist(), len(seconds)]
    return [slice(start, end) for start, end in zip(cuts[:-1], cuts[1:], strict=True) if end > start]


def keogram(columns: Sequence[Image], seconds: Sequence[float], start: float, end: float, width: int) -> Image:
    """Columns (h, 1, 3) taken at `seconds` on an axis from start to end, s: uint8 (h, width, 3), black in the gaps.

    Each pixel shows the frame nearest in time, at most half a usual step away (and half as much again).
    """
    height = columns[0].shape[0] if columns else HEIGHT
    out = np.zeros((height, width, 3), np.uint8)
    if not columns:
        return out
    order = np.argsort(np.asarray(seconds, np.float64), kind="stable")
    when = np.asarray(seconds, np.float64)[order]
    table = np.concatenate([columns[int(i)] for i in order], axis=1)
    axis: NDArray[np.float64] = start + (np.arange(width) + 0.5) * (end - start) / width
    right = np.clip(np.searchsorted(when, axis), 0, len(when) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(when[left] - axis) <= np.abs(when[right] - axis), left, right)
    near = np.abs(when[nearest] - axis) <= 0.75 * width_of(when.tolist())
    out[:, near] = table[:, nearest[near]]
    return out
