"""Start, watch, stop, resume and compare runs."""

import streamlit as st

from cloudcore import jobs, runs
from cloudcore.ui import run_keeping, run_table, run_view, training_room, widgets

widgets.enter()
library = widgets.library()
settings = library.settings
all_runs = runs.list_runs(settings.runs)
active = jobs.active(settings)
run = run_view.chosen_run(all_runs, active)

with widgets.head("Train"):
    run_view.choose_run(all_runs, run)
    st.caption(run_view.count_words(all_runs, active), width="content")
    st.space("stretch")
    start_place = st.container(horizontal=True, width="content", vertical_alignment="center", gap="small", wrap=False)

stage, inspector = widgets.stage()
with inspector:
    if run is not None:
        run_view.live(run_view.show_state, run, settings)
        run_view.show_outcome(run, settings)
        run_keeping.offer(run, settings)
    wish = training_room.ask(library)
    training_room.offer_start(start_place, wish, settings, active)

with stage:
    if run is not None:
        run_view.live(run_view.show_learning, run, settings)
        run_view.live(run_table.show_runs, run, settings)
    else:
        st.caption("No run yet. Paint a frame or use the samples, then start.")
    run_table.show_damaged(settings)
    if wish is not None:
        training_room.show_data(wish)
