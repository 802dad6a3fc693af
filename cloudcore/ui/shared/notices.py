"""Sentences to a person that wait for the next drawing of the page."""

import streamlit as st

WAITING = "notices_waiting"
"""Key of the sentences that wait."""


def tell(sentence: str) -> None:
    """Show a sentence as a toast once the page is drawn again."""
    st.session_state[WAITING] = [*st.session_state.get(WAITING, []), sentence]


def show_waiting() -> None:
    """Show the sentences that wait, each as a toast."""
    for sentence in st.session_state.pop(WAITING, []):
        st.toast(sentence)
