"""The canvas of Paint and the inspector beside it: numbers, messages, initial mask, keys, author."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore.labels import HeadInfo, LookAlike
from cloudcore.masks.mask import UNDEFINED
from cloudcore.sky import cloud_amount
from cloudcore.ui.paint import initial_mask, saving, strokes
from cloudcore.ui.paint.paint_session import PaintSession
from cloudcore.ui.paint.queue import Queue
from cloudcore.ui.shared import author, error_boundary
from cloudcore.ui.shared.library import LABEL_SET, open_library
from cloudcore.ui.shared.words import plain, when

CHOSEN_KIND = "paint_coat"
CHOSEN_MODEL = "paint_model"
KIND_HELP = (
    "A start to paint over. On 279 real frames **Red/blue** is right on 0.84 to 0.87 of the pixels, since every frame "
    "sets its own threshold (Otsu); with a fixed one it fails at night (0.48). **Bright** reaches 0.86 at night, where "
    "cloud is lit, and 0.58 by day. Neither knows a clear sky: both always find some cloud. Ctrl+Z takes a coat off."
)
KEYS = """
| | |
|---|---|
| `B` `E` `F` `P` | brush, eraser, fill, pan |
| right button | erase |
| `U` | undefined brush |
| `[` `]` | smaller, larger |
| wheel, two fingers | zoom |
| space, middle button | pan |
| `0` | whole frame |
| `H` `O` | hide, contour |
| `Ctrl+Z` `Ctrl+Shift+Z` | undo, redo |
| `A` `D` | previous, next |
| `Ctrl+Enter` | save and next |
"""


@st.fragment
@error_boundary.in_words
def paint(session: PaintSession, numbers: DeltaGenerator) -> None:
    """Draw the canvas, cloud fraction and okta; a stroke runs this alone, not the whole page."""
    strokes.show_canvas(session)
    if strokes.is_stale(session):
        st.rerun()
    fraction = session.fraction
    known = not np.isnan(fraction)
    with numbers.container():
        left, right = st.columns(2)
        help_text = f"Cloud px of {int(np.count_nonzero(session.label != UNDEFINED)):,} defined px in the dome."
        left.metric("Cloud fraction", f"{fraction:.3f}" if known else "–", help=help_text)
        right.metric("Okta", f"{cloud_amount.okta(fraction)} of 8" if known else "–")


def show_state(session: PaintSession, queue: Queue) -> None:
    """Say which frame this is: time, exposure, and its revision or its reason in the queue."""
    place = queue.place(session.frame.stem)
    reason = queue.turns[place].reason if place >= 0 else "not in the queue"
    state = f"revision {session.base}" if session.base else reason
    st.caption(f"{when(session.frame)} · {session.camera.exposure} · {state}")


def show_messages(session: PaintSession) -> None:
    """Say that a draft came back, what was normalised, what failed."""
    session.shown = session.state
    if session.problem:
        st.error(session.problem)
    if session.restored is not None:
        with st.container(border=True, gap="xsmall"):
            newest = _head_number(session)
            newer = f" Revision {newest} was saved meanwhile." if newest != session.base else ""
            st.markdown(f"Draft of {session.restored:%Y-%m-%d %H:%M} UTC restored.{newer}")
            start = f"Start from revision {newest}" if newest else "Start from bare sky"
            st.button(start, on_click=saving.drop_draft, key="paint_drop_draft")
    if session.is_unbound:
        with st.container(border=True, gap="xsmall"):
            st.markdown("This label was saved before labels knew their picture. The next save binds it to this one.")
            st.button("It is of another picture", on_click=saving.set_apart, key="paint_set_apart")
    if session.elsewhere:
        st.info(_elsewhere_words(session.elsewhere))
    if session.look_alike is not None:
        _offer_look_alike(session, session.look_alike)
    for sentence in session.normalised:
        st.caption(sentence)


def _elsewhere_words(heads: Sequence[HeadInfo]) -> str:
    """That another picture of this name is labelled, by whom and when."""
    newest = heads[-1]
    many = f"{len(heads)} other pictures" if len(heads) > 1 else "Another picture"
    verb = "have labels" if len(heads) > 1 else "has a label"
    by = f"the newest by {plain(newest.author)}, {newest.saved_at:%Y-%m-%d %H:%M} UTC"
    return f"{many} of this name {verb}, {by}. A label belongs to its picture: it is not shown here."


def _offer_look_alike(session: PaintSession, found: LookAlike) -> None:
    """Offer the label of the same picture under another name, or of a copy of it."""
    same = "the same picture" if found.picture == session.picture else "a picture that looks like this one"
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"{plain(found.stem)} is {same}, with a label of {plain(found.head.author)}.")
        st.button("Lay its label", on_click=saving.lay_look_alike, key="paint_look_alike")


def _head_number(session: PaintSession) -> int:
    head = open_library().store.head(LABEL_SET, session.frame.stem, session.picture)
    return 0 if head is None else head.revision


def choose_initial_mask(session: PaintSession, names: Sequence[str]) -> None:
    """Ask for the kind of initial mask and its model, and offer the button that lays it."""
    kinds = initial_mask.KINDS if names else initial_mask.KINDS[1:]
    if st.session_state.get(CHOSEN_KIND) not in kinds:
        st.session_state[CHOSEN_KIND] = kinds[0]
    kind = st.segmented_control(
        "First coat", kinds, required=True, key=CHOSEN_KIND, help=KIND_HELP, persist_state="session", width="stretch"
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if kind == initial_mask.MODEL:
            if st.session_state.get(CHOSEN_MODEL) not in names:
                st.session_state[CHOSEN_MODEL] = _own_model(session, names)
            st.selectbox("Model", names, key=CHOSEN_MODEL, label_visibility="collapsed", persist_state="session")
        else:
            st.caption(_KIND_WORDS[str(kind)], width="stretch")
        model = st.session_state.get(CHOSEN_MODEL) if kind == initial_mask.MODEL else None
        st.button("Lay coat", on_click=initial_mask.lay, args=(str(kind), model), key="paint_lay")


_KIND_WORDS = {
    initial_mask.RATIO: "0.84 to 0.87 right",
    initial_mask.BRIGHTNESS: "For nights: 0.86 right",
    initial_mask.EMPTY: "Take all cloud off",
}


def _own_model(session: PaintSession, names: Sequence[str]) -> str:
    """The camera's own model for this exposure, else the shipped one, else the first."""
    return next((name for name in (session.camera.model, "sky") if name and name in names), names[0])


def lay_asked_mask(session: PaintSession) -> None:
    """Lay the prediction of the model that the address names (`?coat=<model>`), once."""
    asked = st.query_params.get("coat")
    if not asked:
        return
    del st.query_params["coat"]
    initial_mask.lay(initial_mask.MODEL, asked)


def show_keys() -> None:
    """Draw the help panel of the keys."""
    with st.expander("Keys", type="compact"):
        st.markdown(KEYS)


def sign() -> None:
    """Ask for the name that drafts and revisions carry; it stands in the address, so a link or a bookmark keeps it."""
    name = author.current()
    if st.session_state.get(author.AUTHOR) != name:
        st.session_state[author.AUTHOR] = name
    st.text_input("Painted by", key=author.AUTHOR, max_chars=80, on_change=_sign)


def _sign() -> None:
    strokes.keep_stroke()
    st.query_params[author.AUTHOR] = st.session_state[author.AUTHOR].strip() or "me"
