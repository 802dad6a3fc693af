"""Radar pictures in memory as batches."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cloudcore.learning.batches.class_data import ClassParts, ClassScorer, labels
from cloudcore.learning.settings import BatchSettings
from cloudcore.learning.task import Batches, Tensor
from cloudcore.photographs import folders as photographs_folders
from cloudcore.radar import folders, variants
from cloudcore.radar.variants import SCALE_DBZ


class RadarSettings(BatchSettings, Protocol):
    """What the batches read of the settings of a radar training: how far variants go."""

    @property
    def rotation(self) -> float:
        """Turned at most, degrees."""

    @property
    def shift(self) -> float:
        """Shifted at most, share of the side."""

    @property
    def shear(self) -> float:
        """Sheared at most, degrees."""

    @property
    def zoom(self) -> float:
        """Zoomed at most, share."""

    @property
    def flips(self) -> bool:
        """Whether pictures are mirrored."""


@dataclass
class RadarData(ClassParts[RadarSettings]):
    """Radar pictures in memory, split by day. Batches are varied and scaled by a fixed 80 dBZ on demand."""

    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (SCALE_DBZ / 255,) * 3

    def batches(self, epoch: int) -> Batches:
        """Batches of an epoch, a pure function of seed and epoch: x float32 (N, 1, 136, 136), classes int64 (N,)."""
        rng = np.random.default_rng([self.config.seed, epoch])
        order = rng.permutation(len(self.train))
        for part in np.array_split(order, self.steps):  # of equal size: normalisation suffers from a small last batch
            chosen = part.tolist() if len(part) > 1 else [*part.tolist(), int(rng.integers(len(self.train)))]
            yield self._variants(chosen, rng)

    def _variants(self, chosen: list[int], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Variants of pictures, made on the device."""
        import torch

        from cloudcore.learning.batches.device_images import DeviceImages

        examples, side = [self.train[i] for i in chosen], folders.SIDE
        warps = variants.draw(len(chosen), (side, side), spread(self.config), rng)
        if str(self.device) == "cpu":
            return _batch(examples, variants.varied(_fields(examples), warps))
        self.on_device = self.on_device or DeviceImages(list(_fields(self.train)), self.device)
        x = self.on_device.views(chosen, warps, (side, side), border="reflection")
        return x.div_(SCALE_DBZ), torch.from_numpy(labels(examples)).to(self.device)

    def validation(self) -> Batches:
        """Held-out pictures as they are, and their classes."""
        for start in range(0, len(self.valid), self.config.batch):
            chosen = self.valid[start : start + self.config.batch]
            yield _batch(chosen, _fields(chosen))

    def scorer(self) -> ClassScorer:
        """A fresh scorer for an epoch."""
        return ClassScorer(self.valid, variants.shown)


def spread(config: RadarSettings) -> variants.Spread:
    """How far a config lets variants go."""
    return variants.Spread(config.rotation, config.shift, config.shear, config.zoom, config.flips)


def _fields(examples: list[photographs_folders.Example]) -> variants.Fields:
    return np.stack([example.image[..., 0] for example in examples])


def _batch(examples: list[photographs_folders.Example], fields: variants.Fields) -> tuple[Tensor, Tensor]:
    import torch

    x = torch.from_numpy(fields.astype(np.float32) / np.float32(SCALE_DBZ))
    return x[:, None], torch.from_numpy(labels(examples))
