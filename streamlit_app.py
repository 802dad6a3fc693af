"""Cloud Lab: page settings, navigation, and the last words when a page fails."""

import streamlit as st

from cloudcore.errors import CloudcoreError
from cloudcore.ui import widgets

st.set_page_config(page_title="Cloud Lab", page_icon=str(widgets.ASSETS / "favicon.png"), layout="wide")
st.logo(str(widgets.ASSETS / "wordmark.svg"), size="medium")
st.html(widgets.ASSETS / "app.css")

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

try:
    page.run()
except CloudcoreError as error:
    st.error(str(error))
except Exception as error:  # the one broad except: whatever a page did not foresee ends in words and in the log
    widgets.show_failure(error)
