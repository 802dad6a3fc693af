"""Paint a cloud mask on a sky frame."""

import streamlit as st

from cloudcore.ui.paint import camera_panel, exchange_panel, frame_bar, history, initial_mask, panels, shapes
from cloudcore.ui.paint import queue as paint_queue
from cloudcore.ui.paint.paint_session import session_of
from cloudcore.ui.shared import notices
from cloudcore.ui.shared.entry import enter
from cloudcore.ui.shared.library import open_library
from cloudcore.ui.shared.widgets import head, stage

enter()
library = open_library()
queue = paint_queue.queue(library, *paint_queue.order())
notices.show_waiting()

with head("Paint"):
    frame = frame_bar.asked_frame(library, queue)
    if frame is not None:
        frame_bar.choose_frame(library, queue, frame)
        st.space("stretch")
        frame_bar.finish_frame(queue)

if library.problem:
    st.error(library.problem)
if frame is None:
    st.info("No frames yet. Use the samples, or choose a folder on Overview.")
    st.stop()

session = session_of(library, frame)
panels.lay_asked_mask(session)
left, inspector = stage()
with inspector:
    panels.show_messages(session)
    numbers = st.empty()
    panels.show_state(session, queue)
    panels.choose_initial_mask(session, initial_mask.sky_models(library.settings))
    shapes.offer(session)
    camera_panel.offer(session)
    history.show(session)
    panels.show_keys()
    exchange_panel.offer(library)
    panels.sign()
with left:
    panels.paint(session, numbers)
history.open_conflict(session)
