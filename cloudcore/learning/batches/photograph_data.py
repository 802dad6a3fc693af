"""Photographs in memory as batches, mixed and cut on demand."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudcore import images
from cloudcore.learning.batches import photograph_views
from cloudcore.learning.batches.class_data import ClassParts, ClassScorer, labels

if TYPE_CHECKING:
    from cloudcore.learning.tasks.genus import Config

STEP_PX = 32
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass
class GenusData(ClassParts):
    """Photographs in memory, split by twins. Batches are cropped, mixed and normalised on demand."""

    config: "Config"
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD

    def side(self, epoch: int) -> int:
        """Side of the training crops of an epoch, px: grows to the full size over the first two thirds."""
        share = min(1.0, epoch / max(1, self.config.epochs * 2 / 3))
        wanted = self.config.size * (self.config.progressive + (1 - self.config.progressive) * share)
        return min(self.config.size, max(32, round(wanted / 16) * 16))

    def batches(self, epoch: int) -> Iterator[tuple[Any, Any]]:
        """Batches of an epoch, a pure function of seed and epoch: x float32 (N, 3, h, w), target float32 (N, K)."""
        import torch

        rng = np.random.default_rng([self.config.seed, epoch])
        order, side, count, weights = self._order(rng), self.side(epoch), len(self.classes), self._weights()
        for step in range(self.steps):
            chosen = order[step * self.config.batch : (step + 1) * self.config.batch].tolist()
            if len(chosen) < 2:
                chosen = [*chosen, int(rng.integers(len(self.train)))]
            truth = labels([self.train[i] for i in chosen])
            hard = torch.from_numpy(np.eye(count, dtype=np.float32)[truth] * weights[truth][:, None]).to(self.place)
            x, y = _mixed(self._views(chosen, side, rng), hard, self.config, rng)
            yield photograph_views.normalised(x, MEAN, STD), y

    def _views(self, chosen: list[int], side: int, rng: np.random.Generator) -> Any:
        """Random views float32 (N, 3, side, side) in 0..255, made where the photographs are held."""
        import torch

        from cloudcore.learning.batches.device_images import Held

        crop, strength = self.config.crop, self.config.augment
        if str(self.place) == "cpu":
            pictures = [self.train[i].image for i in chosen]
            return torch.from_numpy(photograph_views.augmented(pictures, side, crop, strength, rng))
        self.held = self.held or Held([example.image for example in self.train], self.place)
        boxes = photograph_views.draw([self.train[i].image.shape[:2] for i in chosen], crop, strength, rng)
        views = photograph_views.cut_there(self.held, chosen, boxes, side)
        return photograph_views.lit(views, strength, rng) if strength else views

    def _weights(self) -> Any:
        """What a photograph of each class counts in the loss, float32 (K,), 1 on average over the photographs."""
        counts = np.bincount(labels(self.train), minlength=len(self.classes))
        if self.config.equalise != "weighted":
            return np.ones(len(self.classes), np.float32)
        return (len(self.train) / (np.maximum(counts, 1) * (counts > 0).sum())).astype(np.float32)

    def _order(self, rng: np.random.Generator) -> Any:
        if self.config.equalise != "equalised":
            return rng.permutation(len(self.train))
        truth = labels(self.train)
        rows = [np.flatnonzero(truth == k) for k in range(len(self.classes)) if (truth == k).any()]
        each = math.ceil(len(self.train) / len(rows))
        rows = [
            np.concatenate([rng.permutation(row) for _ in range(math.ceil(each / len(row)))])[:each] for row in rows
        ]
        return rng.permutation(np.concatenate(rows))[: len(self.train)]

    def validation(self) -> Iterator[tuple[Any, Any]]:
        """Held-out photographs as the model will see them, and their classes int64 (N,)."""
        import torch

        side = predicting_side(self.config)
        for start in range(0, len(self.valid), self.config.batch):
            chosen = self.valid[start : start + self.config.batch]
            seen = np.stack([images.resize(e.image, (side, side)) for e in chosen])
            x = seen.transpose(0, 3, 1, 2).astype(np.float32)
            yield photograph_views.normalised(x, MEAN, STD), torch.from_numpy(labels(chosen))

    def scorer(self) -> ClassScorer:
        """A fresh scorer for an epoch."""
        return ClassScorer(self.valid)


def _mixed(x: Any, y: Any, config: "Config", rng: np.random.Generator) -> tuple[Any, Any]:
    """Mixup (Zhang et al. 2018) or cutmix (Yun et al. 2019) of a batch with its own permutation, one of them at random.

    x float32 (N, 3, h, w) and y float32 (N, K), tensors on one device.
    """
    import torch

    ways = [name for name in ("mixup", "cutmix") if getattr(config, name) > 0]
    if not ways:
        return x, y
    way = ways[int(rng.integers(len(ways)))]
    share, other = float(rng.beta(*(getattr(config, way),) * 2)), rng.permutation(len(x))
    there = torch.from_numpy(other).to(x.device)
    if way == "mixup":
        return x * share + x[there] * (1 - share), y * share + y[there] * (1 - share)
    height, width = x.shape[2:]
    half_y, half_x = (int(side * math.sqrt(1 - share) / 2) for side in (height, width))
    row, column = int(rng.integers(height)), int(rng.integers(width))
    top, bottom = max(0, row - half_y), min(height, row + half_y)
    left, right = max(0, column - half_x), min(width, column + half_x)
    mixed = x.clone()
    mixed[:, :, top:bottom, left:right] = x[there, :, top:bottom, left:right]
    share = 1 - (bottom - top) * (right - left) / (height * width)
    return mixed, y * share + y[there] * (1 - share)


def predicting_side(config: "Config") -> int:
    """Side of the square a photograph is resized to when predicting, px, a multiple of 32."""
    return max(STEP_PX, round((config.test_size or config.size) / STEP_PX) * STEP_PX)
