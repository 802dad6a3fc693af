"""Paint a cloud mask on a sky frame."""

import streamlit as st

from cloudcore.ui import camera_panel, exchange_panel, paint_panels, paint_queue, painting, shapes
from cloudcore.ui.widgets import enter, head, library, stage

enter()
room = library()
queue = paint_queue.queue(room, *paint_queue.order())
painting.show_told()

with head("Paint"):
    frame = paint_panels.asked_frame(room, queue)
    if frame is not None:
        paint_panels.choose_frame(room, queue, frame)
        st.space("stretch")
        paint_panels.finish_frame(queue)

if room.problem:
    st.error(room.problem)
if frame is None:
    st.info("No frames yet. Use the samples, or choose a folder on Overview.")
    st.stop()

desk = painting.desk(room, frame)
paint_panels.lay_asked_coat(desk)
left, inspector = stage()
with inspector:
    paint_panels.show_messages(desk)
    numbers = st.empty()
    paint_panels.show_state(desk, queue)
    paint_panels.choose_coat(desk, painting.sky_models(room.settings))
    shapes.offer(desk)
    camera_panel.offer(desk)
    paint_panels.show_history(desk)
    paint_panels.show_keys()
    exchange_panel.offer(room)
    paint_panels.sign()
with left:
    paint_panels.paint(desk, numbers)
paint_panels.open_conflict(desk)
