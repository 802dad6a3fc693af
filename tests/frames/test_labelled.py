"""Labelled pairs: levels, tables and folders of images and masks."""

from pathlib import Path

import numpy as np
import pytest

from cloudcore.errors import DataError
from cloudcore.frames import labelled


def test_levels_of_the_published_sets() -> None:
    grey = np.array([[255, 100, 0]], np.uint8)
    assert labelled.levels_to_label(grey, "255=cloud 100=sky 0=undefined", "m.png").tolist() == [[255, 0, 128]]
    blurred = np.array([[250, 127, 128]], np.uint8)
    assert labelled.levels_to_label(blurred, "JPEG binary: >=128 cloud", "m.jpg").tolist() == [[255, 0, 255]]
    with pytest.raises(DataError, match="holds the values 100"):
        labelled.levels_to_label(np.full((2, 2), 100, np.uint8), "", "m.png")


def test_a_table_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("image,mask\n../x.png,/etc/passwd\n")
    with pytest.raises(DataError, match="not a path below"):
        labelled.pairs(tmp_path)


def test_real_pairs_are_read_by_their_table(sky_data: Path) -> None:
    found = labelled.pairs(sky_data)
    assert len(found) >= 20
    assert not any(pair.mask.name.endswith("_3GT.png") for pair in found)
    image, label = labelled.read_pair(found[0])
    assert image.shape[:2] == label.shape
    assert set(np.unique(label)) <= {0, 128, 255}
