"""Dice of an epoch's validation of satellite images, and pictures of the worst and best."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.learning.task import Tensor, ValidationSample
from cloudcore.models import mask_evaluation
from cloudcore.satellite import cache as satellite_cache
from cloudcore.satellite.table import GRID_HW, PATTERNS, Table
from cloudcore.views import render


class PatternScorer:
    """Dice of each validation image and class on the 350 x 525 grid, at 0.5 and without a smallest size."""

    def __init__(self, cache: satellite_cache.Cache, table: Table, shown: Sequence[int], gate_share: float) -> None:
        self.cache, self.table, self.shown, self.gate_share = cache, table, shown, gate_share
        self.rows: list[NDArray[np.float64]] = []
        self.empty: list[NDArray[np.bool_]] = []
        self.packed: list[NDArray[np.uint8]] = []

    def add(self, logits: Tensor, target: Tensor) -> None:
        """Logits (N, 4, h, w), or (N, 12, h, w) of a gated network; the truth is read from the table."""
        import torch

        from cloudcore.learning.networks import gated

        if logits.shape[1] != len(PATTERNS):
            logits = gated.gate(logits, self.gate_share)
        probability = torch.sigmoid(logits.float())
        grown = torch.nn.functional.interpolate(probability, GRID_HW, mode="bilinear", align_corners=False)
        for predicted in (grown > 0.5).cpu().numpy():
            truth = self.table.masks(self._name(len(self.rows)), GRID_HW)
            self.rows.append(mask_evaluation.dice_rows(predicted, truth))
            self.empty.append(np.asarray(~truth.any(axis=(1, 2)), np.bool_))
            self.packed.append(np.packbits(predicted, axis=2))

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
        return [ValidationSample(kind, self._name(index), means[index], self._picture(index)) for index, kind in chosen]

    def _name(self, index: int) -> str:
        return self.cache.names[self.shown[index]]

    def _picture(self, index: int) -> images.Image:
        image = images.resize(np.asarray(self.cache.images[self.shown[index]]), GRID_HW)
        predicted = np.unpackbits(self.packed[index], axis=2, count=GRID_HW[1]).astype(np.bool_)
        truth = self.table.masks(self._name(index), GRID_HW)
        return render.strip([render.patterns(image, truth), render.patterns(image, predicted)])
