"""The learning-rate finder of the Train page: try it, see the curve, take a suggestion; and the speed it measured."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from cloudcore import charts, rehearsal
from cloudcore.errors import CloudcoreError
from cloudcore.settings import Settings
from cloudcore.task import Task
from cloudcore.ui import widgets

RATE = "learning_rate"


def offer(task: Task, config: Any, folder: Path, begin: str | None, key: str, settings: Settings) -> None:
    """The finder for these settings; key is the session state's name of the form's learning-rate field."""
    options = dataclasses.asdict(config)
    path = rehearsal.place(task.name, options, folder, begin, settings)
    with st.expander("Learning-rate finder", type="compact"):
        try:
            state = rehearsal.read(path).get("state")
        except CloudcoreError as error:
            st.error(str(error))
            return
        going = state == "running"
        words = "Try again" if state in ("done", "failed", "lost") else "Try rates"
        if st.button(words, key="rate-try", disabled=going, help="60 steps at rising rates; nothing of them is kept."):
            _begin(task, options, folder, begin, settings)
            st.rerun()
        _watch(path, key, going)


def _begin(task: Task, options: Mapping[str, Any], folder: Path, begin: str | None, settings: Settings) -> None:
    try:
        rehearsal.start(task.name, options, folder, begin, settings)
    except CloudcoreError as error:
        st.error(str(error))


def _watch(path: Path, key: str, going: bool) -> None:
    """The trial's progress, drawn anew every second while it goes on, and the page once when it ends."""

    @st.fragment(run_every=1 if going else None)
    def part() -> None:
        told = rehearsal.read(path)
        if told.get("state") == "running":
            done, of = int(told.get("done", 0)), int(told.get("of", 0))
            st.progress(done / of if of else 0.0, f"{done} of {of} steps" if of else "Loading the data")
        elif going:
            st.rerun()
        elif told.get("error"):
            st.error(told["error"])
        elif told.get("state") == "done":
            _show(told, key)

    part()


def _show(told: Mapping[str, Any], key: str) -> None:
    found = told["suggestions"]
    st.plotly_chart(
        charts.rate_trial(told["rates"], told["losses"], found, dark=widgets.is_dark()),
        theme=None,
        key="rate-curve",
        config={"displayModeBar": False},
        alt="Loss over learning rate; suggested: " + ", ".join(f"{name} {rate:g}" for name, rate in found.items()),
    )
    with st.container(horizontal=True, gap="xsmall"):
        for name, rate in found.items():
            st.button(f"{name} {rate:g}", key=f"rate-{name}", on_click=_take, args=(key, rate))
    st.caption(f"{told['images_per_second']:.1f} images/s on {told['device']} while it tried")


def _take(key: str, rate: float) -> None:
    """A suggestion becomes the form's learning rate."""
    st.session_state[key] = rate


def speed(task: Task, config: Any, folder: Path, begin: str | None, settings: Settings) -> float | None:
    """Images/s measured by a trial of these settings, or None."""
    try:
        told = rehearsal.read(rehearsal.place(task.name, dataclasses.asdict(config), folder, begin, settings))
    except CloudcoreError:
        return None
    return float(told["images_per_second"]) if told.get("state") == "done" else None
