"""Figures of the label table: what they show is what they were given, in the patterns' own colours."""

import numpy as np
import pytest

from cloudcore.satellite import charts
from cloudcore.satellite.table import PATTERNS


@pytest.mark.parametrize("dark", [False, True])
def test_shares_and_company(dark: bool) -> None:
    out = charts.shares(PATTERNS, np.array([0.5, 0.25, 0, 1]), np.array([0.1, 0.05, 0, 0.2]), dark=dark)
    assert [list(bar.y) for bar in out.data] == [[50, 25, 0, 100], [10, 5, 0, 20]]
    assert list(out.data[0].marker.color) == ["#2F8CFF", "#FF5C8A", "#FFD23F", "#B6F0DF"]
    counts = charts.per_image(np.array([1, 5, 4, 1, 0]), dark=dark)
    assert list(counts.data[0].y) == [1, 5, 4, 1, 0] and list(counts.data[0].text) == ["1", "5", "4", "1", "0"]


def test_together_is_a_share_of_the_row() -> None:
    counts = np.array([[4, 1, 0, 2], [1, 2, 0, 0], [0, 0, 0, 0], [2, 0, 0, 8]])
    share = charts.together(PATTERNS, counts, dark=True).data[0].z
    assert share[0].tolist() == [100, 25, 0, 50] and share[3].tolist() == [25, 0, 0, 100]
    assert share[2].tolist() == [0, 0, 0, 0], "a pattern that no image has divides nothing by zero"


def test_distributions_name_their_n_and_add_up() -> None:
    values = [np.array([5.0, 15.0, 15.0, 95.0]), np.array([50.0]), np.array([]), np.array([100.0, 0.0])]
    out = charts.distributions(PATTERNS, values, "share, %", np.linspace(0, 100, 11), dark=False)
    assert [line.name for line in out.data] == ["Fish, n = 4", "Flower, n = 1", "Gravel, n = 0", "Sugar, n = 2"]
    assert [sum(line.y) for line in out.data] == [100, 100, 0, 100] and out.data[0].y[1] == 50


def test_many_pieces_share_the_last_bar() -> None:
    out = charts.pieces(PATTERNS, [np.array([1, 1, 2, 9])] + [np.array([], np.int64)] * 3, 3, dark=True)
    assert list(out.data[0].x) == ["1", "2", "3 or more"] and list(out.data[0].y) == [50, 25, 25]


def test_heat_has_the_top_of_the_image_on_top() -> None:
    out = charts.heat("Fish", np.eye(4, 6, dtype=np.float32), 0.5, dark=True)
    assert out.layout.yaxis.autorange == "reversed" and out.data[0].zmax == 50
    assert "at most 100 %" in out.layout.annotations[0].text
