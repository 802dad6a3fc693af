"""The revisions of the open frame: its history, and the choice between two versions."""

import numpy as np
import streamlit as st

from cloudcore import images
from cloudcore.images import Image
from cloudcore.labels import Revision
from cloudcore.masks.mask import CLOUD, UNDEFINED, Label
from cloudcore.sky import cloud_amount
from cloudcore.ui.paint import saving
from cloudcore.ui.paint.paint_session import PaintSession
from cloudcore.ui.shared import error_boundary
from cloudcore.ui.shared.library import LABEL_SET, open_library
from cloudcore.ui.shared.words import plain
from cloudcore.views import render


def show(session: PaintSession) -> None:
    """Draw every revision of the frame as a small picture, with a button that brings it back."""
    count = session.base
    if not count:
        return
    title = f"History, {count} {'revision' if count == 1 else 'revisions'}"
    with st.expander(title, key="paint_history", type="compact", on_change="rerun") as box:
        if box.open:
            for revision in open_library().store.history(LABEL_SET, session.frame.stem, session.picture):
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


@st.dialog("Two versions of this frame", width="large", on_dismiss=saving.put_conflict_off)
@error_boundary.in_words
def settle_conflict(session: PaintSession) -> None:
    """Draw both versions of a frame that two people painted, and ask which one stays on top."""
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
    """Open the dialog of two versions where a save met another."""
    if session.conflict is not None:
        settle_conflict(session)
