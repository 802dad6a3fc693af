"""Radar pictures to look at, and random variants of them to learn from: turned, shifted, sheared, zoomed, mirrored."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore import images

SCALE_DBZ = 80.0
"""What a reflectivity of 1.0 means to a network and to the colours: a fixed 80 dBZ, never a picture's own maximum."""

Fields = NDArray[np.uint8]
Warps = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """How far variants go: rotation and shear in degrees, shift and zoom as shares, each drawn evenly from -x to x."""

    rotation: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    flips: bool = False


def shown(image: images.Image) -> images.Image:
    """A picture of dBZ (H, W, 3) in colours (Viridis, 0 to 80 dBZ): what people see; networks see the numbers."""
    level = np.clip(image[..., 0].astype(np.float32) * (255 / SCALE_DBZ), 0, 255).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(level, cv2.COLORMAP_VIRIDIS)[..., ::-1], np.uint8)


def draw(count: int, shape_hw: tuple[int, int], spread: Spread, rng: np.random.Generator) -> Warps:
    """Random affine maps (count, 2, 3) from px of a picture to px of its variant."""
    height, width = shape_hw
    centre, warps = (np.array([width, height]) - 1) / 2, []
    for _ in range(count):
        turn, shear = np.radians(rng.uniform(-1, 1, 2) * (spread.rotation, spread.shear))
        scale = np.exp(rng.uniform(-1, 1) * np.log1p(spread.zoom))
        move = rng.uniform(-1, 1, 2) * spread.shift * (width, height)
        mirror = np.where(rng.random(2) < 0.5, -1.0, 1.0) if spread.flips else np.ones(2)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrix = scale * rotation @ np.array([[1.0, np.tan(shear)], [0.0, 1.0]]) @ np.diag(mirror)
        warps.append(np.column_stack([matrix, centre + move - matrix @ centre]))
    return np.stack(warps)


def varied(fields: Fields, warps: Warps) -> Fields:
    """The variant of each picture of dBZ, uint8 (N, H, W); what comes in over the rim is the picture reflected."""
    size_wh = (fields.shape[2], fields.shape[1])
    moved = [
        cv2.warpAffine(field, warp, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        for field, warp in zip(fields, warps, strict=True)
    ]
    return np.asarray(np.stack(moved), np.uint8)
