"""Browse, correct and export the pattern labels of satellite images."""

import streamlit as st

from cloudcore.ui.satellite import correction, gallery, image_view, statistics
from cloudcore.ui.satellite import shelf as satellite_shelf
from cloudcore.ui.shared import notices
from cloudcore.ui.shared.entry import enter
from cloudcore.ui.shared.library import open_library
from cloudcore.ui.shared.widgets import head, stage

enter()
library = open_library()
notices.show_waiting()
row = head("Satellite")
with row:
    view = satellite_shelf.choose_view()
    present, name = satellite_shelf.choose_patterns() if view != satellite_shelf.STATISTICS else ((), "")
    st.space("stretch")
    count = st.empty()
    satellite_shelf.choose_data(library, row)

shelf = satellite_shelf.shelf(library)
if shelf is None:
    st.stop()

if view == satellite_shelf.STATISTICS:
    count.caption(f"{len(shelf.table.images):,} images", width="content")
    statistics.show(shelf)
    correction.offer_downloads(shelf)
    st.stop()

left, inspector = stage()
with inspector:
    wanted = (
        satellite_shelf.choose_more(present, name) if view == satellite_shelf.GALLERY else satellite_shelf.kept_filter()
    )
    found = satellite_shelf.matching(shelf.table, wanted, shelf.missing)
    count.caption(f"{len(found):,} of {len(shelf.table.images):,} images", width="content")
with left:
    if view == satellite_shelf.GALLERY:
        gallery.show(shelf, found)
    else:
        image_view.show(shelf, found, inspector)
with inspector:
    correction.offer_downloads(shelf)
    for note in shelf.table.notes[:3]:
        st.caption(note)
