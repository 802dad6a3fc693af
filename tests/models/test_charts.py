"""Charts of a model's scores: one template, and colours that tell values apart."""

import numpy as np
import pytest

from cloudcore.models import charts
from tests.views import checks


@pytest.mark.parametrize("dark", [True, False])
def test_every_figure_has_the_template(dark: bool) -> None:
    table = np.random.default_rng(0).random((5, 3))
    line = (np.array([0.5, 0.9]), np.array([1.0, 0.4]))
    for figure in (
        charts.surface(table, [0.1, 0.2, 0.3, 0.4, 0.5], [0, 10, 2000], (0.2, 10), (0.4, 0), dark=dark),
        charts.precision_recall({"sky": line}, {"sky": (0.5, 1.0)}, 0.4, dark=dark),
        charts.fractions([0.1], [0.2], ["x"], dark=dark),
    ):
        checks.has_the_template(figure, dark)


def test_surface_marks_here_and_best() -> None:
    table = np.array([[0.1, 0.2], [0.3, 0.9]])
    figure = charts.surface(table, [0.2, 0.4], [0, 500], (0.2, 250), (0.4, 500))
    assert np.array_equal(figure.data[0].z, table.T)
    assert (figure.data[1].x[0], figure.data[1].y[0]) == (0.2, 0.5)
    assert (figure.data[-1].x[0], figure.data[-1].y[0]) == (0.4, 1.0)


def test_a_flat_surface_is_drawn() -> None:
    figure = charts.surface(np.ones((2, 2)), [0.2, 0.4], [0, 500])
    assert figure.data[0].zmin < figure.data[0].zmax


def test_a_surface_of_two_values_or_one_still_has_readable_colours() -> None:
    """An empty frame's Dice is 0 or 1: most of the table is 1, and the colours must still tell the two apart."""
    two = np.ones((5, 3))
    two[0, 0] = 0
    for table, lowest in ((two, 0.0), (np.ones((5, 3)), 0.99)):
        (heat,) = [t for t in charts.surface(table, [0.1, 0.2, 0.3, 0.4, 0.5], [0, 1, 2]).data if t.type == "heatmap"]
        assert (heat.zmin, heat.zmax) == (lowest, 1.0)
