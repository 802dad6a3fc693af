"""The author: the name that drafts, revisions and flags carry."""

import streamlit as st

AUTHOR = "author"
"""Key of the name in the address and of its text field."""

_KEPT = "paint_author"


def current() -> str:
    """The name that drafts and revisions carry, as typed on the page or given in the address."""
    given = st.query_params.get(AUTHOR) or st.session_state.get(_KEPT) or "me"
    st.session_state[_KEPT] = given.strip()[:80] or "me"
    return str(st.session_state[_KEPT])
