"""Strokes: from the canvas to the session's label, and from there to the painter's draft in the label store."""

from datetime import UTC, datetime

import numpy as np
import streamlit as st

from cloudcore.errors import LabelError
from cloudcore.masks import mask
from cloudcore.masks.mask import UNDEFINED, Label, Mask
from cloudcore.ui import brush
from cloudcore.ui.paint.paint_session import CANVAS, PaintSession, current_session, inside
from cloudcore.ui.shared import notices
from cloudcore.ui.shared.library import LABEL_SET, open_library


def show_canvas(session: PaintSession) -> None:
    """Draw the canvas; every stroke is kept before anything else happens."""
    brush.brush(session.sheet, key=CANVAS, on_stroke=keep_stroke)
    keep_stroke()  # a run that a quicker stroke cut short may have missed its call
    brush.note(session.sheet, session.rev, session.note, key="paint_note")


def keep_stroke() -> None:
    """Take the newest stroke from the canvas into the session and keep it as a draft."""
    session = current_session()
    if session is None:
        return
    with session.lock:
        is_new = brush.revision(session.sheet, CANVAS) > session.rev
        stroke = brush.value(session.sheet, CANVAS) if is_new else None
        if stroke is not None:
            session.label, session.rev, session.restored = stroke.label, stroke.rev, None
            keep_draft(session)


def keep_draft(session: PaintSession) -> None:
    """Keep the session's label as the painter's draft; drop the draft where the label equals the saved one."""
    store = open_library().store
    with session.lock:
        try:
            if session.is_draft:
                store.save_draft(
                    LABEL_SET, session.frame.stem, session.label, session.base, session.author, session.picture
                )
                session.note = f"draft kept {datetime.now(UTC):%H:%M:%S} UTC"
            else:
                store.drop_draft(LABEL_SET, session.frame.stem, session.author, session.picture)
                session.note = f"as in revision {session.base}" if session.base else "no paint"
            session.problem = ""
        except LabelError as error:
            session.note, session.problem = "draft not kept", f"{error} The paint is still in this window."


def lay(session: PaintSession, label: Label) -> None:
    """Put a whole new label (H, W) in place of the paint: one stroke that can be undone, kept as a draft at once."""
    with session.lock:
        session.label = inside(label, session.valid)
        session.sheet = brush.lay(session.sheet, session.label)
        session.restored = None
        keep_draft(session)


def lay_cloud(session: PaintSession, cloud: Mask) -> None:
    """Put cloud (H, W) in place of the paint; what was painted undefined stays undefined."""
    lay(session, np.where(session.label == UNDEFINED, np.uint8(UNDEFINED), mask.to_label(cloud)))


def is_stale(session: PaintSession) -> bool:
    """Whether the page around the canvas is out of date: another frame was asked for, or a sentence waits.

    A click right after a stroke may reach Python in one message with it, and then runs the canvas alone.
    """
    another = current_session() is not session
    elsewhere = another or st.query_params.get("frame", session.frame.stem) != session.frame.stem
    return elsewhere or session.shown != session.state or bool(st.session_state.get(notices.WAITING))
