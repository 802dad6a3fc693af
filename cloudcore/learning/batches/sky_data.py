"""Sky frames in memory as batches of crops, whole frames or patches, normalised on demand."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from cloudcore import images, models
from cloudcore.frames import examples
from cloudcore.learning.batches import sky_crops
from cloudcore.learning.batches.sky_scorer import SkyScorer
from cloudcore.learning.settings import BatchSettings
from cloudcore.learning.task import Batches, Device, Tensor
from cloudcore.masks import mask
from cloudcore.models import evaluation

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
PATCH = 32
UNET_MULTIPLE = 32
TRAINING_PATCHES, VALIDATION_PATCHES = 64, 1500
"""Patches a frame gives to a batch."""


class SkySettings(BatchSettings, sky_crops.CropSettings, Protocol):
    """What the batches read of the settings of a sky training."""

    @property
    def network(self) -> str:
        """unet or cloudnet."""

    @property
    def form(self) -> str:
        """dense or patch, for cloudnet."""

    @property
    def stride(self) -> int:
        """Every stride-th pixel has an answer, for cloudnet."""

    @property
    def min_steps(self) -> int:
        """Steps an epoch has at least."""


@dataclass
class SkyData:
    """Frames in memory, split by group. Arrays are uint8; batches are cut, augmented and normalised on demand."""

    config: SkySettings
    train: list[examples.Example]
    valid: list[examples.Example]
    note: str
    base_rate: float
    stems: dict[str, list[str]] = field(default_factory=dict)
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD
    classes: tuple[str, ...] = ("cloud",)
    grid_hw: tuple[int, int] | None = None
    device: Device = "cpu"
    on_device: tuple[Any, Any] | None = None
    """DeviceImages of the frames and of their labels, from the first batch made on a GPU."""

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return max(self.config.min_steps, math.ceil(len(self.train) / self.config.batch))

    @property
    def validation_steps(self) -> int:
        """One batch a validation frame."""
        return max(1, len(self.valid))

    @property
    def base_words(self) -> str:
        """Share of cloud among the scored pixels: what always answering cloud would reach."""
        return f"share of cloud in what is scored: {self.base_rate:.3f}"

    @property
    def train_hashes(self) -> list[str]:
        """sha256 of every image learnt from."""
        return sorted(example.sha256 for example in self.train)

    def batches(self, epoch: int) -> Batches:
        """Training batches of an epoch, a pure function of seed and epoch: x float32 (N,3,h,w), y uint8 (N,h,w)."""
        rng = np.random.default_rng([self.config.seed, epoch])
        wanted = self.steps * self.config.batch
        order = np.concatenate([rng.permutation(len(self.train)) for _ in range(math.ceil(wanted / len(self.train)))])
        for step in range(self.steps):
            chosen = order[step * self.config.batch : (step + 1) * self.config.batch].tolist()
            if is_patch(self.config):
                yield self._patches([self.train[i] for i in chosen], rng, TRAINING_PATCHES)
            elif str(self.device) == "cpu":
                yield self._crops(chosen, rng)
            else:
                yield self._crops_on_device(chosen, rng)

    def validation(self) -> Batches:
        """One batch a validation frame: the whole frame, padded to what the network takes (padding undefined)."""
        import torch

        for number, example in enumerate(self.valid):
            if is_patch(self.config):
                rng = np.random.default_rng([self.config.seed, 7, number])
                yield self._patches([example], rng, VALIDATION_PATCHES)
                continue
            multiple = UNET_MULTIPLE if self.config.network == "unet" else 8
            image, label = _pad(example.image, example.label, multiple)
            yield _normalise(torch.from_numpy(image)[None]), torch.from_numpy(label)[None]

    def scorer(self) -> SkyScorer:
        """A fresh scorer for an epoch."""
        return SkyScorer(self.valid, self.config.stride)

    def score(self, predictor: models.Predictor) -> dict[str, Any]:
        """Sky scores of the exported model on the held-out frames at their full size, whole and by source."""
        found = [(evaluation.confusion_of(predictor, e.pair), e.pair.source or "all") for e in self.valid]
        scores: dict[str, Any] = {"n": len(found)}
        if not found:
            return scores
        by_source = {
            name: evaluation.score([c for c, source in found if source == name])
            for name in sorted({source for _, source in found})
        }
        return {**scores, "metrics": evaluation.score([c for c, _ in found]), "by_source": by_source}

    def _crops(self, chosen: list[int], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        import torch

        frames, side = [self.train[i] for i in chosen], self.config.crop
        cut = [sky_crops.cut(frame, side, sky_crops.draw(frame, self.config, rng), rng) for frame in frames]
        x = _normalise(torch.from_numpy(np.stack([image for image, _ in cut])))
        return x, torch.from_numpy(np.stack([label for _, label in cut]))

    def _crops_on_device(self, chosen: list[int], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """The same on a GPU: frames are warped, exposed and normalised there, with another draw of the noise."""
        import torch

        from cloudcore.learning.batches import device_images, exposure

        if self.on_device is None:
            frames = device_images.DeviceImages([example.image for example in self.train], self.device)
            undefined = int(mask.UNDEFINED)
            labels = device_images.DeviceImages([example.label for example in self.train], self.device, undefined)
            self.on_device = frames, labels
        frames, labels = self.on_device
        drawn = [sky_crops.draw(self.train[i], self.config, rng) for i in chosen]
        warps, out_hw = np.stack([one.warp for one in drawn]), (self.config.crop, self.config.crop)
        x = frames.views(chosen, warps, out_hw)
        if self.config.augment:
            gain, gamma = np.stack([one.gain for one in drawn]), np.array([one.gamma for one in drawn])
            grey, noise = np.array([float(one.grey) for one in drawn]), np.array([one.noise for one in drawn])
            x = exposure.exposed(x, gain, gamma, grey, noise, int(rng.integers(2**62)))
        y = labels.views(chosen, warps, out_hw, nearest=True)
        return _normalise(x.permute(0, 2, 3, 1)), y[:, 0].to(torch.uint8)

    def _patches(
        self, chosen: Sequence[examples.Example], rng: np.random.Generator, each: int
    ) -> tuple[Tensor, Tensor]:
        """`each` random patches (32, 32) of every frame, around defined pixels, and the label of each centre."""
        import torch

        x, y = [], []
        for example in chosen:
            half = PATCH // 2
            padded = np.pad(example.image, ((half, half), (half, half), (0, 0)), mode="edge")
            rows, columns = np.nonzero(example.label != 128)
            if rows.size == 0:
                continue
            for pick in rng.integers(0, rows.size, each):
                row, column = int(rows[pick]), int(columns[pick])
                x.append(padded[row : row + PATCH, column : column + PATCH])
                y.append(example.label[row, column])
        if not x:
            x, y = [np.zeros((PATCH, PATCH, 3), np.uint8)], [np.uint8(128)]
        return _normalise(torch.from_numpy(np.stack(x))), torch.from_numpy(np.array(y))[:, None, None]


def is_patch(config: SkySettings) -> bool:
    """Whether CloudNet learns from patches, as published."""
    return config.network == "cloudnet" and config.form == "patch"


def _normalise(batch: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) tensor -> float32 (N, 3, H, W), ImageNet mean and std, channels last in memory."""
    import torch

    mean, std = (torch.tensor(value, device=batch.device) * 255 for value in (MEAN, STD))
    return ((batch.float() - mean) / std).permute(0, 3, 1, 2)


def _pad(image: images.Image, label: mask.Label, multiple: int) -> tuple[images.Image, mask.Label]:
    height, width = label.shape
    below, right = -height % multiple, -width % multiple
    padded = np.pad(image, ((0, below), (0, right), (0, 0)), mode="edge")
    return padded, np.pad(label, ((0, below), (0, right)), constant_values=128)
