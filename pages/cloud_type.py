"""Name the genus of a photograph, and clean what the next model learns from."""

import streamlit as st

from cloudcore.ui import cloud_type, genus_cleaner, photographs
from cloudcore.ui.widgets import enter, head, library

enter()
here = library()
with head("Cloud type"):
    view = cloud_type.choose_view()
    model = cloud_type.choose_model(here)
    st.caption(cloud_type.model_words(model), width="content")
    st.space("stretch")
    if view == cloud_type.ANSWER:
        cloud_type.download(here)
        cloud_type.add_more(model)

if view == cloud_type.CLEANER:
    genus_cleaner.show(here, model)
    st.stop()

cloud_type.show_told()
shown = [photo for photo in photographs.kept() if photo.picture]
if not shown:
    cloud_type.show_empty(model, here)
    st.stop()
photo = cloud_type.chosen(shown)
strip, left, right = cloud_type.stage()
with strip:
    cloud_type.show_strip(shown, photo)
with left:
    cloud_type.show_photograph(photo)
with right:
    cloud_type.show_answer(photo, model)
    cloud_type.ask_label(photo, here)
    cloud_type.show_texts(photo)
