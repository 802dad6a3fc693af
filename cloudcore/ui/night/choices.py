"""What is chosen on Night: models, folder, times, site, what counts, and the second series."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore import models
from cloudcore.errors import CloudcoreError
from cloudcore.frames import chosen_folder
from cloudcore.night import series
from cloudcore.night.frame_selection import Options, cameras_in
from cloudcore.night.series import Point
from cloudcore.settings import Settings
from cloudcore.sky import times
from cloudcore.sky.times import TimeSource
from cloudcore.ui.night import site
from cloudcore.ui.shared.library import Library

KIND = "mask"
PATTERN = "night_pattern"
TRUTH = "truth of the drawn night"


@dataclass(frozen=True)
class Choice:
    """What is looked at: a folder of frames, the models that answer (the first draws the mask), and what counts."""

    library: Library
    folder: Path
    is_sample: bool
    names: tuple[str, ...]
    options: Options

    @property
    def key(self) -> str:
        """Names the choice."""
        return hashlib.sha256(repr((self.folder, self.names, self.options)).encode()).hexdigest()


def sample_night(settings: Settings) -> Path:
    """The folder of the drawn night's frames."""
    return settings.samples / "night" / "images"


def choose(library: Library, head: DeltaGenerator) -> Choice:
    """Draw the head row's choices; stops the page in words where there is no model or a choice cannot be used."""
    named = {entry.name: entry for entry in reversed(models.available(library.settings)) if entry.kind == KIND}
    names = list(reversed(named))
    if not names:
        st.info("No model yet. Train one.")
        st.page_link("pages/train.py", label="Train")
        st.stop()
    with head:
        if st.session_state.get("night_model") not in names:
            st.session_state["night_model"] = st.query_params.get("model", names[0])
        if st.session_state["night_model"] not in names:
            st.session_state["night_model"] = names[0]
        model = st.selectbox(
            "Model", names, key="night_model", persist_state="session", label_visibility="collapsed", width=170
        )
        with st.popover("Frames"):
            text, read_time_source = _ask_frames()
    try:
        folder, sample = _folder(library, text)
        cameras = _cameras(folder)
    except CloudcoreError as error:
        st.error(str(error))
        st.stop()
    with head, st.popover("Site and sky"):
        also = _ask_models([name for name in names if name != model])
        asked = site.ask(library.settings, cameras)
    site.show_problems()
    try:
        options = Options(time_source=read_time_source(), **asked)
    except CloudcoreError as error:
        st.error(str(error))
        st.stop()
    return Choice(library, folder, sample, (str(model), *also), options)


def _folder(library: Library, text: str) -> tuple[Path, bool]:
    if text:
        folder = chosen_folder.check_folder(text)
        return folder, folder == sample_night(library.settings)
    sample = library.is_sample or library.frames_folder == sample_night(library.settings)
    return (sample_night(library.settings), True) if sample else (library.frames_folder, False)


@st.cache_data(show_spinner="Looking at the folder", max_entries=8, ttl=60)
def _cameras(folder: Path) -> list[str]:
    return cameras_in(folder)


def _ask_frames() -> tuple[str, Callable[[], TimeSource]]:
    """The folder as typed, and a function that makes the TimeSource; it raises DataError for a bad table or pattern."""
    kept: dict[str, Any] = {"persist_state": "session"}
    text = st.text_input(
        "Folder of frames",
        key="night_folder",
        placeholder="this app's frames",
        **kept,
        help="A night, or a season of folders. Empty: the frames of this app, or the drawn sample night.",
    )
    pattern = st.text_input(
        "File name pattern",
        key=PATTERN,
        placeholder="IMG_%Y%m%d_%H%M%S",
        **kept,
        help="Where times stand in names: %Y year, %m month, %d day, %H %M %S the clock, * anything.",
    )
    ahead = st.number_input(
        "Clock ahead of UTC, h",
        -14.0,
        14.0,
        0.0,
        0.5,
        key="night_ahead",
        **kept,
        help="For times in names and EXIF; FITS headers and tables are UTC.",
    )
    table = st.file_uploader("Or a table of times: file,time_utc", type="csv", key="night_times")
    content = None if table is None else (table.name, table.getvalue())

    def time_source() -> TimeSource:
        return TimeSource({} if content is None else times.read_table(*content), pattern.strip(), float(ahead))

    return text.strip(), time_source


def _ask_models(others: list[str]) -> list[str]:
    if not others:
        return []
    st.session_state["night_also"] = [name for name in st.session_state.get("night_also", []) if name in others]
    return list(
        st.multiselect(
            "More models, for the error bar",
            others,
            key="night_also",
            persist_state="session",
            help="The curve is their mean; the band spans them all.",
        )
    )


def second_series(choice: Choice) -> tuple[list[Point], str]:
    """The series laid over the curve and its name: an uploaded CSV, else the drawn night's own truth, else none."""
    with st.popover("Second series"):
        given = st.file_uploader(
            "CSV with the columns time_utc and value",
            type="csv",
            key="night_second",
            help="Dome closed fraction, a weather log. A date alone stands for the night that begins on it.",
        )
    try:
        if given is not None:
            return series.read_series(given.name, given.getvalue()), given.name
        truth = choice.folder.parent / "truth.csv"
        if choice.is_sample and truth.is_file():
            return series.read_series(truth.name, truth.read_bytes(), "cloud_fraction"), TRUTH
    except CloudcoreError as error:
        st.error(str(error))
    return [], ""
