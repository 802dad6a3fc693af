"""Compare for models of several masks: which pattern is looked at, and on which images."""

from pathlib import Path

import streamlit as st

from cloudcore import models
from cloudcore.errors import DataError
from cloudcore.models import mask_evaluation
from cloudcore.satellite import table
from cloudcore.settings import Settings
from cloudcore.ui import lens
from cloudcore.ui.compare import predictions
from cloudcore.views import render

PATTERN = "compare_pattern"
"""Key of the pattern looked at, in the session and in the address."""
BLACK = "compare_black"
GRID = lens.Grid(min_sizes=mask_evaluation.MIN_SIZES)
"""The sliders' steps: smallest sizes in px of the 350 x 525 grid."""


def choose_pattern(classes: tuple[str, ...]) -> str:
    """Ask for the pattern whose mask is looked at; draw its colour beside."""
    if PATTERN in st.query_params and st.session_state.get(PATTERN) is None:
        st.session_state[PATTERN] = st.query_params[PATTERN]
    if st.session_state.get(PATTERN) not in classes:
        st.session_state[PATTERN] = classes[0]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
        chosen = str(
            st.segmented_control(
                "Pattern", classes, required=True, key=PATTERN, persist_state="session", label_visibility="collapsed"
            )
        )
        red, green, blue = ink(classes, chosen)
        swatch = f"width:14px;height:14px;border-radius:3px;background:rgb({red},{green},{blue})"
        st.html(f"<div title='{chosen}' style='{swatch};box-shadow:0 0 0 1px #0B1014'></div>", width="content")
    return chosen


def is_on_black() -> bool:
    """Whether masks are looked at without the image behind them."""
    return bool(st.session_state.get(BLACK))


def ask_on_black() -> None:
    """Draw the toggle that takes the image away from behind the masks, at its next drawing."""
    st.toggle("On black", key=BLACK, persist_state="session", help="The masks without the image behind them")


def ink(classes: tuple[str, ...], pattern: str) -> render.Rgb:
    """The colour of a pattern."""
    return render.PATTERNS[classes.index(pattern) % len(render.PATTERNS)]


def ask_images() -> tuple[str, bool]:
    """Ask where the images come from, and whether those the model was trained on are counted."""
    folder = st.text_input(
        "Data folder",
        key="compare_pattern_folder",
        persist_state="session",
        placeholder="the sample images",
        help="A folder with train.csv and train_images/ or images/. Empty: the sample images.",
    )
    every = st.toggle(
        "Count images it was trained on",
        key="compare_every",
        persist_state="session",
        help="Left out of the set's scores unless you ask: a model knows what it learnt from.",
    )
    return folder.strip(), bool(every)


@st.cache_resource(show_spinner="Reading the labels", max_entries=4)
def _table(path: Path, changed_ns: int) -> table.Table:
    return table.read(path)


def cases(settings: Settings, folder: str, pattern: str) -> list[predictions.Case]:
    """The labelled images of a folder, of the samples where none is named, with one pattern as truth.

    Raises DataError in words where there is none.
    """
    place = Path(folder).expanduser() if folder else settings.samples / "patterns"
    if not folder and not place.is_dir():
        raise DataError("The sample images are not there. Name a folder with train.csv under Images.")
    path, found = table.find(place)
    listed = predictions.cases_of_table(_table(path, path.stat().st_mtime_ns), found, pattern)
    if not listed:
        raise DataError(f"None of the images of {path.name} is in {found}. Put them there.")
    return listed


def save(folder: Path, predictor: models.Predictor, index: int, mark: tuple[float, int], note: str) -> None:
    """Write threshold and smallest size (px of 350 x 525) of one class into the model; the others stay.

    Raises ModelError and OSError.
    """
    thresholds, sizes = list(predictor.threshold), list(predictor.min_size)
    thresholds[index], sizes[index] = mark
    models.write_threshold(folder, thresholds, sizes, table.GRID_HW, note)
