"""What every page starts with and draws the same way: entry, library, head row, stage and inspector, thumbnails."""

import gc
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.pages_manager import PagesManager

from cloudcore import images, runs
from cloudcore import settings as environment
from cloudcore.errors import DataError
from cloudcore.frames import chosen_folder, listing
from cloudcore.labels import LabelStore
from cloudcore.settings import Settings
from cloudcore.ui.shared import first_start

LABEL_SET = "sky"
"""Label set of the cloud masks painted on sky frames."""

INSPECTOR_PX = 288
"""Width of the column to the right of the stage, CSS px."""

ASSETS = Path(__file__).parent / "assets"
"""Folder of favicon, logo and style sheet."""


def enter() -> None:
    """First call of every page: the first visit to a fresh server may come straight to a page.

    A folder called pages/ beside the entry file then makes Streamlit run that page alone, without navigation. Turning
    that mode off and running again goes through the entry file.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
    _set_libraries_aside()
    first_start.prepare()


_ASIDE = {"modules": 0}


def _set_libraries_aside() -> None:
    """Take what libraries brought along out of the garbage collector's sight, whenever more were loaded.

    Streamlit collects every generation after each run; walking a few hundred thousand objects of libraries, which never
    go away, held up the answer to every stroke and click by about 110 ms.
    """
    if len(sys.modules) > _ASIDE["modules"] + 10:
        _ASIDE["modules"] = len(sys.modules)
        gc.collect()
        gc.freeze()


@dataclass(frozen=True)
class Library:
    """What is here: folders, the label store, and the frames in order of their stems.

    is_sample tells that the frames are the drawn samples; problem says in a sentence why frames cannot be read.
    """

    settings: Settings
    store: LabelStore
    frames: Sequence[listing.Frame]
    frames_folder: Path
    is_sample: bool
    problem: str | None = None

    def frame(self, stem: str | None) -> listing.Frame | None:
        """The frame of that stem, or None."""
        return next((frame for frame in self.frames if frame.stem == stem), None)


@st.cache_resource(show_spinner=False, max_entries=8)
def _store(root: Path, url: str | None) -> LabelStore:
    return LabelStore(root, url)


@st.cache_resource(show_spinner=False, max_entries=8, ttl=5)
def _frames(folder: Path, changed_ns: int) -> tuple[listing.Frame, ...]:
    """Frames of a folder; the folder's time of change renews them at once, ttl (s) also those in subfolders."""
    return tuple(listing.list_frames(folder))


def library() -> Library:
    """Settings, label store and frames, as the environment and the remembered choice name them; quick when repeated."""
    settings = environment.load()
    folder = chosen_folder.frames_folder(settings)
    found: tuple[listing.Frame, ...] = ()
    problem = None
    try:
        found = _frames(folder, folder.stat().st_mtime_ns if folder.is_dir() else 0)
    except DataError as error:
        problem = str(error)
    sample = folder == chosen_folder.sample_frames(settings)
    return Library(settings, _store(settings.labels, settings.database_url), found, folder, sample, problem)


def forget_frames() -> None:
    """List the frames anew at the next call of library(), after frames came or went."""
    _frames.clear()


def head(text: str) -> DeltaGenerator:
    """The one row on top of a page, with its title; fill it in a with block, st.space("stretch") pushes right."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small", key="head")
    row.title(text, anchor=False, width="content")
    return row


def stage(inspector_px: int = INSPECTOR_PX) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The page's skeleton: (stage at the left, taking what is free; inspector at the right, fixed width in CSS px)."""
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
    """Cards in a grid of `columns`; the whole card is the link, its caption the text that is read aloud."""
    for start in range(0, len(cards), columns):
        cells = st.columns(columns, gap="xsmall", wrap=False)
        for offset, (cell, card) in enumerate(zip(cells, cards[start : start + columns], strict=False)):
            with cell.container(key=f"card-{key}-{start + offset}", gap=None):
                st.image(card.picture, alt=card.alt, width="stretch")
                st.page_link(card.page, label=card.caption, query_params=card.query, width="stretch")
                if card.note:
                    st.caption(card.note)


def when(frame: listing.Frame) -> str:
    """A frame's time as '2017-08-17 09:56 UTC', or its file name without a time."""
    return f"{frame.time:%Y-%m-%d %H:%M} UTC" if frame.time is not None else frame.path.name


SCORES = {
    "miou": "mIoU", "f1": "F1", "iou": "IoU", "fraction_error": "fraction error", "base_rate": "base rate",
    "dice": "Dice", "dice_nonempty": "Dice, non-empty", "all_empty": "all empty", "macro_f1": "macro F1",
    "top3": "top-3", "ece": "ECE",
}  # fmt: skip
"""How scores are written where their key is not a word."""


def title(name: str, task: str) -> str:
    """A name as a person gave it; where it is a run's id, the task and the start: 'sky, 2026-11-21 02:43 UTC'."""
    started = listing.time_of(name)
    return f"{task}, {started:%Y-%m-%d %H:%M} UTC" if started and f"-{task}-" in name else name


def run_title(run: runs.Run) -> str:
    """How a run is called on a page."""
    return title(run.name, run.task())


def run_title_of(run_id: str) -> str:
    """How a run that is no longer there was called: its task and start, from the id alone."""
    parts = run_id.split("-")
    return title(run_id, parts[-2]) if len(parts) > 2 else run_id


def score_text(status: runs.Status) -> str:
    """A run's score with its name, 'mIoU 0.873', or '–' before the first epoch."""
    if status.metric is None:
        return "–"
    return f"{SCORES.get(status.metric_name, status.metric_name)} {status.metric:.3f}"


def time_left(seconds: float | None) -> str:
    """Time to go in words: '4 min left', '40 s left', '2 h left'; '–' when unknown."""
    if seconds is None or seconds != seconds or seconds < 0:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"


def is_dark() -> bool:
    """Whether the page is shown in the dark theme."""
    return bool(st.context.theme.type == "dark")


def plain(text: str) -> str:
    """Text with Markdown's signs escaped: names and messages are data."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~$:-])", r"\\\1", text)
