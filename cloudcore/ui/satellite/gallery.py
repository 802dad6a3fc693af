"""Gallery: a page of thumbnails with their patterns on them, each a way to its image."""

import math
from collections.abc import Sequence

import streamlit as st

from cloudcore.satellite.table import PATTERNS
from cloudcore.ui.satellite import choices, filters, pictures
from cloudcore.ui.satellite.dataset import Dataset

COLUMNS, ROWS = 5, 4
PAGE = "satellite_page"


def show(dataset: Dataset, found: Sequence[str]) -> None:
    """Draw one page of the images found; make the thumbnails that are missing."""
    if not found:
        st.info("No image matches. Clear a filter.")
        st.button("Clear all filters", on_click=filters.clear_filters)
        return
    pages = math.ceil(len(found) / (COLUMNS * ROWS))
    if int(st.session_state.get(PAGE, 1)) > pages:
        st.session_state[PAGE] = 1
    place, below = st.container(gap="small"), st.container(horizontal_alignment="center")
    with below:
        number = st.pagination(pages, key=PAGE, persist_state="session") if pages > 1 else 1
    start = (number - 1) * COLUMNS * ROWS
    shown = found[start : start + COLUMNS * ROWS]
    with place:
        refused = pictures.make_thumbs(dataset, shown)
        for sentence in refused:
            st.caption(sentence)
        for first in range(0, len(shown), COLUMNS):
            cells = st.columns(COLUMNS, gap="xsmall", wrap=False)
            for cell, image in zip(cells, shown[first : first + COLUMNS], strict=False):
                with cell:
                    card(dataset, image)


def card(dataset: Dataset, image: str, note: bool = True) -> None:
    """Draw a thumbnail that opens its image; its name below, and what is on it."""
    place = dataset.table.index(image)
    with st.container(key=f"card-satellite-{place}", gap=None):
        words = words_of(dataset, image)
        st.image(pictures.labelled_thumb(dataset, image), alt=f"{image}: {words}", width="stretch")
        name = shortened(image, 22 if note else 18)
        st.button(name, key=f"satellite_open_{place}", type="tertiary", on_click=choices.open_image, args=(image,))
        if note:
            st.caption(words)


def words_of(dataset: Dataset, image: str) -> str:
    """What is on an image: 'Fish 32 %, Flower 39 %', and whether its file is missing or a label was corrected."""
    pixels = dataset.table.shape_hw[0] * dataset.table.shape_hw[1]
    areas = dataset.table.area_px[dataset.table.index(image)]
    parts = [f"{p} {share(a / pixels)}" for p, a in zip(PATTERNS, areas, strict=True) if a]
    if any(dataset.revision(image, pattern) for pattern in PATTERNS):
        parts.append("corrected")
    if image in dataset.missing:
        parts.append("image missing")
    return ", ".join(parts) or "no pattern"


def shortened(name: str, most: int) -> str:
    """A name of at most `most` characters, its middle left out."""
    return name if len(name) <= most else f"{name[: most // 3]}…{name[-(most - most // 3 - 1) :]}"


def share(value: float) -> str:
    """A share 0..1 as '32 %', and as '< 1 %' where it is less."""
    return "< 1 %" if 0 < value < 0.005 else f"{100 * value:.0f} %"
