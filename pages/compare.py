"""Prediction against truth, threshold and smallest cloud under one's fingers; the worst first, and back to Paint."""

import streamlit as st

from cloudcore.ui.compare import scores, selection, viewer
from cloudcore.ui.shared.entry import enter
from cloudcore.ui.shared.library import open_library
from cloudcore.ui.shared.widgets import head, stage

enter()
library = open_library()
row = head("Compare")
choice = selection.choose(library, row)
with row:
    st.space("stretch")
    scores.status(choice)
    scores.paint_button(choice)

left, right = stage()
with left:
    view = viewer.look_through(selection.look(choice), right)
    if choice.whole:
        scores.show_whole(view)
    progress = selection.show_progress(view)
    scores.show_strip(view)
with right.container(gap="xsmall"):
    scores.show_scores(view)
    scores.show_surface(view)
selection.finish(view, progress)
