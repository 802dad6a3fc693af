"""Boxes of an image in view: those people drew, of a boxes.csv beside the table, else those found in its masks."""

from pathlib import Path

import streamlit as st

from cloudcore.errors import DataError
from cloudcore.masks.mask import Mask
from cloudcore.satellite import boxes
from cloudcore.satellite.boxes import Box
from cloudcore.satellite.table import PATTERNS
from cloudcore.ui.satellite.dataset import Dataset


@st.cache_resource(show_spinner=False, max_entries=2)
def _drawn_boxes(path: Path, changed_ns: int) -> dict[str, tuple[Box, ...]]:
    return boxes.read_boxes(path)


@st.cache_data(show_spinner=False, max_entries=64)
def _found_boxes(key: str, _masks: Mask) -> list[Box]:
    return [box for k, pattern in enumerate(PATTERNS) for box in boxes.boxes_of(_masks[k], pattern)[0]]


def boxes_for(dataset: Dataset, image: str, masks: Mask) -> tuple[list[Box], bool]:
    """(boxes of an image, True where people drew them): of boxes.csv beside the table, else found in the masks.

    A pattern that was corrected has its boxes from the correction.
    """
    revisions = tuple(dataset.revision(image, pattern) for pattern in PATTERNS)
    found = _found_boxes(f"{dataset.table.key}|{image}|{revisions}", masks)
    path = dataset.path.parent / "boxes.csv"
    try:
        drawn = _drawn_boxes(path, path.stat().st_mtime_ns).get(image, ()) if path.is_file() else ()
    except DataError as problem:
        st.caption(str(problem))
        drawn = ()
    if not drawn:
        return found, False
    own = {pattern for pattern, revision in zip(PATTERNS, revisions, strict=True) if revision}
    return [box for box in drawn if box.pattern not in own] + [box for box in found if box.pattern in own], True
