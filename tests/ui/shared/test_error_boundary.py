"""Fragments and dialogs fail in words, as pages do."""

from streamlit.testing.v1 import AppTest


def _script() -> None:
    import streamlit as st

    from cloudcore.errors import DataError
    from cloudcore.ui.shared import error_boundary

    @st.fragment
    @error_boundary.in_words
    def part() -> None:
        ours, other = st.button("Ours", key="ours"), st.button("Unforeseen", key="other")
        if st.button("Again", key="again"):
            st.session_state["done"] = True
            st.rerun()
        if ours:
            raise DataError("The folder is empty. Choose another.")
        if other:
            raise ValueError("an accident")

    part()
    if st.session_state.get("done"):
        st.caption("drawn again")
    st.caption("the rest of the page")


def test_a_fragment_s_error_is_said_and_the_page_goes_on() -> None:
    app = AppTest.from_function(_script).run()
    app.button(key="ours").click().run()
    assert [error.value for error in app.error] == ["The folder is empty. Choose another."]
    app.button(key="other").click().run()
    assert not app.exception and app.error[0].value.startswith("Something failed here. Labels are safe. Error ")
    assert [caption.value for caption in app.caption] == ["the rest of the page"]


def test_what_nobody_foresaw_is_in_the_log_under_its_number() -> None:
    from cloudcore import settings

    app = AppTest.from_function(_script).run()
    app.button(key="other").click().run()
    number = app.error[0].value.split("Error ")[1].split()[0]
    told = (settings.load().workspace / "app.log").read_text(encoding="utf-8")
    assert f"Error {number}" in told and "an accident" in told


def test_a_rerun_passes() -> None:
    app = AppTest.from_function(_script).run()
    app.button(key="again").click().run()
    assert not app.error and "drawn again" in [caption.value for caption in app.caption]
