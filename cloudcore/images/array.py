"""An image as an array, and its other sizes."""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""uint8 (H, W, 3) in the order red, green, blue."""


def short_side(shape_hw: tuple[int, int], side: int) -> tuple[int, int]:
    """(h, w) scaled so that the shorter side is `side` px, the other in proportion; side 0 changes nothing.

    >>> short_side((480, 640), 240)
    (240, 320)
    """
    height, width = shape_hw
    if side <= 0 or min(shape_hw) == side:
        return height, width
    scale = side / min(shape_hw)
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize(image: NDArray[np.uint8], out_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """The image on another grid: averaged where it shrinks, bilinear where it grows. For pictures, not for labels.

    >>> resize(np.array([[[0, 0, 0], [200, 100, 50]]], np.uint8), (1, 1)).tolist()
    [[[100, 50, 25]]]
    """
    shrinks = out_hw[0] * out_hw[1] < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (out_hw[1], out_hw[0]), interpolation=method), np.uint8)


def thumbnail(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The image with its longer side at most `side` px, shape kept; never enlarged.

    >>> thumbnail(np.zeros((480, 640, 3), np.uint8), 160).shape
    (120, 160, 3)
    """
    height, width = image.shape[:2]
    scale = side / max(height, width)
    return image if scale >= 1 else resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))
