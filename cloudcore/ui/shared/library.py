"""What the app works on: settings, the label store, the frames of the chosen folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from cloudcore import settings as environment
from cloudcore.errors import DataError
from cloudcore.frames import chosen_folder, listing
from cloudcore.labels import LabelStore
from cloudcore.settings import Settings

LABEL_SET = "sky"
"""Label set of the cloud masks painted on sky frames."""


@dataclass(frozen=True)
class Library:
    """Folders, the label store, and the frames in order of their stems.

    `is_sample` is True for the drawn samples; `problem` is a sentence where the frames cannot be read.
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


def open_library() -> Library:
    """Settings, label store and frames as the environment and the remembered choice name them; quick when repeated."""
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
    """List the frames anew at the next call of open_library(), after frames came or went."""
    _frames.clear()
