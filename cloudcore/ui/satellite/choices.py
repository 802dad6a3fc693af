"""The head row of Satellite: which view, which image, which label table."""

import re
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore.errors import CloudcoreError
from cloudcore.settings import Settings
from cloudcore.ui.satellite import dataset, filters
from cloudcore.ui.shared.library import Library

GALLERY, ONE, STATISTICS = VIEWS = ("Gallery", "One image", "Statistics")
VIEW, IMAGE = "satellite_view", "satellite_image"
"""Keys of the view and of the image in it."""
_REFUSED = "satellite_refused"


def choose_view() -> str:
    """Ask for Gallery, One image or Statistics; an address with ?image=NAME opens that image, once."""
    asked = st.query_params.get("image")
    if asked and VIEW not in st.session_state:
        st.session_state[VIEW], st.session_state[IMAGE] = ONE, asked
    st.session_state.setdefault(VIEW, GALLERY)  # no default in the widget: a card's click sets it too
    return str(
        st.segmented_control(
            "View",
            VIEWS,
            required=True,
            key=VIEW,
            persist_state="session",
            label_visibility="collapsed",
        )
    )


def open_image(image: str) -> None:
    """Show one image large, from wherever the page stands."""
    st.session_state[VIEW], st.session_state[IMAGE] = ONE, image


def choose_data(library: Library, place: DeltaGenerator) -> None:
    """Draw the Data popover: a folder or table by its path; say why one is refused."""
    settings = library.settings
    with place.popover("Data…", key="satellite_data"):
        st.caption(f"Read from {_shown(dataset.source(settings))}")
        with st.form("satellite-folder", border=False):
            st.text_input(
                "Folder or table",
                key="satellite_path",
                placeholder="/data/clouds",
                help="A folder with train.csv and train_images/ or images/, or a table alone.",
            )
            st.form_submit_button("Use folder", on_click=_use_typed, args=(settings,))
        if refused := st.session_state.pop(_REFUSED, ""):
            st.error(refused)
        if dataset.source(settings) != dataset.samples(settings) and dataset.samples(settings).is_dir():
            st.button("Use the samples", on_click=_use_samples, args=(settings,))


def _use_typed(settings: Settings) -> None:
    try:
        dataset.remember(settings, dataset.typed(st.session_state.get("satellite_path", "")))
    except CloudcoreError as problem:
        st.session_state[_REFUSED] = str(problem)
    else:
        _forget_image()


def _use_samples(settings: Settings) -> None:
    dataset.remember(settings, dataset.samples(settings))
    _forget_image()


def _forget_image() -> None:
    st.session_state.pop(IMAGE, None)
    filters.clear_filters()


def _shown(path: Path) -> str:
    return re.sub(r"([\\`*_\[\]$])", r"\\\1", str(path))
