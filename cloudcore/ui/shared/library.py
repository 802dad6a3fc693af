"""What the app works on: settings, the label store, the frames of the chosen folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from cloudcore import settings as environment
from cloudcore.errors import DataError
from cloudcore.files.content_hashes import ContentHashes
from cloudcore.frames import chosen_folder, listing
from cloudcore.labels import HeadInfo, LabelStore, of_frames
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
    hashes: ContentHashes
    problem: str | None = None

    def frame(self, stem: str | None) -> listing.Frame | None:
        """The frame of that stem, or None."""
        return next((frame for frame in self.frames if frame.stem == stem), None)

    def picture(self, frame: listing.Frame) -> str:
        """The picture of a frame, by which its labels are known; "" where its file cannot be read."""
        try:
            return self.hashes.of(frame.path)
        except OSError:
            return ""

    def heads(self) -> dict[str, HeadInfo]:
        """Stem -> newest revision of the frames here that have a label of their own picture."""
        return of_frames.heads(self.store, LABEL_SET, self.frames, self.hashes.of)

    def flags(self) -> dict[str, str]:
        """Stem -> flag of the frames here whose picture is flagged."""
        return of_frames.flags(self.store, LABEL_SET, self.frames, self.hashes.of)


@st.cache_resource(show_spinner=False, max_entries=8)
def _store(root: Path, url: str | None) -> LabelStore:
    return LabelStore(root, url)


@st.cache_resource(show_spinner=False, max_entries=8)
def _hashes(file: Path) -> ContentHashes:
    return ContentHashes(file)


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
    store, hashes = _store(settings.labels, settings.database_url), _hashes(settings.hashes)
    return Library(settings, store, found, folder, sample, hashes, problem)


def forget_frames() -> None:
    """List the frames anew at the next call of open_library(), after frames came or went."""
    _frames.clear()
