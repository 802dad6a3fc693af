"""Scores worked by hand, intervals, curves and calibration."""

import math

import numpy as np
import pytest

from cloudcore.errors import DataError, MaskError
from cloudcore.masks import mask, metrics
from cloudcore.masks.metrics import Confusion

NOTHING = np.zeros((2, 3), np.bool_)
PREDICTED = np.array([[1, 1, 0], [0, 1, 0]], np.bool_)
TRUTH = np.array([[1, 0, 0], [0, 1, 1]], np.bool_)


def test_dice_and_iou_by_hand() -> None:
    assert metrics.confusion(PREDICTED, TRUTH) == Confusion(tp=2, fp=1, fn=1, tn=2)
    assert metrics.dice(PREDICTED, TRUTH) == 4 / 6
    assert metrics.iou(PREDICTED, TRUTH) == 2 / 4


def test_both_empty_is_perfect_and_one_empty_is_nothing() -> None:
    assert metrics.dice(NOTHING, NOTHING) == metrics.iou(NOTHING, NOTHING) == 1.0
    assert metrics.dice(NOTHING, TRUTH) == metrics.dice(PREDICTED, NOTHING) == 0.0
    assert metrics.iou(NOTHING, TRUTH) == metrics.iou(PREDICTED, NOTHING) == 0.0


def test_only_valid_pixels_count() -> None:
    valid = np.array([[1, 0, 1], [1, 1, 0]], np.bool_)
    assert metrics.confusion(PREDICTED, TRUTH, valid) == Confusion(tp=2, fp=0, fn=0, tn=2)
    assert metrics.dice(PREDICTED, TRUTH, valid) == 1.0
    assert metrics.dice(PREDICTED, NOTHING, ~PREDICTED) == 1.0


def test_scores_of_a_confusion_by_hand() -> None:
    counts = Confusion(tp=6, fp=2, fn=1, tn=3)
    assert counts.n == 12
    assert counts.accuracy == 9 / 12
    assert counts.precision == 6 / 8
    assert counts.recall == 6 / 7
    assert counts.dice == 12 / 15
    assert counts.iou == 6 / 9
    assert counts.iou_sky == 3 / 6
    assert counts.miou == (6 / 9 + 3 / 6) / 2
    assert counts.cloud_predicted == 8 / 12
    assert counts.cloud_truth == 7 / 12
    assert counts.base_rate == 7 / 12
    assert Confusion(tp=1, tn=3).base_rate == 3 / 4


def test_scores_without_a_denominator() -> None:
    clear = Confusion(tn=4)
    assert clear.precision == clear.recall == clear.dice == clear.iou == clear.iou_sky == 1.0
    assert Confusion(fn=4).precision == 1.0 and Confusion(fn=4).recall == 0.0
    assert Confusion(tp=4).iou_sky == 1.0
    nothing = Confusion()
    assert math.isnan(nothing.accuracy) and math.isnan(nothing.cloud_truth) and math.isnan(nothing.base_rate)


def test_confusions_add_up() -> None:
    assert Confusion(1, 2, 3, 4) + Confusion(10, 20, 30, 40) == Confusion(11, 22, 33, 44)
    assert sum([Confusion(1, 2, 3, 4), Confusion(1, 1, 1, 1)]) == Confusion(2, 3, 4, 5)
    assert metrics.pooled([]) == Confusion()


def test_sky_scores_pool_pixels_but_average_the_fraction_error_over_frames() -> None:
    small = (np.array([[True, False]]), np.array([[True, True]]), None)  # tp 1 fn 1; fractions 1/2 and 1
    large = (np.zeros((2, 4), np.bool_), np.zeros((2, 4), np.bool_), None)  # tn 8
    unseen = (np.ones((1, 2), np.bool_), np.zeros((1, 2), np.bool_), np.zeros((1, 2), np.bool_))
    scores = metrics.sky_scores([small, large, unseen])
    assert scores == {"accuracy": 9 / 10, "f1": 2 / 3, "miou": (1 / 2 + 8 / 9) / 2, "fraction_error": 0.25}


def test_no_defined_pixel_is_said() -> None:
    with pytest.raises(DataError, match="no defined pixel"):
        metrics.sky_scores([])
    assert math.isnan(metrics.fraction_error([Confusion()]))


def test_shapes_must_agree() -> None:
    with pytest.raises(MaskError, match="wanted 2x3"):
        metrics.dice(PREDICTED, TRUTH[:, :2])
    with pytest.raises(MaskError, match="valid mask"):
        metrics.dice(PREDICTED, TRUTH, np.ones((3, 3), np.bool_))


def test_precision_recall_equals_clean_and_count(rng: np.random.Generator) -> None:
    probabilities = [np.round(rng.random((7, 5)), 1).astype(np.float32), rng.random((4, 6)).astype(np.float32)]
    probabilities[1][0, 0] = np.nan
    truths = [rng.random((7, 5)) > 0.5, rng.random((4, 6)) > 0.5]
    valids = [rng.random((7, 5)) > 0.3, None]
    thresholds = [0.5, 0.3, 0.0, 0.99, 1.0, 0.3]
    for chosen in (valids, None):
        precision, recall = metrics.precision_recall(probabilities, truths, chosen, thresholds)
        for index, threshold in enumerate(thresholds):
            counts = [
                metrics.confusion(mask.clean(probability, threshold, 0, valid), truth, valid)
                for probability, truth, valid in zip(probabilities, truths, chosen or [None, None], strict=True)
            ]
            assert precision[index] == metrics.pooled(counts).precision
            assert recall[index] == metrics.pooled(counts).recall


def test_precision_recall_with_nothing_to_find() -> None:
    precision, recall = metrics.precision_recall([np.zeros((2, 3), np.float32)], [NOTHING], None, [0.5])
    assert precision.tolist() == [1.0] and recall.tolist() == [1.0]


def test_calibration_by_hand() -> None:
    top = np.array([0.95, 0.92, 0.55, 0.6])
    table = metrics.calibration(top, np.array([True, False, True, True]))
    assert table.count.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 2]
    assert table.accuracy[[5, 9]].tolist() == [1.0, 0.5]
    assert table.confidence[[5, 9]] == pytest.approx([0.575, 0.935])
    assert table.ece == pytest.approx((0.425 * 2 + 0.435 * 2) / 4)
    assert math.isnan(metrics.calibration(np.empty(0), np.empty(0, np.bool_)).ece)
    with pytest.raises(MaskError):
        metrics.calibration(top, np.array([True]))


def test_ece_of_a_classifier_and_of_a_cloud_probability() -> None:
    probabilities = np.array([[0.8, 0.2], [0.3, 0.7]])
    assert metrics.ece(probabilities, np.array([0, 0])) == pytest.approx((0.2 + 0.7) / 2)
    cloud = np.array([[0.75, 0.25, np.nan]], np.float32)
    table = metrics.cloud_calibration(cloud, np.array([[True, True, True]]))
    assert table.ece == pytest.approx(0.25) and table.count[7] == 2
    table = metrics.cloud_calibration(cloud, np.array([[True, True, True]]), np.array([[True, False, True]]))
    assert table.ece == pytest.approx(0.25) and table.count[7] == 1
