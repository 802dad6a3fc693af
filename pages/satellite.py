"""Browse, correct and export the pattern labels of satellite images."""

import streamlit as st

from cloudcore.ui.satellite import choices, downloads, filters, gallery, image_view, statistics
from cloudcore.ui.satellite import dataset as satellite_dataset
from cloudcore.ui.shared import notices
from cloudcore.ui.shared.entry import enter
from cloudcore.ui.shared.library import open_library
from cloudcore.ui.shared.widgets import head, stage

enter()
library = open_library()
notices.show_waiting()
row = head("Satellite")
with row:
    view = choices.choose_view()
    present, name = filters.choose_patterns() if view != choices.STATISTICS else ((), "")
    st.space("stretch")
    count = st.empty()
    choices.choose_data(library, row)

dataset = satellite_dataset.open_dataset(library)
if dataset is None:
    st.stop()

if view == choices.STATISTICS:
    count.caption(f"{len(dataset.table.images):,} images", width="content")
    statistics.show(dataset)
    downloads.offer(dataset)
    st.stop()

left, inspector = stage()
with inspector:
    wanted = filters.choose_more(present, name) if view == choices.GALLERY else filters.kept_filter()
    found = filters.matching(dataset.table, wanted, dataset.missing)
    count.caption(f"{len(found):,} of {len(dataset.table.images):,} images", width="content")
with left:
    if view == choices.GALLERY:
        gallery.show(dataset, found)
    else:
        image_view.show(dataset, found, inspector)
with inspector:
    downloads.offer(dataset)
    for note in dataset.table.notes[:3]:
        st.caption(note)
