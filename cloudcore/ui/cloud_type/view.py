"""The Cloud type page: its views and models, the strip of photographs, and the photograph in view."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore import models
from cloudcore.photographs.genera import find
from cloudcore.ui.cloud_type import photographs
from cloudcore.ui.cloud_type.photographs import Photograph
from cloudcore.ui.shared.library import Library

INSPECTOR_PX = 336
STRIP_PX = 176
STRIP_HEIGHT = 680
PHOTO, LOOKED = "Photograph", "Where it looked"
ANSWER, CLEANER = "Photographs", "Clean and train"
KIND = "class"


def choose_model(library: Library) -> models.ModelEntry:
    """Ask for the classifier where there are several; stops the page in words where there is none."""
    entries = [e for e in models.available(library.settings) if e.kind == KIND and _knows_genera(e)]
    if not entries:
        st.info("No model yet. Train one.")
        st.page_link("pages/train.py", label="Train")
        st.stop()
    if len(entries) == 1:
        return entries[0]
    asked = st.query_params.get("model")
    first = next((number for number, entry in enumerate(entries) if entry.name == asked), 0)
    return st.selectbox(
        "Model",
        entries,
        index=first,
        format_func=lambda entry: entry.name,
        key="genus_model",
        label_visibility="collapsed",
        width=190,
    )


def _knows_genera(entry: models.ModelEntry) -> bool:
    return any(find(name) is not None for name in entry.info.classes)


def model_words(entry: models.ModelEntry) -> str:
    """The model with its score: 'model genus, macro F1 0.52 [0.45, 0.58] on 230 photographs'."""
    scores = entry.info.scores
    row = scores.get("metrics", {}).get("macro_f1", {})
    if row.get("value") is None:
        return f"model {entry.name}, not scored"
    interval = f" [{row['low']:.2f}, {row['high']:.2f}]" if row.get("low") is not None else ""
    held = "held-out" if scores.get("part", "test") == "test" else "validation"
    return f"model {entry.name}, macro F1 {row['value']:.2f}{interval} on {row['n']} {held} photographs"


def choose_view() -> str:
    """Ask for one of the page's two views: photographs to name, or photographs to learn from."""
    return st.segmented_control(
        "View",
        (ANSWER, CLEANER),
        default=ANSWER,
        required=True,
        key="genus_view",
        persist_state="session",
        label_visibility="collapsed",
    )


def chosen(shown: Sequence[Photograph]) -> Photograph:
    """The photograph in view: the one chosen in the strip, else the newest."""
    stem = st.session_state.get("genus_chosen")
    return next((photo for photo in shown if photo.stem == stem), shown[-1])


def show_strip(shown: Sequence[Photograph], current: Photograph) -> None:
    """Draw thumbnails, newest first, each with its answer; a click brings one into view."""
    with st.container(height=STRIP_HEIGHT if len(shown) > 4 else "content", border=False, gap="small", key="strip"):
        for photo in reversed(shown):
            with st.container(gap=None):
                st.image(photo.thumb, alt=f"{photo.name}: {photo.code}", width="stretch")
                name = Path(photo.name).stem
                text = f"{photo.code} · {name if len(name) <= 12 else name[:11] + '…'}"
                seen = photo is current
                if st.button(
                    text, key=f"genus-show-{photo.stem}", type="secondary" if seen else "tertiary", width="stretch"
                ):
                    st.session_state["genus_chosen"] = photo.stem
                    st.rerun()


def show_photograph(photo: Photograph) -> None:
    """Draw the photograph, or where the model looked, with its name and size below."""
    place = st.container(key="photograph")
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        view = st.segmented_control(
            "Show",
            (PHOTO, LOOKED),
            default=PHOTO,
            required=True,
            key="genus_shows",
            persist_state="session",
            label_visibility="collapsed",
        )
        st.space("stretch")
        height, width = photo.shape_hw
        st.caption(f"{photo.name}, {height:,} × {width:,} px (h × w)", width="content")
    seen = photographs.heat_map(photo) if view == LOOKED else None
    name = photo.top[0][0]
    if view == LOOKED and seen is None:
        st.caption("This model cannot tell where it looked.")
    alt = f"Where the model looked for {name} in {photo.name}" if seen else f"Photograph {photo.name}: {photo.answer}"
    place.image(seen or photo.picture, alt=alt, width="stretch")
    for note in photo.notes:
        st.caption(note)


def stage() -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """(strip, stage, inspector) of the loaded page."""
    row = st.container(horizontal=True, gap="small")
    strip = row.container(key="strip-column", width=STRIP_PX, gap="small")
    left = row.container(key="stage", gap="small")
    return strip, left, row.container(key="inspector", width=INSPECTOR_PX, gap="small")
