"""Scores of an epoch's validation of sky frames, and error maps of the worst and best."""

import math
from collections.abc import Sequence

import numpy as np

from cloudcore.frames import examples
from cloudcore.learning.task import Tensor, ValidationSample
from cloudcore.masks import mask, metrics
from cloudcore.views import render

SMALLEST_VIEW_PX = 16
"""Labels with a shorter side, such as single pixels of patches, make no picture."""


class SkyScorer:
    """Confusions at 0.5 over defined pixels, one a frame, and the masks they came from."""

    def __init__(self, frames: Sequence[examples.Example], stride: int) -> None:
        self.frames, self.stride = frames, stride
        self.confusions: list[metrics.Confusion] = []
        self.predicted: list[mask.Mask | None] = []

    def add(self, logits: Tensor, target: Tensor) -> None:
        """Logits (N, 1, h, w) and labels (N, H, W), read at every (H / h)-th pixel."""
        step = round(target.shape[1] / logits.shape[2])
        for answer, label in zip(logits, target[:, ::step, ::step], strict=True):
            grey = label.cpu().numpy()
            predicted = (answer[0] > 0).cpu().numpy()
            self.confusions.append(metrics.confusion(predicted, grey == mask.CLOUD, grey != mask.UNDEFINED))
            self.predicted.append(predicted if min(grey.shape) >= SMALLEST_VIEW_PX else None)

    def row(self) -> dict[str, float]:
        """Sky scores of the epoch, pixels pooled over the frames."""
        if not self.confusions:
            return {}
        whole = sum(self.confusions[1:], self.confusions[0])
        errors = [abs(c.cloud_predicted - c.cloud_truth) for c in self.confusions if c.tp + c.fp + c.fn + c.tn]
        scores = {"miou": whole.miou, "f1": whole.dice, "accuracy": whole.accuracy, "base_rate": whole.base_rate}
        return {**scores, "fraction_error": float(np.mean(errors)) if errors else math.nan}

    def pictures(self, each: int) -> list[ValidationSample]:
        """Error maps of the worst and best frames by mIoU."""
        seen = [(i, predicted) for i, predicted in enumerate(self.predicted) if predicted is not None]
        order = sorted(seen, key=lambda entry: self.confusions[entry[0]].miou)
        chosen = [("worst", *entry) for entry in order[:each]] + [("best", *entry) for entry in order[each:][-each:]]
        return [self._sample(*entry) for entry in chosen]

    def _sample(self, kind: str, index: int, small: mask.Mask) -> ValidationSample:
        example = self.frames[index]
        predicted = _enlarge(small, example.label.shape, self.stride)
        truth, valid = mask.from_label(example.label)
        picture = render.error_map(example.image, predicted, truth, valid)
        return ValidationSample(kind, example.pair.stem, self.confusions[index].miou, picture)


def _enlarge(view: mask.Mask, hw: tuple[int, ...], stride: int) -> mask.Mask:
    """A predicted mask at label size: repeated where the network answered every n-th pixel, padding cut off."""
    if view.shape[0] * stride < hw[0] + 2 * stride and stride > 1 and view.shape[0] < hw[0]:
        view = view.repeat(stride, axis=0).repeat(stride, axis=1)
    return view[: hw[0], : hw[1]]
