"""Batches, validation and scores of a patterns training, from the cache of resized images and the label table."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import images, models
from cloudcore.learning.task import ValidationSample
from cloudcore.models import mask_evaluation
from cloudcore.satellite import cache as satellite_cache
from cloudcore.satellite.table import GRID_HW, PATTERNS, Table
from cloudcore.views import render

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass
class PatternData:
    """Images and masks of the cache, split. place is the device batches are made on (set by the training)."""

    config: Any
    cache: satellite_cache.Cache
    table: Table
    folder: Path
    held: satellite_cache.Held
    note: str
    place: Any = "cpu"
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD
    classes: tuple[str, ...] = PATTERNS
    grid_hw: tuple[int, int] | None = GRID_HW
    stems: dict[str, list[str]] = field(default_factory=dict)
    there: Any = None

    def __post_init__(self) -> None:
        self.stems = {"train": self.train, "valid": self.valid}

    @property
    def train(self) -> list[str]:
        """Names of the images learnt from."""
        return [self.cache.names[index] for index in self.held.train]

    @property
    def valid(self) -> list[str]:
        """Names of the images held out."""
        return [self.cache.names[index] for index in self.held.valid]

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return max(int(self.config.min_steps), math.ceil(len(self.held.train) / int(self.config.batch)))

    @property
    def validation_steps(self) -> int:
        """Batches of a validation."""
        return max(1, math.ceil(len(self.held.valid) / int(self.config.batch)))

    @property
    def train_hashes(self) -> list[str]:
        """sha256 of every image learnt from."""
        return sorted(self.cache.hashes[index] for index in self.held.train)

    @property
    def base_words(self) -> str:
        """What an answer of nothing scores on what is held out."""
        names = self.valid or self.train
        empty = np.mean([len(PATTERNS) - len(self.table.present(name)) for name in names]) / len(PATTERNS)
        return f"an all-empty answer would score Dice {empty:.3f}"

    def batches(self, epoch: int) -> Iterator[tuple[Any, Any]]:
        """Training batches, a pure function of seed and epoch: x float32 (N, 3, h, w), y uint8 (N, 4, h, w)."""
        from cloudcore.learning.batches import mask_augmentation

        rng = np.random.default_rng([self.config.seed, epoch])
        wanted, held = self.steps * self.config.batch, np.array(self.held.train)
        order = np.concatenate([rng.permutation(held) for _ in range(math.ceil(wanted / len(held)))])
        for step in range(self.steps):
            chosen = order[step * self.config.batch : (step + 1) * self.config.batch]
            x, y = mask_augmentation.augment(self.config, *self._read(chosen), (self.config.seed, epoch, step))
            yield normalise(x), y

    def validation(self) -> Iterator[tuple[Any, Any]]:
        """Validation batches in the order of `valid`."""
        held = np.array(self.held.valid, np.int64)
        for start in range(0, len(held), self.config.batch):
            x, y = self._read(held[start : start + self.config.batch])
            yield normalise(x), y

    def _read(self, chosen: NDArray[np.int64]) -> tuple[Any, Any]:
        """uint8 tensors (N, 3, h, w) and (N, 4, h, w) of the cache, which a GPU holds whole where it can."""
        import torch

        if str(self.place) == "cpu":
            x = torch.from_numpy(np.stack([self.cache.images[index] for index in chosen]))
            return x.permute(0, 3, 1, 2), torch.from_numpy(self.cache.masks(chosen.tolist()))
        from cloudcore.learning.batches import device_images

        if self.there is None:
            arrays = (np.array(self.cache.images), np.array(self.cache.packed))
            self.there = tuple(device_images.hold(torch.from_numpy(array), self.place) for array in arrays)
        x, packed = (device_images.rows(tensor, chosen.tolist(), self.place) for tensor in self.there)
        return x.permute(0, 3, 1, 2), device_images.unpacked(packed, x.shape[2])

    def scorer(self) -> "_Scorer":
        """A fresh scorer for an epoch."""
        return _Scorer(self)

    def score(self, predictor: models.Predictor) -> dict[str, Any]:
        """Scores of the exported model on the held-out images at 350 x 525, whole and by class."""
        held_out = mask_evaluation.ScoredImages(self.table, self.folder, tuple(self.valid), 0)
        return mask_evaluation.scores_of(predictor, held_out) if held_out.names else {"n": 0}


class _Scorer:
    """Dice of each validation image and class on the 350 x 525 grid, at 0.5 and without a smallest size."""

    def __init__(self, prepared: PatternData) -> None:
        self.prepared = prepared
        self.rows: list[NDArray[np.float64]] = []
        self.empty: list[NDArray[np.bool_]] = []
        self.views: list[NDArray[np.uint8]] = []

    def add(self, logits: Any, target: Any) -> None:
        """Logits (N, 4, h, w), or (N, 12, h, w) of a gated network; the truth is read from the table."""
        import torch

        from cloudcore.learning.networks import gated

        if logits.shape[1] != len(PATTERNS):
            logits = gated.gate(logits, self.prepared.config.gate_share)
        probability = torch.sigmoid(logits.float())
        grown = torch.nn.functional.interpolate(probability, GRID_HW, mode="bilinear", align_corners=False)
        for predicted in (grown > 0.5).cpu().numpy():
            truth = self.prepared.table.masks(self.prepared.valid[len(self.rows)], GRID_HW)
            self.rows.append(mask_evaluation.dice_rows(predicted, truth))
            self.empty.append(np.asarray(~truth.any(axis=(1, 2)), np.bool_))
            self.views.append(np.packbits(predicted, axis=2))

    def row(self) -> dict[str, float]:
        """Mean Dice over image and class, that of the non-empty ones, and what an all-empty answer would score."""
        if not self.rows:
            return {}
        dice, empty = np.array(self.rows), np.array(self.empty)
        nonempty = float(dice[~empty].mean()) if not empty.all() else math.nan
        return {"dice": float(dice.mean()), "dice_nonempty": nonempty, "all_empty": float(empty.mean())}

    def pictures(self, each: int) -> list[ValidationSample]:
        """Truth beside prediction of the worst and best images."""
        means = [float(row.mean()) for row in self.rows]
        order = sorted(range(len(means)), key=lambda index: means[index])
        chosen = [(index, "worst") for index in order[:each]] + [(index, "best") for index in order[each:][-each:]]
        return [
            ValidationSample(kind, self.prepared.valid[index], means[index], self._picture(index))
            for index, kind in chosen
        ]

    def _picture(self, index: int) -> images.Image:
        prepared, name = self.prepared, self.prepared.valid[index]
        place = prepared.held.valid[index]
        image = images.resize(np.asarray(prepared.cache.images[place]), GRID_HW)
        predicted = np.unpackbits(self.views[index], axis=2, count=GRID_HW[1]).astype(np.bool_)
        return render.strip([render.patterns(image, prepared.table.masks(name, GRID_HW)),
                             render.patterns(image, predicted)])  # fmt: skip


def normalise(batch: Any) -> Any:
    """uint8 (N, 3, H, W) tensor -> float32, ImageNet mean and std, channels last in memory."""
    import torch

    mean, std = (torch.tensor(value, device=batch.device)[:, None, None] * 255 for value in (MEAN, STD))
    x = batch.to(torch.float32, memory_format=torch.channels_last)  # a new tensor: the rest is done in place
    return x.sub_(mean).div_(std)
