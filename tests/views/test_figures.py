"""The plotly template and the style of a line."""

import pytest

from cloudcore.views import figures
from tests.views import checks


@pytest.mark.parametrize("dark", [True, False])
def test_an_empty_figure_has_the_template(dark: bool) -> None:
    checks.has_the_template(figures.figure(dark, height=200), dark)


def test_lines_are_dashed_after_the_second_or_as_told() -> None:
    assert [figures.line(index)["dash"] for index in range(4)] == ["solid", "solid", "dash", "dash"]
    assert figures.line(0, dashed=True)["dash"] == "dash" and figures.line(3, dashed=False)["dash"] == "solid"
