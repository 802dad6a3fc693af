"""What is here - frames, labels, runs, models - and what to do next."""

import streamlit as st

from cloudcore.ui import overview, widgets

widgets.enter()
library = widgets.library()
now = overview.state(library)

with widgets.head("Overview"):
    st.caption("drawn samples" if library.is_sample else str(library.frames_folder))
    st.space("stretch")
    overview.choose_frames(library)
    overview.paint_button(now)

overview.show_upload_words()
if library.problem:
    st.error(library.problem)

stage, inspector = widgets.stage()
with stage:
    overview.show_numbers(now)
    overview.show_next(now)
with inspector:
    if now.running:
        overview.show_running(now.running)
    overview.show_do_next(now)
    overview.show_newest_runs(now)
    overview.show_sample_note(library)
