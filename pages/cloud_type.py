"""Name the genus of a photograph, and clean what the next model learns from."""

import streamlit as st

from cloudcore.ui.cloud_type import answer, cleaner, intake, photographs
from cloudcore.ui.cloud_type import view as cloud_type_view
from cloudcore.ui.shared.entry import enter
from cloudcore.ui.shared.library import open_library
from cloudcore.ui.shared.widgets import head

enter()
library = open_library()
with head("Cloud type"):
    view = cloud_type_view.choose_view()
    model = cloud_type_view.choose_model(library)
    st.caption(cloud_type_view.model_words(model), width="content")
    st.space("stretch")
    if view == cloud_type_view.ANSWER:
        intake.download(library)
        intake.add_more(model)

if view == cloud_type_view.CLEANER:
    cleaner.show(library, model)
    st.stop()

intake.show_refused()
shown = [photo for photo in photographs.kept() if photo.picture]
if not shown:
    intake.show_empty(model, library)
    st.stop()
photo = cloud_type_view.chosen(shown)
strip, left, right = cloud_type_view.stage()
with strip:
    cloud_type_view.show_strip(shown, photo)
with left:
    cloud_type_view.show_photograph(photo)
with right:
    answer.show(photo, model)
    answer.ask_label(photo, library)
    answer.show_texts(photo)
