"""The head row of Paint: the frame, its place in the queue, and what finishes it."""

import streamlit as st

from cloudcore.frames import listing
from cloudcore.ui.paint import initial_mask, saving, strokes
from cloudcore.ui.paint import queue as paint_queue
from cloudcore.ui.paint.paint_session import current_session
from cloudcore.ui.paint.queue import Queue
from cloudcore.ui.shared import author, notices
from cloudcore.ui.shared.library import LABEL_SET, Library, open_library

CHOSEN = "paint_frame"
_BAD = "Nothing to learn here: closed dome, dew, a lamp. It leaves the queue; the list still has it."


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
    """Ask for another frame; the paint of this one is kept as a draft."""
    strokes.keep_stroke()
    st.query_params["frame"] = stem


def choose_frame(library: Library, queue: Queue, frame: listing.Frame) -> None:
    """Draw the list of frames, previous and next, and the place in the queue with its order."""
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
    """Draw the buttons that finish a frame: Bad frame, Skip, Save and next."""
    st.button("Bad frame", on_click=_flag, args=(queue, "bad"), type="tertiary", key="paint_bad", help=_BAD)
    st.button("Skip", on_click=_flag, args=(queue, "skip"), type="tertiary", key="paint_skip")
    st.button(
        "Save and next", on_click=_save_and_next, args=(queue,), shortcut="Ctrl+Enter", type="primary", key="paint_save"
    )


def _short_name(stem: str) -> str:
    return stem if len(stem) <= 34 else f"…{stem[-33:]}"


def _go_chosen() -> None:
    go(st.session_state[CHOSEN])


def _go_by(queue: Queue, by: int) -> None:
    go(queue.step(st.query_params.get("frame", ""), by))


def _go_on(queue: Queue) -> None:
    stem, library = st.query_params.get("frame", ""), open_library()
    if queue.order == paint_queue.ALL:
        following = queue.step(stem, 1)
    else:
        following = queue.next_open(stem, set(library.heads()) | set(library.flags()))
    if following == stem:
        notices.tell("This was the last frame of the queue. See the worst on Compare.")
    go(following)


def _flag(queue: Queue, name: str) -> None:
    strokes.keep_stroke()
    library, stem = open_library(), st.query_params["frame"]
    frame = library.frame(stem)
    picture = library.picture(frame) if frame is not None else ""
    library.store.set_flag(LABEL_SET, stem, name, author.current(), picture)
    _go_on(queue)


def _save_and_next(queue: Queue) -> None:
    if saving.save():
        _go_on(queue)
