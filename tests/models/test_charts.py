"""Charts: one template, the numbers unchanged, dashes after the second line."""

import numpy as np
import pytest

from cloudcore.models import charts as models_charts
from cloudcore.runs import charts

HISTORY = [
    {"epoch": 1, "train_loss": 0.7, "valid_loss": 0.8, "learning_rate": 0.001, "accuracy": 0.6, "miou": 0.4},
    {"epoch": 2, "train_loss": 0.5, "valid_loss": None, "learning_rate": 0.002, "accuracy": 0.7, "miou": 0.6},
]


@pytest.mark.parametrize("dark", [True, False])
def test_every_figure_has_the_template(dark: bool) -> None:
    table = np.random.default_rng(0).random((5, 3))
    line = (np.array([0.5, 0.9]), np.array([1.0, 0.4]))
    figures = [
        charts.training(HISTORY, dark=dark),
        charts.learning_rate(HISTORY, dark=dark),
        charts.curves({"a": HISTORY}, "epoch", ["miou"], dark=dark),
        models_charts.surface(table, [0.1, 0.2, 0.3, 0.4, 0.5], [0, 10, 2000], (0.2, 10), (0.4, 0), dark=dark),
        models_charts.precision_recall({"sky": line}, {"sky": (0.5, 1.0)}, 0.4, dark=dark),
        models_charts.fractions([0.1], [0.2], ["x"], dark=dark),
    ]
    for figure in figures:
        layout = figure.layout.template.layout
        assert layout.font.family == '"Source Sans", sans-serif' and layout.font.size == 13
        assert layout.paper_bgcolor == "rgba(0,0,0,0)" and layout.transition.duration == 0
        assert layout.xaxis.gridcolor == ("#2A343C" if dark else "#DFE5E9")
        assert figure.layout.height


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


def test_surface_marks_here_and_best() -> None:
    table = np.array([[0.1, 0.2], [0.3, 0.9]])
    figure = models_charts.surface(table, [0.2, 0.4], [0, 500], (0.2, 250), (0.4, 500))
    assert np.array_equal(figure.data[0].z, table.T)
    assert (figure.data[1].x[0], figure.data[1].y[0]) == (0.2, 0.5)
    assert (figure.data[-1].x[0], figure.data[-1].y[0]) == (0.4, 1.0)


def test_a_flat_surface_is_drawn() -> None:
    figure = models_charts.surface(np.ones((2, 2)), [0.2, 0.4], [0, 500])
    assert figure.data[0].zmin < figure.data[0].zmax


def test_a_surface_of_two_values_or_one_still_has_readable_colours() -> None:
    """An empty frame's Dice is 0 or 1: most of the table is 1, and the colours must still tell the two apart."""
    two = np.ones((5, 3))
    two[0, 0] = 0
    for table, lowest in ((two, 0.0), (np.ones((5, 3)), 0.99)):
        (heat,) = [
            t for t in models_charts.surface(table, [0.1, 0.2, 0.3, 0.4, 0.5], [0, 1, 2]).data if t.type == "heatmap"
        ]
        assert (heat.zmin, heat.zmax) == (lowest, 1.0)
