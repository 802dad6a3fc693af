"""Photographs in memory as batches, mixed and cut on demand."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.learning.batches import photograph_views
from cloudcore.learning.batches.class_data import ClassParts, ClassScorer, labels
from cloudcore.learning.settings import BatchSettings
from cloudcore.learning.task import Batches, Tensor

STEP_PX = 32
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class PhotographSettings(BatchSettings, Protocol):
    """What the batches read of the settings of a genus training."""

    @property
    def epochs(self) -> int:
        """Passes over the photographs."""

    @property
    def size(self) -> int:
        """Side of the training crops, px."""

    @property
    def test_size(self) -> int:
        """Side when predicting, px; 0: as in training."""

    @property
    def progressive(self) -> float:
        """Side of the first epochs, as a share of the size."""

    @property
    def crop(self) -> float:
        """Smallest share of the area that a crop keeps."""

    @property
    def augment(self) -> float:
        """Strength of the augmentation, 0..1."""

    @property
    def equalise(self) -> str:
        """none, weighted or equalised."""

    @property
    def mixup(self) -> float:
        """Beta of mixup; 0: none."""

    @property
    def cutmix(self) -> float:
        """Beta of cutmix; 0: none."""


@dataclass
class GenusData(ClassParts[PhotographSettings]):
    """Photographs in memory, split by twins. Batches are cropped, mixed and normalised on demand."""

    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD

    def side(self, epoch: int) -> int:
        """Side of the training crops of an epoch, px: grows to the full size over the first two thirds."""
        share = min(1.0, epoch / max(1, self.config.epochs * 2 / 3))
        wanted = self.config.size * (self.config.progressive + (1 - self.config.progressive) * share)
        return min(self.config.size, max(32, round(wanted / 16) * 16))

    def batches(self, epoch: int) -> Batches:
        """Batches of an epoch, a pure function of seed and epoch: x float32 (N, 3, h, w), target float32 (N, K)."""
        import torch

        rng = np.random.default_rng([self.config.seed, epoch])
        order, side, count, weights = self._order(rng), self.side(epoch), len(self.classes), self._weights()
        for step in range(self.steps):
            chosen = order[step * self.config.batch : (step + 1) * self.config.batch].tolist()
            if len(chosen) < 2:
                chosen = [*chosen, int(rng.integers(len(self.train)))]
            truth = labels([self.train[i] for i in chosen])
            hard = torch.from_numpy(np.eye(count, dtype=np.float32)[truth] * weights[truth][:, None]).to(self.device)
            x, y = _mixed(self._views(chosen, side, rng), hard, self.config, rng)
            yield photograph_views.normalised(x, MEAN, STD), y

    def _views(self, chosen: list[int], side: int, rng: np.random.Generator) -> Tensor:
        """Random views float32 (N, 3, side, side) in 0..255, made on the device."""
        import torch

        from cloudcore.learning.batches.device_images import DeviceImages

        crop, strength = self.config.crop, self.config.augment
        if str(self.device) == "cpu":
            pictures = [self.train[i].image for i in chosen]
            return torch.from_numpy(photograph_views.augmented(pictures, side, crop, strength, rng))
        self.on_device = self.on_device or DeviceImages([example.image for example in self.train], self.device)
        boxes = photograph_views.draw([self.train[i].image.shape[:2] for i in chosen], crop, strength, rng)
        views = photograph_views.cut_on_device(self.on_device, chosen, boxes, side)
        return photograph_views.jitter_colour(views, strength, rng) if strength else views

    def _weights(self) -> NDArray[np.float32]:
        """What a photograph of each class counts in the loss, float32 (K,), 1 on average over the photographs."""
        counts = np.bincount(labels(self.train), minlength=len(self.classes))
        if self.config.equalise != "weighted":
            return np.ones(len(self.classes), np.float32)
        return np.asarray(len(self.train) / (np.maximum(counts, 1) * (counts > 0).sum()), np.float32)

    def _order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Numbers of the photographs in the order of an epoch, classes drawn equally often where that is set."""
        if self.config.equalise != "equalised":
            return rng.permutation(len(self.train))
        truth = labels(self.train)
        rows = [np.flatnonzero(truth == k) for k in range(len(self.classes)) if (truth == k).any()]
        each = math.ceil(len(self.train) / len(rows))
        rows = [
            np.concatenate([rng.permutation(row) for _ in range(math.ceil(each / len(row)))])[:each] for row in rows
        ]
        return rng.permutation(np.concatenate(rows))[: len(self.train)]

    def validation(self) -> Batches:
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


def _mixed(x: Tensor, y: Tensor, config: PhotographSettings, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al. 2018) or cutmix (Yun et al. 2019) of a batch with its own permutation, one of them at random.

    x float32 (N, 3, h, w) and y float32 (N, K), tensors on one device.
    """
    import torch

    betas = {"mixup": config.mixup, "cutmix": config.cutmix}
    ways = [name for name, beta in betas.items() if beta > 0]
    if not ways:
        return x, y
    way = ways[int(rng.integers(len(ways)))]
    share, order = float(rng.beta(betas[way], betas[way])), rng.permutation(len(x))
    other = torch.from_numpy(order).to(x.device)
    if way == "mixup":
        return x * share + x[other] * (1 - share), y * share + y[other] * (1 - share)
    height, width = x.shape[2:]
    half_y, half_x = (int(side * math.sqrt(1 - share) / 2) for side in (height, width))
    row, column = int(rng.integers(height)), int(rng.integers(width))
    top, bottom = max(0, row - half_y), min(height, row + half_y)
    left, right = max(0, column - half_x), min(width, column + half_x)
    mixed = x.clone()
    mixed[:, :, top:bottom, left:right] = x[other, :, top:bottom, left:right]
    share = 1 - (bottom - top) * (right - left) / (height * width)
    return mixed, y * share + y[other] * (1 - share)


def predicting_side(config: PhotographSettings) -> int:
    """Side of the square a photograph is resized to when predicting, px, a multiple of 32."""
    return max(STEP_PX, round((config.test_size or config.size) / STEP_PX) * STEP_PX)
