"""Preflight: what stops a training, and what is worth knowing, before it starts."""

from pathlib import Path

import numpy as np
import pytest

from cloudcore import images
from cloudcore.frames import preflight
from tests.frames.drawn_pairs import write


def test_preflight_names_sizes_and_polarity(tmp_path: Path) -> None:
    write(tmp_path, ["001", "002"])
    images.write_png(tmp_path / "masks" / "002.png", np.zeros((16, 32), np.uint8))
    found = preflight.check(tmp_path)
    assert len(found.problems) == 1
    assert "never resized" in found.problems[0]
    dark = np.full((32, 32, 3), 200, np.uint8)
    dark[:16] = 10
    label = np.zeros((32, 32), np.uint8)
    label[:16] = 255
    images.write_png(tmp_path / "images" / "001.png", dark)
    images.write_png(tmp_path / "masks" / "001.png", label)
    (tmp_path / "masks" / "002.png").unlink()
    assert any("darker" in note for note in preflight.check(tmp_path).notes)


@pytest.mark.parametrize("make", ["nothing", "empty", "no masks"])
def test_row_62_a_folder_without_data_is_refused_before_anything_starts(tmp_path: Path, make: str) -> None:
    if make == "empty":
        (tmp_path / "images").mkdir()
        (tmp_path / "masks").mkdir()
    if make == "no masks":
        write(tmp_path, ["001"])
        (tmp_path / "masks" / "001.png").unlink()
    found = preflight.check(tmp_path)
    assert found.n_images == 0
    assert len(found.problems) == 1
    assert found.problems[0].endswith(".")


def test_one_image_is_accepted_and_no_validation_is_said(tmp_path: Path) -> None:
    write(tmp_path, ["001"])
    found = preflight.check(tmp_path)
    assert found.problems == []
    assert any("No validation" in note for note in found.notes)
