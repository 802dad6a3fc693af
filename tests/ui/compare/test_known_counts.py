"""Counts kept in memory: found by content, the oldest given up first."""

from pathlib import Path

import numpy as np
import pytest

from cloudcore import images, models
from cloudcore.ui import lens
from cloudcore.ui.compare import known_counts
from cloudcore.ui.compare.predictions import Case
from tests import toy_model

GRID = lens.Grid()


def _case(folder: Path, number: int) -> Case:
    path = folder / f"f{number}.png"
    images.write_png(path, np.full((16, 16, 3), number, np.uint8))
    return Case(path.stem, path, None, 1, None)


def test_counts_are_found_by_content_and_the_oldest_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_counts, "MOST_KEPT", 2)
    model = models.load(toy_model.write(tmp_path / "toy"))
    cases = [_case(tmp_path, number) for number in range(3)]
    for case in cases:
        assert known_counts.find(model, case, GRID) is None
        known_counts.keep(model, case, GRID, f"{case.stem} is broken")
    assert [known_counts.find(model, case, GRID) for case in cases] == [None, "f1 is broken", "f2 is broken"]
    images.write_png(cases[2].path, np.full((17, 16, 3), 9, np.uint8))
    assert known_counts.find(model, cases[2], GRID) is None, "another picture of the same name"
