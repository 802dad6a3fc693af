"""Maps and filters of a network as pictures: one in colours, or many on a sheet. Pure."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore import images

TILE_PX = 72
GAP_PX = 4
INK = 24
"""Grey of the ground between the tiles: dark in both themes, as all stages are."""
_BELOW, _ABOVE = np.array([88, 180, 232]), np.array([236, 150, 50])
"""Colours of weights below and above zero; zero is the ground."""

Floats = NDArray[Any]


@dataclass(frozen=True)
class Sheet:
    """Tiles on a sheet, uint8 (H, W, 3), and the centre of each tile (row, column) in px."""

    picture: images.Image
    centres: tuple[tuple[int, int], ...]


def of_map(values: Floats) -> images.Image:
    """A map (h, w) in Cividis from its own least to its own greatest value; one of a single value is dark all over."""
    low, high = float(values.min()), float(values.max())
    level = (values - low) / (high - low) if high > low else np.zeros_like(values)
    coloured = cv2.applyColorMap(np.rint(level * 255).astype(np.uint8), cv2.COLORMAP_CIVIDIS)
    return np.asarray(coloured[..., ::-1], np.uint8)


def signed(values: Floats, full: float = 1.0) -> images.Image:
    """Values (h, w) about zero: orange above, blue below, dark at zero; `full` is the share below full colour."""
    level = np.clip(values / max(float(np.quantile(np.abs(values), full)), 1e-12), -1, 1)
    share = np.abs(level)[..., None]
    colour = np.where(level[..., None] < 0, _BELOW, _ABOVE)
    return np.asarray(np.rint(INK * (1 - share) + colour * share), np.uint8)


def of_filter(weights: Floats) -> images.Image:
    """Weights of a filter (channels, k, k): three channels as a colour about grey, any other number by their sum."""
    if len(weights) != 3:
        return signed(weights.sum(axis=0))
    level = weights / max(float(np.abs(weights).max()), 1e-12)
    return np.asarray(np.rint(127.5 + 127.5 * level.transpose(1, 2, 0)), np.uint8)


def enlarged(picture: images.Image, side_px: int) -> images.Image:
    """A picture at a longer side of `side_px`, its pixels kept square and sharp."""
    height, width = picture.shape[:2]
    scale = side_px / max(height, width)
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_NEAREST), np.uint8)


def sheet(pictures: list[images.Image], columns: int, chosen: int | None = None, tile_px: int = TILE_PX) -> Sheet:
    """Pictures of one shape as tiles in rows, the chosen one framed in white."""
    tiles = [enlarged(picture, tile_px) for picture in pictures]
    height, width = tiles[0].shape[:2]
    rows = math.ceil(len(tiles) / columns)
    step_y, step_x = height + GAP_PX, width + GAP_PX
    ground = np.full((rows * step_y + GAP_PX, columns * step_x + GAP_PX, 3), INK, np.uint8)
    centres = []
    for number, tile in enumerate(tiles):
        top, left = number // columns * step_y + GAP_PX, number % columns * step_x + GAP_PX
        if number == chosen:
            ground[top - 3 : top + height + 3, left - 3 : left + width + 3] = 255
        ground[top : top + height, left : left + width] = tile
        centres.append((top + height // 2, left + width // 2))
    return Sheet(ground, tuple(centres))
