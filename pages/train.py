"""Start, watch, stop, resume and compare runs."""

import streamlit as st

from cloudcore import runs
from cloudcore.learning import jobs
from cloudcore.ui.shared.entry import enter
from cloudcore.ui.shared.library import open_library
from cloudcore.ui.shared.widgets import head, stage
from cloudcore.ui.train import data, new_run, notes, progress, table

enter()
library = open_library()
settings = library.settings
all_runs = runs.list_runs(settings.runs)
active = jobs.active(settings)
run = progress.chosen_run(all_runs, active)

with head("Train"):
    progress.choose_run(all_runs, run)
    st.caption(progress.count_words(all_runs, active), width="content")
    st.space("stretch")
    start_place = st.container(horizontal=True, width="content", vertical_alignment="center", gap="small", wrap=False)

left, inspector = stage()
with inspector:
    if run is not None:
        progress.live(progress.show_state, run, settings)
        progress.show_outcome(run, settings)
        notes.offer(run, settings)
    wish = new_run.ask(library)
    new_run.offer_start(start_place, wish, settings, active)

with left:
    if run is not None:
        progress.live(progress.show_learning, run, settings)
        progress.live(table.show_runs, run, settings)
    else:
        st.caption("No run yet. Paint a frame or use the samples, then start.")
    table.show_damaged(settings)
    if wish is not None:
        data.show(wish.data, wish.task, wish.config)
