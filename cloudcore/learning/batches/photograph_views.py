"""Random views of photographs for training: crop, mirror image, and jitter of brightness, tint and grey."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.learning.task import Tensor

Boxes = NDArray[np.float64]
"""(N, 5): top, left, height, width in px, and 1 where the view is mirrored left to right."""
_GREY = np.array([0.299, 0.587, 0.114], np.float32)[:, None, None]


def draw(sizes_hw: Sequence[tuple[int, int]], crop: float, strength: float, rng: np.random.Generator) -> Boxes:
    """A random box in each picture, as RandomResizedCrop draws them (Szegedy et al. 2015), mirrored half of the time.

    crop is the smallest share of the area kept (at strength 1); strength 0..1 scales everything, 0 takes it whole.
    """
    boxes = []
    for height, width in sizes_hw:
        area = height * width * rng.uniform(1 - strength * (1 - crop), 1)
        aspect = float(np.exp(rng.uniform(-1, 1) * strength * np.log(4 / 3))) * width / height
        tall, wide = min(height, round((area / aspect) ** 0.5)), min(width, round((area * aspect) ** 0.5))
        top, left = rng.integers(height - tall + 1), rng.integers(width - wide + 1)
        boxes.append((top, left, tall, wide, strength > 0 and rng.random() < 0.5))
    return np.array(boxes, np.float64)


def augmented(
    pictures: Sequence[images.Image], side: int, crop: float, strength: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A random view of each picture in other colours: float32 (N, 3, side, side) in 0..255; strength 0 only resizes."""
    boxes = draw([(picture.shape[0], picture.shape[1]) for picture in pictures], crop, strength, rng)
    views = cut(pictures, boxes, side)
    return np.asarray(jitter_colour(views, strength, rng), np.float32) if strength else views


def cut(pictures: Sequence[images.Image], boxes: Boxes, side: int) -> NDArray[np.float32]:
    """The boxes of uint8 pictures (h, w, 3) as float32 (N, 3, side, side) in 0..255."""
    views = []
    for picture, (top, left, tall, wide, mirrored) in zip(pictures, boxes.tolist(), strict=True):
        top, left, tall, wide = int(top), int(left), int(tall), int(wide)
        view = images.resize(picture[top : top + tall, left : left + wide], (side, side))
        views.append(view[:, ::-1] if mirrored else view)
    return np.stack(views).transpose(0, 3, 1, 2).astype(np.float32)


def cut_on_device(pictures: Any, chosen: Sequence[int], boxes: Boxes, side: int) -> Tensor:
    """The same as a tensor, of DeviceImages; read finer where views shrink much."""
    top, left, tall, wide, mirrored = boxes.T
    across, down = side / wide, side / tall
    warps = np.zeros((len(boxes), 2, 3))
    # px centres: the left edge of a picture lies at -0.5
    warps[:, 0, 0], warps[:, 0, 2] = across, (0.5 - left) * across - 0.5
    warps[:, 1, 1], warps[:, 1, 2] = down, (0.5 - top) * down - 0.5
    flip = mirrored > 0
    warps[flip, 0] = -warps[flip, 0]
    warps[flip, 0, 2] += side - 1
    finer = max(1, round(float(np.median(wide)) / side))
    return pictures.views(chosen, warps, (side, side), border="border", finer=finer)


def jitter_colour(views: Any, strength: float, rng: np.random.Generator) -> Any:
    """Another gain, contrast, saturation and tint of each view (N, 3, h, w), array or tensor; some become grey."""
    count, like = len(views), (lambda drawn: drawn) if isinstance(views, np.ndarray) else views.new_tensor

    def drawn(spread: float, channels: int = 1) -> Any:
        return np.exp(rng.normal(0, spread * strength, (count, channels, 1, 1))).astype(np.float32)

    keep = drawn(0.3)
    keep[rng.random(count) < 0.1 * strength] = 0
    grey = (views * like(_GREY)).sum(axis=1, keepdims=True)
    views = grey + (views - grey) * like(keep)
    level = views.mean(axis=(1, 2, 3), keepdims=True)
    views = (views - level) * like(drawn(0.2)) + level * like(drawn(0.2))
    return (views * like(drawn(0.04, 3))).clip(0, 255)


def normalised(views: Any, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Array or tensor (N, 3, h, w) in 0..255 -> the tensor that a network takes, channels last in memory."""
    import torch

    views = torch.as_tensor(views)
    shift, scale = (torch.tensor(value, device=views.device)[:, None, None] * 255 for value in (mean, std))
    return ((views - shift) / scale).contiguous(memory_format=torch.channels_last)
