"""The visible sky circle of a camera, distances and altitudes in it, and the horizon mask painted over a frame.

A fisheye is taken as equidistant: the zenith angle grows with the distance from the centre, 90 degrees at the radius.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.errors import ImageError
from cloudcore.masks.mask import Mask


@dataclass(frozen=True)
class Dome:
    """The visible sky circle: centre (y, x) and radius, both [px] of the frame; parts may lie outside the frame.

    >>> Dome((2, 2), 2.3).mask((5, 5)).astype(int)
    array([[0, 1, 1, 1, 0],
           [1, 1, 1, 1, 1],
           [1, 1, 1, 1, 1],
           [1, 1, 1, 1, 1],
           [0, 1, 1, 1, 0]])
    """

    centre_yx: tuple[float, float]
    radius: float

    def mask(self, shape_hw: tuple[int, int]) -> Mask:
        """bool (H, W): True where the pixel's centre lies inside the circle."""
        return distance(self, shape_hw) <= self.radius


def distance(dome: Dome, shape_hw: tuple[int, int]) -> NDArray[np.float32]:
    """float32 (H, W): distance of each pixel from the dome's centre [px]."""
    y = np.arange(shape_hw[0], dtype=np.float32)[:, None] - np.float32(dome.centre_yx[0])
    x = np.arange(shape_hw[1], dtype=np.float32)[None, :] - np.float32(dome.centre_yx[1])
    return np.asarray(np.hypot(y, x), np.float32)


def altitude(dome: Dome, shape_hw: tuple[int, int]) -> NDArray[np.float32]:
    """float32 (H, W): altitude above the horizon [degrees], 90 at the centre, 0 at the radius, NaN outside."""
    away = distance(dome, shape_hw)
    return np.where(away <= dome.radius, 90 - 90 * away / np.float32(dome.radius), np.float32(np.nan))


def horizon_from_pink(image: images.Image) -> Mask:
    """bool (H, W), True under pink paint: an ignore mask drawn over a frame in a strong magenta.

    Red and blue both stand at least 60 above green there, which neither sky nor stars do. Raises ImageError when
    nothing is pink.
    """
    red, green, blue = (image[..., c].astype(np.int16) for c in range(3))
    pink = (np.minimum(red, blue) - green) >= 60
    if not pink.any():
        raise ImageError("The picture holds no pink paint: paint what is never sky in magenta and import it again")
    return np.asarray(pink, np.bool_)


def scaled(circle: Dome, scale: float) -> Dome:
    """The circle on a grid `scale` times as fine; px centres are whole numbers on both grids."""
    y, x = (round((at + 0.5) * scale - 0.5, 2) for at in circle.centre_yx)
    return Dome((y, x), round(circle.radius * scale, 2))
