"""What is here - frames, labels, runs, models - and what to do next."""

import streamlit as st

from cloudcore.ui.overview import view
from cloudcore.ui.shared.entry import enter
from cloudcore.ui.shared.library import open_library
from cloudcore.ui.shared.widgets import head, stage

enter()
library = open_library()
now = view.state(library)

with head("Overview"):
    st.caption("drawn samples" if library.is_sample else str(library.frames_folder))
    st.space("stretch")
    view.choose_frames(library)
    view.paint_button(now)

view.show_upload_words()
if library.problem:
    st.error(library.problem)

left, inspector = stage()
with left:
    view.show_numbers(now)
    view.show_next(now)
with inspector:
    if now.running:
        view.show_running(now.running)
    view.show_do_next(now)
    view.show_newest_runs(now)
    view.show_sample_note(library)
