"""Boxes of labels: found again in the masks they made, read from boxes.csv, and what is no box."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudcore.errors import DataError
from cloudcore.satellite import boxes as satellite_boxes
from cloudcore.satellite.boxes import Box

SHAPE = (140, 210)
boxes = st.builds(
    lambda left, top, width, height: Box("Fish", left, top, min(210, left + width), min(140, top + height)),
    st.integers(0, 190),
    st.integers(0, 120),
    st.integers(10, 120),
    st.integers(10, 90),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(boxes, max_size=5))
def test_boxes_cover_what_boxes_made(drawn: list[Box]) -> None:
    mask = satellite_boxes.union(drawn, SHAPE)
    found, exact = satellite_boxes.boxes_of(mask, "Fish")
    covered = satellite_boxes.union(found, SHAPE)
    assert exact and not (mask & ~covered).any()
    # gaps below 5 px are passed over, as pinholes are
    assert (covered & ~mask).sum() <= 0.1 * mask.size


def test_overlapping_boxes_come_back_as_they_were() -> None:
    drawn = [Box("Sugar", 10, 20, 110, 90), Box("Sugar", 80, 60, 200, 130)]
    mask = satellite_boxes.union(drawn, SHAPE)
    mask[30, 30] = False
    found, exact = satellite_boxes.boxes_of(mask, "Sugar")
    assert exact and sorted(found, key=lambda box: box.left) == drawn
    assert satellite_boxes.boxes_of(np.zeros(SHAPE, np.bool_), "Sugar") == ([], True)


def test_a_painted_mask_gives_bounding_boxes() -> None:
    row, column = np.mgrid[:140, :210]
    disc = (row - 70) ** 2 + (column - 90) ** 2 < 50**2
    found, exact = satellite_boxes.boxes_of(disc, "Gravel")
    assert found == [Box("Gravel", 41, 21, 140, 120)] and not exact


def test_boxes_outside_are_cut() -> None:
    assert (
        satellite_boxes.union([Box("Fish", -20, -20, 5, 5), Box("Fish", 200, 130, 999, 999)], SHAPE).sum() == 25 + 100
    )


HEADER = "id,path,x1,y1,x2,y2,label"


def test_boxes_are_read_by_image(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text(f"{HEADER}\n1,Region/a_1.jpg,1,2,30,40,Fish\n2,b.jpg,5,5,5,90,Sugar\n3,a_1.jpg,1.0,2,50,60,Sugar\n")
    found = satellite_boxes.read_boxes(path)
    assert found == {"a_1.jpg": (Box("Fish", 1, 2, 30, 40), Box("Sugar", 1, 2, 50, 60))}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,path,x1,y1,x2,label\n", "no column 'y2'"),
        (f"{HEADER}\n1,a.jpg,x,2,30,40,Fish\n", "row 2: a corner"),
        (f"{HEADER}\n1,a.jpg,1,2,30,40,Cat\n", "row 2: the label"),
        (f"{HEADER}\n1,a.jpg,1,2,30\n", "row 2: a corner"),
    ],
)
def test_bad_boxes_are_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        satellite_boxes.read_boxes(path)
