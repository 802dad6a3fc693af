"""Cloud Lab: page settings, navigation, and the last words when a page fails."""

import streamlit as st

from cloudcore.ui.shared import error_boundary
from cloudcore.ui.shared.entry import ASSETS

st.set_page_config(page_title="Cloud Lab", page_icon=str(ASSETS / "favicon.png"), layout="wide")
st.logo(str(ASSETS / "wordmark.svg"), size="medium")
st.html(ASSETS / "app.css")

page = st.navigation(
    [
        st.Page("pages/overview.py", title="Overview", default=True),
        st.Page("pages/paint.py", title="Paint"),
        st.Page("pages/train.py", title="Train"),
        st.Page("pages/compare.py", title="Compare"),
        st.Page("pages/satellite.py", title="Satellite"),
        st.Page("pages/cloud_type.py", title="Cloud type"),
        st.Page("pages/night.py", title="Night"),
        st.Page("pages/inside.py", title="Inside"),
    ],
    position="top",
)

error_boundary.in_words(page.run)()
