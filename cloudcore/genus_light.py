"""Random views of photographs: crop, mirror, tilt, light, tint and grey, as a network meets them in training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import images

Views = NDArray[np.float32]
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def augmented(
    pictures: Sequence[images.Image], side: int, crop: float, strength: float, rng: np.random.Generator
) -> Views:
    """Random views of uint8 pictures (h, w, 3), each its own: float32 (N, side, side, 3) in 0..255.

    crop is the smallest share of the area kept (at strength 1); strength 0..1 scales everything, 0 leaves whole
    pictures resized.
    """
    views = np.stack([_view(picture, side, crop, strength, rng) for picture in pictures]).astype(np.float32)
    return _lit(views, strength, rng) if strength else views


def _view(
    picture: images.Image, side: int, crop: float, strength: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """RandomResizedCrop (Szegedy et al. 2015), then a mirror image half of the time."""
    height, width = picture.shape[:2]
    area = height * width * rng.uniform(1 - strength * (1 - crop), 1)
    aspect = float(np.exp(rng.uniform(-1, 1) * strength * np.log(4 / 3))) * width / height
    tall, wide = min(height, round((area / aspect) ** 0.5)), min(width, round((area * aspect) ** 0.5))
    top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
    view = images.resize(picture[top : top + tall, left : left + wide], (side, side))
    return view[:, ::-1] if strength and rng.random() < 0.5 else view


def _lit(views: Views, strength: float, rng: np.random.Generator) -> Views:
    """Another light on each view: gain, contrast, saturation, tint; now and then grey."""
    count = len(views)

    def drawn(spread: float, channels: int = 1) -> Any:
        return np.exp(rng.normal(0, spread * strength, (count, 1, 1, channels))).astype(np.float32)

    grey = (views @ _GREY)[..., None]
    keep = drawn(0.3)
    keep[rng.random(count) < 0.1 * strength] = 0
    views = grey + (views - grey) * keep
    level = views.mean((1, 2, 3), keepdims=True)
    views = (views - level) * drawn(0.2) + level * drawn(0.2)
    return np.asarray(np.clip(views * drawn(0.04, 3), 0, 255), np.float32)


def normalised(views: Views, mean: Sequence[float], std: Sequence[float]) -> Any:
    """float32 (N, h, w, 3) in 0..255 -> torch tensor (N, 3, h, w), channels last in memory."""
    import torch

    shift, scale = torch.tensor(mean) * 255, torch.tensor(std) * 255
    return ((torch.from_numpy(np.ascontiguousarray(views)) - shift) / scale).permute(0, 3, 1, 2)
