"""Paint a cloud mask on a sky frame."""

import streamlit as st

from cloudcore.ui.paint import camera_panel, exchange_panel, panels, session, shapes
from cloudcore.ui.paint import queue as paint_queue
from cloudcore.ui.shared import notices
from cloudcore.ui.shared.widgets import enter, head, library, stage

enter()
room = library()
queue = paint_queue.queue(room, *paint_queue.order())
notices.show_told()

with head("Paint"):
    frame = panels.asked_frame(room, queue)
    if frame is not None:
        panels.choose_frame(room, queue, frame)
        st.space("stretch")
        panels.finish_frame(queue)

if room.problem:
    st.error(room.problem)
if frame is None:
    st.info("No frames yet. Use the samples, or choose a folder on Overview.")
    st.stop()

desk = session.desk(room, frame)
panels.lay_asked_coat(desk)
left, inspector = stage()
with inspector:
    panels.show_messages(desk)
    numbers = st.empty()
    panels.show_state(desk, queue)
    panels.choose_coat(desk, session.sky_models(room.settings))
    shapes.offer(desk)
    camera_panel.offer(desk)
    panels.show_history(desk)
    panels.show_keys()
    exchange_panel.offer(room)
    panels.sign()
with left:
    panels.paint(desk, numbers)
panels.open_conflict(desk)
