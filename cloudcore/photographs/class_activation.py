"""A class activation map laid over its photograph; and whether a picture is a clear sky."""

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore import images

STRONGEST = 0.78
"""Opacity where the activation is 1."""
CLEAR_SHARE = 0.97
_SIDE = 96


def over(image: images.Image, activation: NDArray[np.float32]) -> images.Image:
    """Magma over the grey photograph (H, W, 3), opacity 0..0.78 with activation (H, W) in 0..1; 0 shows nothing."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(np.float32)
    level = np.clip(activation, 0, 1).astype(np.float32)
    colours = cv2.applyColorMap(np.rint(level * 255).astype(np.uint8), cv2.COLORMAP_MAGMA)[..., ::-1]
    alpha = (STRONGEST * level)[..., None]
    return np.asarray(np.clip(grey * (1 - alpha) + colours * alpha, 0, 255), np.uint8)


def is_clear_sky(image: images.Image) -> bool:
    """Whether the upper two thirds are blue (red below 0.8 of blue) and smooth nearly everywhere (97 %).

    A rule about colour, not a trained answer: it stands beside the classifier, which knows clouds alone.
    """
    small = images.resize(image, (_SIDE, _SIDE))[: _SIDE * 2 // 3].astype(np.float32)
    red, green, blue = small[..., 0], small[..., 1], small[..., 2]
    is_blue = (red < 0.8 * blue) & (green < blue) & (blue > 60)
    rough = np.abs(small.mean(axis=2) - cv2.GaussianBlur(small.mean(axis=2), (0, 0), 3)) > 6
    return bool((is_blue & ~rough).mean() >= CLEAR_SHARE)
