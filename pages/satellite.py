"""Browse, correct and export the pattern labels of satellite images."""

import streamlit as st

from cloudcore.ui import (
    painting,
    satellite,
    satellite_correct,
    satellite_gallery,
    satellite_image,
    satellite_statistics,
)
from cloudcore.ui.widgets import enter, head, library, stage

enter()
room = library()
painting.show_told()
row = head("Satellite")
with row:
    view = satellite.choose_view()
    present, name = satellite.choose_patterns() if view != satellite.STATISTICS else ((), "")
    st.space("stretch")
    count = st.empty()
    satellite.choose_data(room, row)

shelf = satellite.shelf(room)
if shelf is None:
    st.stop()

if view == satellite.STATISTICS:
    count.caption(f"{len(shelf.table.images):,} images", width="content")
    satellite_statistics.show(shelf)
    satellite_correct.offer_downloads(shelf)
    st.stop()

left, inspector = stage()
with inspector:
    wanted = satellite.choose_more(present, name) if view == satellite.GALLERY else satellite.kept_filter()
    found = satellite.matching(shelf.table, wanted, shelf.missing)
    count.caption(f"{len(found):,} of {len(shelf.table.images):,} images", width="content")
with left:
    if view == satellite.GALLERY:
        satellite_gallery.show(shelf, found)
    else:
        satellite_image.show(shelf, found, inspector)
with inspector:
    satellite_correct.offer_downloads(shelf)
    for note in shelf.table.notes[:3]:
        st.caption(note)
