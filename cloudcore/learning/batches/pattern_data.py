"""Batches of a patterns training, from the cache of resized images and the label table."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cloudcore import models
from cloudcore.learning.batches.pattern_scorer import PatternScorer
from cloudcore.learning.settings import BatchSettings
from cloudcore.learning.task import Batches, Device, Tensor
from cloudcore.models import mask_evaluation
from cloudcore.satellite import cache as satellite_cache
from cloudcore.satellite.table import GRID_HW, PATTERNS, Table

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class PatternSettings(BatchSettings, Protocol):
    """What the batches read of the settings of a patterns training; chances lie in 0..1."""

    @property
    def min_steps(self) -> int:
        """Batches an epoch has at least."""

    @property
    def gate_share(self) -> float:
        """Share of the image that the first network of a gated one must find."""

    @property
    def flips(self) -> bool:
        """Whether images are mirrored."""

    @property
    def shift_scale_rotate(self) -> float:
        """Chance of a shift, scale and turn."""

    @property
    def grid_distortion(self) -> float:
        """Chance of a distorted grid."""

    @property
    def elastic(self) -> float:
        """Chance of an elastic distortion."""

    @property
    def blur(self) -> float:
        """Chance of a blur."""


@dataclass
class PatternData:
    """Images and masks of the cache, split into what is learnt from and what is held out."""

    config: PatternSettings
    cache: satellite_cache.Cache
    table: Table
    folder: Path
    split: satellite_cache.Held
    note: str
    device: Device = "cpu"
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD
    classes: tuple[str, ...] = PATTERNS
    grid_hw: tuple[int, int] | None = GRID_HW
    stems: dict[str, list[str]] = field(default_factory=dict)
    on_device: tuple[Tensor, Tensor] | None = None
    """Images and packed masks of the cache on the device, from the first batch made on a GPU."""

    def __post_init__(self) -> None:
        self.stems = {"train": self.train, "valid": self.valid}

    @property
    def train(self) -> list[str]:
        """Names of the images learnt from."""
        return [self.cache.names[index] for index in self.split.train]

    @property
    def valid(self) -> list[str]:
        """Names of the images held out."""
        return [self.cache.names[index] for index in self.split.valid]

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return max(self.config.min_steps, math.ceil(len(self.split.train) / self.config.batch))

    @property
    def validation_steps(self) -> int:
        """Batches of a validation."""
        return max(1, math.ceil(len(self.split.valid) / self.config.batch))

    @property
    def train_hashes(self) -> list[str]:
        """sha256 of every image learnt from."""
        return sorted(self.cache.hashes[index] for index in self.split.train)

    @property
    def base_words(self) -> str:
        """What an answer of nothing scores on what is held out."""
        names = self.valid or self.train
        empty = np.mean([len(PATTERNS) - len(self.table.present(name)) for name in names]) / len(PATTERNS)
        return f"an all-empty answer would score Dice {empty:.3f}"

    def batches(self, epoch: int) -> Batches:
        """Training batches, a pure function of seed and epoch: x float32 (N, 3, h, w), y uint8 (N, 4, h, w)."""
        from cloudcore.learning.batches import mask_augmentation

        rng = np.random.default_rng([self.config.seed, epoch])
        wanted, train = self.steps * self.config.batch, np.array(self.split.train)
        order = np.concatenate([rng.permutation(train) for _ in range(math.ceil(wanted / len(train)))])
        for step in range(self.steps):
            chosen = order[step * self.config.batch : (step + 1) * self.config.batch]
            x, y = mask_augmentation.augment(self.config, *self._read(chosen), (self.config.seed, epoch, step))
            yield normalise(x), y

    def validation(self) -> Batches:
        """Validation batches in the order of `valid`."""
        valid = np.array(self.split.valid, np.int64)
        for start in range(0, len(valid), self.config.batch):
            x, y = self._read(valid[start : start + self.config.batch])
            yield normalise(x), y

    def _read(self, chosen: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """uint8 tensors (N, 3, h, w) and (N, 4, h, w) of the cache; a GPU with enough free memory takes all of it."""
        import torch

        if str(self.device) == "cpu":
            x = torch.from_numpy(np.stack([self.cache.images[index] for index in chosen]))
            return x.permute(0, 3, 1, 2), torch.from_numpy(self.cache.masks(chosen.tolist()))
        from cloudcore.learning.batches import device_images

        if self.on_device is None:
            pictures, masks = (torch.from_numpy(np.array(part)) for part in (self.cache.images, self.cache.packed))
            self.on_device = tuple(device_images.to_device(whole, self.device) for whole in (pictures, masks))
        x, packed = (device_images.take_rows(tensor, chosen.tolist(), self.device) for tensor in self.on_device)
        return x.permute(0, 3, 1, 2), device_images.unpack_bits(packed, x.shape[2])

    def scorer(self) -> PatternScorer:
        """A fresh scorer for an epoch."""
        return PatternScorer(self.cache, self.table, self.split.valid, self.config.gate_share)

    def score(self, predictor: models.Predictor) -> dict[str, Any]:
        """Scores of the exported model on the held-out images at 350 x 525, whole and by class."""
        held_out = mask_evaluation.ScoredImages(self.table, self.folder, tuple(self.valid), 0)
        return mask_evaluation.scores_of(predictor, held_out) if held_out.names else {"n": 0}


def normalise(batch: Tensor) -> Tensor:
    """uint8 (N, 3, H, W) tensor -> float32, ImageNet mean and std, channels last in memory."""
    import torch

    mean, std = (torch.tensor(value, device=batch.device)[:, None, None] * 255 for value in (MEAN, STD))
    x = batch.to(torch.float32, memory_format=torch.channels_last)  # a new tensor: the rest is done in place
    return x.sub_(mean).div_(std)
