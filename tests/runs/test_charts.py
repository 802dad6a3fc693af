"""Curves of a run: one template, the numbers unchanged, dashes after the second line."""

import pytest

from cloudcore.runs import charts
from tests.views import checks

HISTORY = [
    {"epoch": 1, "train_loss": 0.7, "valid_loss": 0.8, "learning_rate": 0.001, "accuracy": 0.6, "miou": 0.4},
    {"epoch": 2, "train_loss": 0.5, "valid_loss": None, "learning_rate": 0.002, "accuracy": 0.7, "miou": 0.6},
]


@pytest.mark.parametrize("dark", [True, False])
def test_every_figure_has_the_template(dark: bool) -> None:
    for figure in (
        charts.training(HISTORY, dark=dark),
        charts.learning_rate(HISTORY, dark=dark),
        charts.curves({"a": HISTORY}, "epoch", ["miou"], dark=dark),
    ):
        checks.has_the_template(figure, dark)


def test_training_skips_missing_values_and_takes_miou_first() -> None:
    figure = charts.training(HISTORY)
    drawn = {trace.name: (list(trace.x), list(trace.y)) for trace in figure.data}
    assert drawn.pop("mIoU") == ([1, 2], [0.4, 0.6])
    assert drawn == {"training loss": ([1, 2], [0.7, 0.5]), "validation loss": ([1], [0.8])}
    assert charts.training(HISTORY, metric="accuracy").data[-1].name == "accuracy"
    assert len(charts.training([]).data) == 0


def test_lines_are_dashed_after_the_second() -> None:
    figure = charts.curves({name: HISTORY for name in "abc"}, "epoch", ["miou"])
    assert [trace.line.dash for trace in figure.data] == ["solid", "solid", "dash"]
    assert {trace.line.width for trace in figure.data} == {1.8}
