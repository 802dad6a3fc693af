"""Filters over the images of a label table: what a person asks for, and the images that it lets through."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cloudcore.satellite.table import PATTERNS, Table

EITHER, HERE, MISSING = "all", "here", "missing"
FIELDS = ("present", "absent", "counts", "area", "name", "file")
"""Fields of a filter; each has a widget of the key satellite_<field>."""


@dataclass(frozen=True)
class Filter:
    """Which images are shown: patterns that must and must not be there, how many, area, name, image file.

    counts empty means any; area is the share of the image, in %, of the largest pattern (of those in `present`, where
    there are any); file is one of EITHER, HERE, MISSING.
    """

    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    area: tuple[int, int] = (0, 100)
    name: str = ""
    file: str = EITHER


def matching(table: Table, wanted: Filter, missing: frozenset[str]) -> list[str]:
    """Images of a table that a filter lets through, in file order."""
    there = table.area_px > 0
    chosen = np.ones(len(table.images), np.bool_)
    for pattern in wanted.present:
        chosen &= there[:, PATTERNS.index(pattern)]
    for pattern in wanted.absent:
        chosen &= ~there[:, PATTERNS.index(pattern)]
    if wanted.counts:
        chosen &= np.isin(there.sum(axis=1), wanted.counts)
    if wanted.area != (0, 100):
        chosen &= _within(table, wanted)
    found = (table.images[at] for at in np.flatnonzero(chosen))
    name = wanted.name.strip().lower()
    return [
        image
        for image in found
        if name in image.lower() and (wanted.file == EITHER or (image in missing) == (wanted.file == MISSING))
    ]


def _within(table: Table, wanted: Filter) -> NDArray[np.bool_]:
    columns = [PATTERNS.index(pattern) for pattern in wanted.present] or list(range(len(PATTERNS)))
    share = 100 * table.area_px[:, columns].max(axis=1) / (table.shape_hw[0] * table.shape_hw[1])
    return np.asarray((share >= wanted.area[0]) & (share <= wanted.area[1]))


def choose_patterns() -> tuple[tuple[str, ...], str]:
    """Ask for patterns that must be there and a part of the name: the filters of the head row."""
    present = st.pills(
        "Patterns present",
        PATTERNS,
        selection_mode="multi",
        key="satellite_present",
        persist_state="session",
        label_visibility="collapsed",
        help="Only images with all of these",
    )
    name = st.text_input(
        "Name",
        key="satellite_name",
        persist_state="session",
        placeholder="Name holds…",
        label_visibility="collapsed",
        width=150,
    )
    return tuple(present or ()), name


def choose_more(present: Sequence[str], name: str) -> Filter:
    """Ask for the other filters, in the inspector."""
    st.session_state.setdefault("satellite_area", (0, 100))
    st.session_state.setdefault("satellite_file", EITHER)
    absent = st.pills(
        "Without",
        PATTERNS,
        selection_mode="multi",
        key="satellite_absent",
        persist_state="session",
    )
    counts = st.pills(
        "How many patterns",
        range(5),
        selection_mode="multi",
        key="satellite_counts",
        persist_state="session",
    )
    area: Any = st.slider(
        "Area of the largest, % of image",
        0,
        100,
        key="satellite_area",
        persist_state="session",
    )
    file = st.segmented_control(
        "Image file",
        (EITHER, HERE, MISSING),
        required=True,
        key="satellite_file",
        persist_state="session",
    )
    return Filter(tuple(present), tuple(absent or ()), tuple(counts or ()), (area[0], area[1]), name, str(file))


def kept_filter() -> Filter:
    """The filter as it stands in the session, for views that do not draw it."""
    found = {name: st.session_state.get(f"satellite_{name}") for name in FIELDS}
    present, absent, counts = (tuple(found[name] or ()) for name in ("present", "absent", "counts"))
    low, high = found["area"] or (0, 100)
    return Filter(present, absent, counts, (low, high), found["name"] or "", found["file"] or EITHER)


def clear_filters() -> None:
    """Let every image through again."""
    clear = {"present": [], "absent": [], "counts": [], "area": (0, 100), "name": "", "file": EITHER}
    for name, value in clear.items():
        st.session_state[f"satellite_{name}"] = value
