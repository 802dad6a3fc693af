"""What pages draw alike: head row, stage and inspector, thumbnails, cards that lead somewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore import images

INSPECTOR_PX = 288
"""Width of the column to the right of the stage, CSS px."""


def head(text: str) -> DeltaGenerator:
    """Draw the one row on top of a page, with its title; fill it in a with block, st.space("stretch") pushes right."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small", key="head")
    row.title(text, anchor=False, width="content")
    return row


def stage(inspector_px: int = INSPECTOR_PX) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Lay the page out: (stage at the left, taking what is free; inspector at the right, fixed width in CSS px)."""
    row = st.container(horizontal=True, gap="small")
    left = row.container(key="stage", gap="small")
    return left, row.container(key="inspector", width=inspector_px, gap="small")


@st.cache_data(show_spinner=False, max_entries=2000)
def _thumbnail(path: Path, changed_ns: int, side: int) -> bytes:
    return images.encode_jpeg(images.thumbnail(images.read(path), side))


def thumbnail(path: Path, side: int = 240) -> bytes:
    """JPEG of an image file, longer side at most `side` px, kept until the file changes. Raises ImageError, OSError."""
    return _thumbnail(path, path.stat().st_mtime_ns, side)


@dataclass(frozen=True)
class Card:
    """A picture that leads somewhere: JPEG or PNG bytes, the finding in words, link text, a line below it, a page."""

    picture: bytes
    alt: str
    caption: str
    note: str
    page: str
    query: dict[str, str]


def frame_strip(cards: Sequence[Card], *, columns: int, key: str) -> None:
    """Draw cards in a grid of `columns`; the whole card is the link, its caption the text that is read aloud."""
    for start in range(0, len(cards), columns):
        cells = st.columns(columns, gap="xsmall", wrap=False)
        for offset, (cell, card) in enumerate(zip(cells, cards[start : start + columns], strict=False)):
            with cell.container(key=f"card-{key}-{start + offset}", gap=None):
                st.image(card.picture, alt=card.alt, width="stretch")
                st.page_link(card.page, label=card.caption, query_params=card.query, width="stretch")
                if card.note:
                    st.caption(card.note)


def is_dark() -> bool:
    """Whether the page is shown in the dark theme."""
    return bool(st.context.theme.type == "dark")
