"""A camera's sky on a small grid: which pixels count, and the solid angle that each of them sees."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore.masks.mask import Mask
from cloudcore.sky import dome
from cloudcore.sky.cameras import Camera
from cloudcore.sky.dome import Dome

ABOVE_DEGREES = 30.0
"""Altitude from which sky is high."""
ZENITH_DEGREES = 30.0
"""Distance from the zenith up to which sky is the zenith's."""


@dataclass(frozen=True)
class SkyGrid:
    """A camera's sky on a small grid: what counts, bool (h, w), its dome there, and each pixel's solid angle.

    angle is float32 (h, w), steradian, 0 outside; without a dome nothing but pixels counts: high and zenith are empty.
    """

    circle: Dome | None
    valid: Mask
    angle: NDArray[np.float32]
    high: Mask
    zenith: Mask


def solid_angle(circle: Dome, shape_hw: tuple[int, int]) -> NDArray[np.float32]:
    """float32 (H, W): steradian that each pixel of an equidistant frame sees, 0 below the horizon.

    At zenith angle z = (pi / 2) r / R a pixel is pi / (2 R) high along r and sin z pi / (2 R) / z wide across it: they
    add up to the hemisphere's 2 pi.
    """
    z = dome.distance(circle, shape_hw) * np.float32(math.pi / 2 / circle.radius)
    scale = np.float32((math.pi / 2 / circle.radius) ** 2)
    return np.asarray(np.sinc(z / np.float32(math.pi)) * scale * (z <= math.pi / 2), np.float32)


def grid_of(camera: Camera, out_hw: tuple[int, int]) -> SkyGrid:
    """The sky of a camera on a grid of out_hw, of the proportions of its frame."""
    rows, columns = (out / own for out, own in zip(out_hw, camera.shape_hw, strict=True))
    valid = camera.valid(camera.shape_hw)
    small = cv2.resize(valid.view(np.uint8), out_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    valid = np.asarray(small, np.uint8) > 0
    none = np.zeros(out_hw, np.bool_)
    if camera.dome is None:
        return SkyGrid(None, valid, valid.astype(np.float32), none, none)
    y, x = camera.dome.centre_yx
    centre = ((y + 0.5) * rows - 0.5, (x + 0.5) * columns - 0.5)
    circle = Dome(centre, camera.dome.radius * math.sqrt(rows * columns))
    high = np.nan_to_num(dome.altitude(circle, out_hw), nan=-1)
    angle = solid_angle(circle, out_hw) * valid
    return SkyGrid(circle, valid, angle, valid & (high >= ABOVE_DEGREES), valid & (high >= 90 - ZENITH_DEGREES))
