"""Prediction against truth, threshold and smallest cloud under one's fingers; the worst first, and back to Paint."""

import streamlit as st

from cloudcore.ui.compare import counting, curves, scores, selection, strip, viewer
from cloudcore.ui.shared.entry import enter
from cloudcore.ui.shared.library import open_library
from cloudcore.ui.shared.widgets import head, stage

enter()
library = open_library()
row = head("Compare")
choice = selection.choose(library, row)
with row:
    st.space("stretch")
    selection.show_count(choice)
    selection.paint_button(choice)

left, right = stage()
with left:
    view = viewer.look_through(counting.look(choice), right)
    if choice.whole:
        curves.show_whole(view)
    progress = counting.show_progress(view)
    strip.show(view)
with right.container(gap="xsmall"):
    scores.show(view)
    curves.show_surface(view)
counting.finish(view, progress)
