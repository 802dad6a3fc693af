"""Sentences to a person that outlive the run of a page."""

import streamlit as st

TOLD = "paint_told"
"""Key of the sentences not yet shown."""


def tell(sentence: str) -> None:
    """Says a sentence as a toast once the page is drawn again."""
    st.session_state[TOLD] = [*st.session_state.get(TOLD, []), sentence]


def show_told() -> None:
    """The toasts that are due."""
    for sentence in st.session_state.pop(TOLD, []):
        st.toast(sentence)
