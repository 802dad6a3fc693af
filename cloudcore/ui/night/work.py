"""The work behind Night, in slices: a plan of the frames, then row after row with a count, until all are done."""

import time
from dataclasses import dataclass, field
from typing import Any, cast

import streamlit as st

from cloudcore import models
from cloudcore.errors import CloudcoreError
from cloudcore.night import measure
from cloudcore.night.cache import NightCache
from cloudcore.night.frame_selection import FrameSelection, LeftOutFile, select
from cloudcore.night.measure import Measurement, Observer
from cloudcore.ui.night.choices import PATTERN, Choice
from cloudcore.ui.shared import error_boundary
from cloudcore.ui.shared.models import find_predictor

FIRST_S, TURN_S = 0.7, 2.5
"""Seconds of measuring before the page is drawn, and between two drawings of it."""
PLAN_S = 60.0
"""How long a plan is kept, s."""
UNASKED = 200
"""Frames that are measured without being asked to: about half a minute."""
DONE, GOING, DRAWN, PLANNED = "night_done", "night_going", "night_drawn", "night_plan"


@dataclass
class View:
    """What the page shows of a choice: the plan, the rows so far by time, and what was left out."""

    choice: Choice
    selection: FrameSelection
    predictors: list[models.Predictor]
    found: dict[str, Measurement | LeftOutFile]
    rows: list[Measurement] = field(default_factory=list)
    left_out: list[LeftOutFile] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """Frames still to be measured."""
        return len(self.selection.frames) - len(self.found)

    def observer(self, cache: NightCache) -> Observer:
        """What measures the plan's frames."""
        return Observer(self.selection, self.predictors, cache, self.choice.library.settings.cameras)

    def sorted(self) -> "View":
        """The view with its rows by time and the files left out by name."""
        measured = list(self.found.values())
        self.rows = sorted((r for r in measured if isinstance(r, Measurement)), key=lambda row: (row.time, row.file))
        failed = [one for one in measured if isinstance(one, LeftOutFile)]
        self.left_out = sorted([*self.selection.left_out, *failed], key=lambda one: one.file)
        return self


def _load(choice: Choice) -> list[models.Predictor]:
    return [find_predictor(name, choice.library.settings) for name in choice.names]


def _select(choice: Choice, slot: Any) -> FrameSelection:
    """The plan of a choice, kept in the session for a minute: new frames are seen then."""
    kept = st.session_state.get(PLANNED)
    if kept is not None and kept[0] == choice.key and time.monotonic() - kept[1] < PLAN_S:
        return cast(FrameSelection, kept[2])

    def tell(done: int, total: int) -> None:
        if done % 20 == 0:
            slot.progress(done / total, f"{done:,} of {total:,} frames: reading their times")

    slot.progress(0.0, "Reading times" + (", reckoning sun and moon" if choice.options.poses else ""))
    selection = select(choice.folder, choice.options, tell)
    st.session_state[PLANNED] = (choice.key, time.monotonic(), selection)
    return selection


def look(choice: Choice) -> View:
    """The choice with every row that is known, and those that can be had in a moment; stops in words."""
    slot = st.empty()
    try:
        selection = _select(choice, slot)
        if not selection.frames and selection.without_time:
            slot.empty()
            _ask_pattern(selection)
        predictors = _load(choice)
    except CloudcoreError as error:
        slot.empty()
        st.error(str(error))
        st.stop()
    kept = st.session_state.get(DONE)
    names = "|".join(measure.mark_of(predictor) for predictor in predictors)
    key = f"{choice.key}|{names}|{hash(selection.frames)}"
    if kept is None or kept[0] != key:
        kept = st.session_state[DONE] = (key, {})
        st.session_state.pop(GOING, None)
    view = View(choice, selection, predictors, kept[1])
    _measure(view, slot, FIRST_S)
    slot.empty()
    return view.sorted()


def _ask_pattern(selection: FrameSelection) -> None:
    st.info("No time found. Give a file name pattern.")

    def take() -> None:
        st.session_state[PATTERN] = st.session_state["night_pattern_now"]

    examples = ", ".join(one.file for one in selection.left_out[:3])
    st.text_input(
        "File name pattern",
        st.session_state.get(PATTERN, ""),
        key="night_pattern_now",
        on_change=take,
        width=420,
        placeholder="IMG_%Y%m%d_%H%M%S",
    )
    st.caption(f"{selection.without_time:,} files without a time, such as {examples}.")
    st.stop()


def _measure(view: View, slot: Any, seconds: float) -> None:
    """Measure frames until the time is over or all are done, with a count."""
    started, total = time.monotonic(), len(view.selection.frames)
    with NightCache(view.choice.library.settings.workspace) as cache:
        observer = view.observer(cache)
        for frame in view.selection.frames:
            if frame.file in view.found:
                continue
            view.found[frame.file] = observer.measure(frame)
            slot.progress(len(view.found) / total, _words(len(view.found), total))
            if time.monotonic() - started > seconds:
                return


def _words(done: int, total: int) -> str:
    return f"{done:,} of {total:,} frames"


def is_going(view: View) -> bool:
    """Whether frames are being measured: unasked where they are few, else once Start was pressed."""
    return bool(view.missing and st.session_state.get(GOING, view.missing <= UNASKED))


def show_button(view: View) -> None:
    """Start, Stop or Resume, while there are frames to measure."""

    def set_going(going: bool) -> None:
        st.session_state[GOING] = going

    if not view.missing:
        return
    if is_going(view):
        st.button("Stop", on_click=set_going, args=(False,), key="night_stop")
    else:
        word = "Resume" if view.found else "Start"
        st.button(word, type="primary", on_click=set_going, args=(True,), key="night_start")


def show_progress(view: View) -> None:
    """A count while there is something to do, or why it waits; behind it the work goes on, a turn at a time.

    The first run of the fragment is part of drawing the page and does nothing; its later runs measure for some seconds,
    then have the page drawn anew.
    """
    if not view.missing:
        return
    done, total = len(view.found), len(view.selection.frames)
    if not is_going(view):
        st.caption(f"{_words(done, total)} done. What is done is kept; the rest waits for the button above.")
        return
    st.session_state[DRAWN] = False

    @st.fragment(run_every=0.2)
    @error_boundary.in_words
    def turn() -> None:
        slot = st.empty()
        slot.progress(len(view.found) / total, _words(len(view.found), total))
        if not st.session_state.get(DRAWN):
            st.session_state[DRAWN] = True
            return
        _measure(view, slot, TURN_S)
        st.rerun()

    turn()
