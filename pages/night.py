"""How cloudy was the night: curve and keogram on one UTC axis, and the frame under the cursor."""

import streamlit as st

from cloudcore.ui import night_frame, night_room, night_view, night_work
from cloudcore.ui.widgets import enter, head, library, stage

enter()
here = library()
row = head("Night")
choice = night_room.choose(here, row)
left, right = stage()
with left:
    view = night_work.look(choice)
    night_work.show_progress(view)
    picked = night_view.choose(view)
    night_view.show_curve(view, picked)
    night_view.show_words(view, picked)
with row:
    st.space("stretch")
    night_view.show_status(view)
    night_work.show_button(view)
    night_view.show_downloads(view, picked)
with right:
    night_frame.show(view, picked)
