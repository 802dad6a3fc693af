"""What stands around the canvas of the Paint page: the bar, the inspector, and the dialogs of dome and conflict."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore import images
from cloudcore.frames import listing
from cloudcore.images import Image
from cloudcore.labels import Revision
from cloudcore.masks.mask import CLOUD, UNDEFINED, Label
from cloudcore.sky import cloud_amount
from cloudcore.ui.paint import initial_mask, saving, strokes
from cloudcore.ui.paint import queue as paint_queue
from cloudcore.ui.paint.paint_session import PaintSession, current_session
from cloudcore.ui.paint.queue import Queue
from cloudcore.ui.shared import author, error_boundary, notices
from cloudcore.ui.shared.library import LABEL_SET, Library, open_library
from cloudcore.ui.shared.words import plain, when
from cloudcore.views import render

CHOSEN = "paint_frame"
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


def asked_frame(library: Library, queue: Queue) -> listing.Frame | None:
    """The frame the address names, else the open one, else the first of the queue; None without frames."""
    asked = st.query_params.get("frame")
    frame = library.frame(asked)
    if asked and frame is None:
        st.warning(f"There is no frame {asked!r} here. This is the next one; choose another from the list.")
    session = current_session()
    if frame is None and session is not None:
        frame = library.frame(session.frame.stem)
    if frame is None and queue.turns:
        frame = queue.turns[0].frame
    if frame is not None and asked != frame.stem:
        st.query_params["frame"] = frame.stem
    return frame


def go(stem: str) -> None:
    """Asks for another frame; the paint of this one is kept as a draft."""
    strokes.keep_stroke()
    st.query_params["frame"] = stem


def choose_frame(library: Library, queue: Queue, frame: listing.Frame) -> None:
    """The list of frames, previous and next, and the place in the queue with its order."""
    stems = [item.stem for item in library.frames]
    st.session_state[CHOSEN] = frame.stem
    with st.container(width=250):
        st.selectbox(
            "Frame", stems, key=CHOSEN, label_visibility="collapsed", format_func=_short_name, on_change=_go_chosen
        )
    st.button("Previous", on_click=_go_by, args=(queue, -1), shortcut="A", type="tertiary", key="paint_previous")
    st.button("Next", on_click=_go_by, args=(queue, 1), shortcut="D", type="tertiary", key="paint_next")
    place = queue.place(frame.stem)
    title = f"{place + 1} of {len(queue.turns)}" if place >= 0 else f"– of {len(queue.turns)}"
    with st.popover(title, type="tertiary", key="paint_queue_box", on_change="rerun") as box:
        if box.open:
            paint_queue.choose_order(library, initial_mask.sky_models(library.settings))


def finish_frame(queue: Queue) -> None:
    """Bad frame, skip, save and next."""
    st.button("Bad frame", on_click=_flag, args=(queue, "bad"), type="tertiary", key="paint_bad", help=_BAD)
    st.button("Skip", on_click=_flag, args=(queue, "skip"), type="tertiary", key="paint_skip")
    st.button(
        "Save and next", on_click=_save_and_next, args=(queue,), shortcut="Ctrl+Enter", type="primary", key="paint_save"
    )


_BAD = "Nothing to learn here: closed dome, dew, a lamp. It leaves the queue; the list still has it."


def _short_name(stem: str) -> str:
    return stem if len(stem) <= 34 else f"…{stem[-33:]}"


def _go_chosen() -> None:
    go(st.session_state[CHOSEN])


def _go_by(queue: Queue, by: int) -> None:
    go(queue.step(st.query_params.get("frame", ""), by))


def _go_on(queue: Queue) -> None:
    stem, store = st.query_params.get("frame", ""), open_library().store
    if queue.order == paint_queue.ALL:
        following = queue.step(stem, 1)
    else:
        following = queue.next_open(stem, set(store.heads(LABEL_SET)) | set(store.flags(LABEL_SET)))
    if following == stem:
        notices.tell("This was the last frame of the queue. See the worst on Compare.")
    go(following)


def _flag(queue: Queue, name: str) -> None:
    strokes.keep_stroke()
    open_library().store.set_flag(LABEL_SET, st.query_params["frame"], name, author.current())
    _go_on(queue)


def _save_and_next(queue: Queue) -> None:
    if saving.save():
        _go_on(queue)


@st.fragment
@error_boundary.in_words
def paint(session: PaintSession, numbers: DeltaGenerator) -> None:
    """The canvas, and cloud fraction and okta as Python counts them; a stroke runs this alone, not the whole page."""
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
    """What frame this is: time, exposure, and its revision or its reason in the queue."""
    place = queue.place(session.frame.stem)
    reason = queue.turns[place].reason if place >= 0 else "not in the queue"
    state = f"revision {session.base}" if session.base else reason
    st.caption(f"{when(session.frame)} · {session.camera.exposure} · {state}")


def show_messages(session: PaintSession) -> None:
    """A draft that came back, what was normalised, what did not work."""
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
    for sentence in session.normalised:
        st.caption(sentence)


def _head_number(session: PaintSession) -> int:
    head = open_library().store.heads(LABEL_SET).get(session.frame.stem)
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


def show_history(session: PaintSession) -> None:
    """Every revision of the frame as a small picture, and the way back to it."""
    count = session.base
    if not count:
        return
    title = f"History, {count} {'revision' if count == 1 else 'revisions'}"
    with st.expander(title, key="paint_history", type="compact", on_change="rerun") as box:
        if box.open:
            for revision in open_library().store.history(LABEL_SET, session.frame.stem):
                _show_revision(session, revision)


def _show_revision(session: PaintSession, revision: Revision) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.image(_small_picture(session, revision.mask), alt=_finding(revision), width=112)
        with st.container(gap="xsmall", width="content"):
            st.markdown(f"Revision {revision.revision}, {plain(revision.author)}")
            st.caption(f"{revision.saved_at:%Y-%m-%d %H:%M} UTC  \n{_share(revision.mask)}", help=revision.note or None)
            if revision.revision != session.base:
                key = f"paint_back_{revision.revision}"
                st.button("Bring back", on_click=saving.bring_back, args=(revision,), key=key)


def _share(label: Label) -> str:
    fraction = cloud_amount.cloud_fraction(label == CLOUD, label != UNDEFINED)
    return "–" if np.isnan(fraction) else f"cloud {fraction:.3f}"


def _finding(revision: Revision) -> str:
    return f"Revision {revision.revision}: {_share(revision.mask)}"


def _small_picture(session: PaintSession, label: Label, side: int = 256) -> Image:
    return images.thumbnail(render.overlay(session.image, label == CLOUD, session.night), side)


def show_keys() -> None:
    """The help panel of the keys."""
    with st.expander("Keys", type="compact"):
        st.markdown(KEYS)


def sign() -> None:
    """The name that drafts and revisions carry; it stands in the address, so a link or a bookmark keeps it."""
    name = author.current()
    if st.session_state.get(author.AUTHOR) != name:
        st.session_state[author.AUTHOR] = name
    st.text_input("Painted by", key=author.AUTHOR, max_chars=80, on_change=_sign)


def _sign() -> None:
    strokes.keep_stroke()
    st.query_params[author.AUTHOR] = st.session_state[author.AUTHOR].strip() or "me"


@st.dialog("Two versions of this frame", width="large", on_dismiss=saving.put_conflict_off)
@error_boundary.in_words
def settle_conflict(session: PaintSession) -> None:
    """Shows both versions of a frame that two people painted, and lets the person choose."""
    theirs = session.conflict
    if theirs is None:
        st.rerun()
        return
    st.markdown(
        f"While you painted, {plain(theirs.author)} saved revision {theirs.revision} "
        f"({theirs.saved_at:%Y-%m-%d %H:%M} UTC). Nothing is lost: the other version stays in the history."
    )
    for column, title, label in zip(st.columns(2), ("Mine", "Theirs"), (session.label, theirs.mask), strict=True):
        column.image(_small_picture(session, label, 640), alt=f"{title}: {_share(label)}", width="stretch")
        column.caption(f"{title}, {_share(label)}")
    with st.container(horizontal=True):
        if st.button("Keep mine", key="paint_keep_mine") and saving.keep_mine():
            st.rerun()
        if st.button("Take theirs", key="paint_take_theirs"):
            saving.take_theirs()
            st.rerun()
    if session.problem:
        st.error(session.problem)


def open_conflict(session: PaintSession) -> None:
    """The dialog of two versions, where a save met another."""
    if session.conflict is not None:
        settle_conflict(session)
