"""The figures of a classifier say what the counts say."""

import numpy as np

from cloudcore.models import class_charts


def test_confusion_shows_what_is_there() -> None:
    figure = class_charts.confusion(np.array([[3, 1], [0, 0]]), ["Ci", "Cu"])
    cells = figure.data[0]
    assert list(cells.text) == ["3", "1"] and [tuple(c) for c in cells.customdata] == [(0, 0), (0, 1)]
    assert list(cells.x) == ["Ci", "Cu"] and list(cells.marker.color) == [0.75, 0.25]


def test_reliability_leaves_out_empty_bins() -> None:
    bins = [
        {"low": 0, "high": 0.5, "confidence": 0.4, "accuracy": 0.3, "n": 10},
        {"low": 0.5, "high": 1, "confidence": None, "accuracy": None, "n": 0},
    ]
    dots = class_charts.reliability(bins, dark=True).data[1]
    assert list(dots.x) == [0.4] and list(dots.y) == [0.3]
