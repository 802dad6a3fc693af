"""How well a mask or a probability agrees with the truth: counts, scores, curves and calibration.

Ratios without a denominator follow one rule: nothing to find and nothing found is a perfect 1.0, and a share of no
pixels at all is NaN.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import DataError, MaskError
from cloudcore.masks.mask import Mask, as_mask, as_probability

_Curve = NDArray[np.float64]


def _ratio(part: int, whole: int, empty: float) -> float:
    return part / whole if whole else empty


@dataclass(frozen=True)
class Confusion:
    """Valid pixels by prediction and truth: hits, false cloud, missed cloud, true sky. Add them to pool frames."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: "Confusion") -> "Confusion":
        """Counts of both frames together."""
        return Confusion(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    def __radd__(self, other: Literal[0]) -> "Confusion":
        """Lets sum() begin with 0."""
        return self

    @property
    def n(self) -> int:
        """All valid pixels."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def accuracy(self) -> float:
        """Share of pixels that are right, 0..1; NaN without pixels."""
        return _ratio(self.tp + self.tn, self.n, math.nan)

    @property
    def precision(self) -> float:
        """Share of the predicted cloud that is cloud; 1.0 where nothing was predicted."""
        return _ratio(self.tp, self.tp + self.fp, 1.0)

    @property
    def recall(self) -> float:
        """Share of the cloud that was predicted; 1.0 where there is none."""
        return _ratio(self.tp, self.tp + self.fn, 1.0)

    @property
    def dice(self) -> float:
        """2 tp / (2 tp + fp + fn), which is F1 of cloud (Dice 1945); 1.0 when both are empty, 0.0 when one is."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn, 1.0)

    @property
    def iou(self) -> float:
        """Intersection over union of cloud (Jaccard 1901); 1.0 when both are empty."""
        return _ratio(self.tp, self.tp + self.fp + self.fn, 1.0)

    @property
    def iou_sky(self) -> float:
        """Intersection over union of sky; 1.0 when neither has any."""
        return _ratio(self.tn, self.tn + self.fp + self.fn, 1.0)

    @property
    def miou(self) -> float:
        """Mean of the IoU of cloud and of sky."""
        return (self.iou + self.iou_sky) / 2

    @property
    def cloud_predicted(self) -> float:
        """Predicted cloud fraction, 0..1; NaN without pixels."""
        return _ratio(self.tp + self.fp, self.n, math.nan)

    @property
    def cloud_truth(self) -> float:
        """True cloud fraction, 0..1; NaN without pixels."""
        return _ratio(self.tp + self.fn, self.n, math.nan)

    @property
    def base_rate(self) -> float:
        """Accuracy of answering the commoner class everywhere: the bar that any accuracy must clear."""
        return max(self.cloud_truth, 1.0 - self.cloud_truth)


def confusion(predicted: Mask, truth: Mask, valid: Mask | None = None) -> Confusion:
    """Counts over the valid pixels of two masks, bool (H, W); raises MaskError where shapes differ.

    >>> confusion(np.array([[1, 1, 0, 0]]), np.array([[1, 0, 1, 0]]))
    Confusion(tp=1, fp=1, fn=1, tn=1)
    """
    predicted = as_mask(predicted, "prediction")
    shape_hw = cast(tuple[int, int], predicted.shape)
    truth = as_mask(truth, "truth", shape_hw)
    n = predicted.size
    if valid is not None:
        valid = as_mask(valid, "valid mask", shape_hw)
        predicted, truth, n = predicted & valid, truth & valid, int(np.count_nonzero(valid))
    tp = int(np.count_nonzero(predicted & truth))
    fp, fn = int(np.count_nonzero(predicted)) - tp, int(np.count_nonzero(truth)) - tp
    return Confusion(tp, fp, fn, n - tp - fp - fn)


def dice(predicted: Mask, truth: Mask, valid: Mask | None = None) -> float:
    """Dice of two masks, 0..1, over the valid pixels; 1.0 when both are empty, 0.0 when one is.

    >>> dice(np.array([[1, 1, 0, 0]]), np.array([[1, 0, 1, 0]]))
    0.5
    >>> dice(np.array([[0, 0]]), np.array([[0, 0]]))
    1.0
    """
    return confusion(predicted, truth, valid).dice


def iou(predicted: Mask, truth: Mask, valid: Mask | None = None) -> float:
    """Intersection over union of two masks, 0..1, over the valid pixels; 1.0 when both are empty, 0.0 when one is.

    >>> iou(np.array([[1, 1, 0, 0, 0]]), np.array([[1, 1, 1, 1, 0]]))
    0.5
    """
    return confusion(predicted, truth, valid).iou


def pooled(frames: Iterable[Confusion]) -> Confusion:
    """The counts of all frames together.

    >>> pooled([Confusion(tp=1, tn=2), Confusion(tp=3, fn=1)])
    Confusion(tp=4, fp=0, fn=1, tn=2)
    """
    return sum(frames, Confusion())


def fraction_error(frames: Sequence[Confusion]) -> float:
    """Mean over frames of |predicted - true cloud fraction|; frames without a valid pixel are left out, NaN if all.

    >>> fraction_error([Confusion(tp=1, fp=1, tn=2), Confusion(tn=4)])
    0.125
    """
    errors = [abs(frame.cloud_predicted - frame.cloud_truth) for frame in frames if frame.n]
    return math.fsum(errors) / len(errors) if errors else math.nan


def scores_of(frames: Sequence[Confusion]) -> dict[str, float]:
    """The sky scores of frames already counted: accuracy, f1, miou (pixels pooled) and fraction_error (by frame).

    Raises DataError where no frame has a valid pixel.

    >>> scores_of([Confusion(tp=2, fp=1, fn=1, tn=4)])["accuracy"]
    0.75
    """
    total = pooled(frames)
    if total.n == 0:
        raise DataError(f"Got {len(frames)} frames and no defined pixel; wanted one at least: paint or import labels.")
    return {
        "accuracy": total.accuracy,
        "f1": total.dice,
        "miou": total.miou,
        "fraction_error": fraction_error(frames),
    }


def sky_scores(pairs: Iterable[tuple[Mask, Mask, Mask | None]]) -> dict[str, float]:
    """The sky scores of (predicted, truth, valid) masks, one triple a frame; see scores_of.

    >>> sky_scores([(np.array([[1, 1, 0, 0]]), np.array([[1, 0, 0, 0]]), None)])["fraction_error"]
    0.25
    """
    return scores_of([confusion(predicted, truth, valid) for predicted, truth, valid in pairs])


def precision_recall(
    probabilities: Iterable[NDArray[Any]],
    truths: Iterable[Mask],
    valids: Iterable[Mask | None] | None,
    thresholds: Sequence[float] | NDArray[Any],
) -> tuple[_Curve, _Curve]:
    """(precision, recall), float64 (T,), at every threshold, pixels pooled over frames, no min_size.

    A pixel is cloud where probability > float32(threshold). valids None: every pixel of every frame counts. Precision
    is 1.0 where nothing is predicted, recall 1.0 where nothing is true. Raises MaskError where shapes differ, and
    ValueError where the three do not hold the same number of frames.

    >>> probability, truth = np.array([[0.9, 0.6, 0.2]], np.float32), np.array([[True, False, True]])
    >>> precision, recall = precision_recall([probability], [truth], None, [0.1, 0.8])
    >>> precision.round(3).tolist(), recall.tolist()
    ([0.667, 1.0], [1.0, 0.5])
    """
    levels, places = np.unique(np.asarray(thresholds, np.float32), return_inverse=True)
    predicted, hit, true = np.zeros(len(levels), np.int64), np.zeros(len(levels), np.int64), 0
    frames = zip(probabilities, truths, strict=True)
    masks: Iterable[Mask | None] = itertools.repeat(None) if valids is None else valids
    for (probability, truth), valid in zip(frames, masks, strict=valids is not None):
        values = as_probability(probability)
        shape_hw = cast(tuple[int, int], values.shape)
        cloud, chosen = as_mask(truth, "truth", shape_hw), ~np.isnan(values)
        if valid is not None:
            valid = as_mask(valid, "valid mask", shape_hw)
            cloud, chosen = cloud & valid, chosen & valid
        predicted += _above(values[chosen], levels)
        hit += _above(values[chosen & cloud], levels)
        true += int(np.count_nonzero(cloud))
    precision = np.divide(hit, predicted, out=np.ones(len(levels)), where=predicted > 0)
    recall = hit / true if true else np.ones(len(levels))
    return precision[places], recall[places]


def _above(values: NDArray[Any], levels: NDArray[np.float32]) -> NDArray[np.int64]:
    """How many of the values, none of them NaN, are above each of the ascending levels; int64 (T,)."""
    passed = np.bincount(np.searchsorted(levels, values), minlength=len(levels) + 1)
    return np.cumsum(passed[::-1])[::-1][1:].astype(np.int64)


@dataclass(frozen=True)
class Calibration:
    """Equal bins of the top probability: its mean and the share that was right in each (NaN if empty), and counts."""

    confidence: _Curve
    accuracy: _Curve
    count: NDArray[np.int64]

    @property
    def ece(self) -> float:
        """Expected calibration error: |accuracy - confidence| weighted by count (Naeini 2015); NaN without answers."""
        filled = self.count > 0
        if not filled.any():
            return math.nan
        gaps = np.abs(self.accuracy[filled] - self.confidence[filled])
        return float(np.average(gaps, weights=self.count[filled]))


def calibration(top: NDArray[Any], correct: NDArray[np.bool_], bins: int = 10) -> Calibration:
    """Calibration of answers: top (N,) is the probability of the class chosen, correct (N,) whether it was right.

    The b-th bin holds b / bins < top <= (b + 1) / bins. Raises MaskError where the lengths differ.

    >>> calibration(np.array([0.6, 0.9, 1.0]), np.array([True, True, False]), bins=2).accuracy.round(3).tolist()
    [nan, 0.667]
    """
    top, correct = np.asarray(top, np.float64).ravel(), np.asarray(correct, np.bool_).ravel()
    if top.shape != correct.shape:
        raise MaskError(f"Got {top.size} probabilities and {correct.size} answers; wanted one answer for each.")
    place = np.searchsorted(np.arange(1, bins) / bins, top)
    count = np.bincount(place, minlength=bins)
    sums = [np.bincount(place, weights=weights, minlength=bins) for weights in (top, correct)]
    confidence, accuracy = (np.divide(total, count, out=np.full(bins, np.nan), where=count > 0) for total in sums)
    return Calibration(confidence, accuracy, count.astype(np.int64))


def ece(probabilities: NDArray[Any], classes: NDArray[np.integer[Any]], bins: int = 10) -> float:
    """Expected calibration error of a classifier: probabilities (N, K), true classes (N,) as indices.

    >>> ece(np.array([[0.75, 0.25], [0.75, 0.25]]), np.array([0, 1]))
    0.25
    """
    chosen = probabilities.argmax(axis=1)
    return calibration(probabilities.max(axis=1), chosen == classes, bins).ece


def cloud_calibration(probability: NDArray[Any], truth: Mask, valid: Mask | None = None, bins: int = 10) -> Calibration:
    """Calibration of a cloud probability (H, W): the class chosen is cloud above 0.5, and sky otherwise."""
    values = as_probability(probability)
    shape_hw = cast(tuple[int, int], values.shape)
    truth = as_mask(truth, "truth", shape_hw)
    chosen = ~np.isnan(values) if valid is None else as_mask(valid, "valid mask", shape_hw) & ~np.isnan(values)
    sure = values[chosen]
    return calibration(np.maximum(sure, 1 - sure), (sure > 0.5) == truth[chosen], bins)
