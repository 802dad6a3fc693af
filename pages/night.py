"""How cloudy was the night: curve and keogram on one UTC axis, and the frame under the cursor."""

import streamlit as st

from cloudcore.ui.night import choices, curves, frame_view, work
from cloudcore.ui.shared.entry import enter
from cloudcore.ui.shared.library import open_library
from cloudcore.ui.shared.widgets import head, stage

enter()
library = open_library()
row = head("Night")
choice = choices.choose(library, row)
left, right = stage()
with left:
    view = work.look(choice)
    work.show_progress(view)
    picked = curves.choose(view)
    curves.show_curve(view, picked)
    curves.show_words(view, picked)
with row:
    st.space("stretch")
    curves.show_status(view)
    work.show_button(view)
    curves.show_downloads(view, picked)
with right:
    frame_view.show(view, picked)
