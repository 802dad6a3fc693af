"""Prediction against truth, threshold and smallest cloud under one's fingers; the worst first, and back to Paint."""

import streamlit as st

from cloudcore.ui import compared, comparing, comparing_view
from cloudcore.ui.widgets import enter, head, library, stage

enter()
here = library()
row = head("Compare")
choice = comparing.choose(here, row)
with row:
    st.space("stretch")
    compared.status(choice)
    compared.paint_button(choice)

left, right = stage()
with left:
    view = comparing_view.look_through(comparing.look(choice), right)
    if choice.whole:
        compared.show_whole(view)
    progress = comparing.show_progress(view)
    compared.show_strip(view)
with right.container(gap="xsmall"):
    compared.show_scores(view)
    compared.show_surface(view)
comparing.finish(view, progress)
