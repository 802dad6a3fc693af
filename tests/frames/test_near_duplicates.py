"""Near-identical frames share a group."""

from pathlib import Path

import numpy as np

from cloudcore import images
from cloudcore.frames import labelled, near_duplicates
from tests.frames.drawn_pairs import write


def test_twins_end_on_one_side(tmp_path: Path) -> None:
    write(tmp_path, ["005", "015", "025"])
    found = labelled.pairs(tmp_path)
    prints = np.stack([near_duplicates.fingerprint(images.read(pair.image)) for pair in found])
    prints[2] = prints[0] + 1
    joined = near_duplicates.join_twins(found, prints)
    assert joined[0].group == joined[2].group != joined[1].group
