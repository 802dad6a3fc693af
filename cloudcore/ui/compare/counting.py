"""The set's counts: the frame in view at once, the rest of the set a turn at a time; where the sliders stand."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore import images, models
from cloudcore.errors import CloudcoreError
from cloudcore.masks import mask
from cloudcore.ui import lens
from cloudcore.ui.compare import known_counts, predictions
from cloudcore.ui.compare.predictions import Case, Counts
from cloudcore.ui.compare.selection import Choice, Contender, write_address
from cloudcore.ui.shared.library import LABEL_SET

TURN_S = 2.5
"""Seconds of predicting between two drawings of the page."""
MARKS = "compare_marks"
"""Key of the sliders' marks."""

Step = tuple[int, int]
"""A slider step: place of its threshold and of its min_size in the grid."""


@dataclass(frozen=True)
class Marks:
    """Where the sliders stand for a model; order grows whenever the page, not a hand, moved them."""

    model: str
    threshold: float
    min_size: int
    order: int


@dataclass(frozen=True)
class Side:
    """A contender's counts by stem, as far as they are known, and the slider step at which they are read."""

    name: str
    found: Mapping[str, Counts]
    at: Step


@dataclass(frozen=True)
class View:
    """What the page shows of a choice: the frame's levels and label, the counts known so far, and the sliders."""

    choice: Choice
    level: lens.Levels
    label: mask.Label
    found: Mapping[str, Counts]
    rival_found: Mapping[str, Counts]
    failed: Mapping[str, str]
    marks: Marks
    at: Step

    @property
    def model(self) -> Side:
        """The model at the sliders' step."""
        return Side(self.choice.model.name, self.found, self.at)

    @property
    def sides(self) -> tuple[Side, ...]:
        """The model at the sliders' step, and its rival at its default."""
        rival = self.choice.rival
        if rival is None:
            return (self.model,)
        return self.model, Side(rival.name, self.rival_found, self.choice.usual(rival))

    def of_set(self, side: Side) -> list[Counts]:
        """Counts of the set's frames that are known so far."""
        return [side.found[case.stem] for case in self.choice.counted if case.stem in side.found]

    def of_frame(self, side: Side) -> list[Counts]:
        """Counts of the frame in view, in a list; empty where it could not be scored."""
        counts = side.found.get(self.choice.case.stem)
        return [counts] if counts else []

    def in_scope(self, side: Side) -> list[Counts]:
        """Counts of what the scores are shown of: the whole set, or the frame in view."""
        return self.of_set(side) if self.choice.whole else self.of_frame(side)

    def counted(self) -> list[Counts]:
        """The model's counts of the set's frames that are known so far."""
        return self.of_set(self.model)


def look(choice: Choice) -> View:
    """Predict the frame in view if need be and gather every count known so far; stops the page where it fails."""
    write_address(choice)
    try:
        level, label = _levels(choice, choice.model, choice.case)
        for contender in choice.contenders:
            _score(choice, contender, choice.case)
    except (CloudcoreError, OSError) as error:
        st.error(str(error))
        st.stop()
    found: list[dict[str, Counts]] = [{}, {}]
    failed: dict[str, str] = {}
    for into, contender in zip(found, choice.contenders, strict=False):
        for case in choice.cases:
            answer = known_counts.find(contender.predictor, case, choice.grid)
            if isinstance(answer, Counts):
                into[case.stem] = answer
            elif answer:
                failed[case.stem] = answer
    marks = _marks(choice)
    at = choice.grid.nearest(marks.threshold, marks.min_size)
    return View(choice, level, label, found[0], found[1], failed, marks, at)


def _marks(choice: Choice) -> Marks:
    marks: Marks | None = st.session_state.get(MARKS)
    name = f"{choice.model.name}|{choice.pattern}" if choice.several else choice.model.name
    if marks is None or marks.model != name:
        k, m = choice.usual(choice.model)
        order = marks.order + 1 if marks else 1
        marks = Marks(name, choice.grid.thresholds[k], choice.grid.min_sizes[m], order)
        st.session_state[MARKS] = marks
    return marks


def _levels(choice: Choice, contender: Contender, case: Case) -> tuple[lens.Levels, mask.Label]:
    image, label = predictions.read(case, choice.library.store, LABEL_SET)
    return levels_of(choice, contender.predictor, case, image), label


def levels_of(choice: Choice, predictor: models.Predictor, case: Case, image: images.Image) -> lens.Levels:
    """Levels (H, W) of a frame of a choice, kept below the workspace."""
    folder = choice.library.settings.workspace / "cache" / "levels"
    stacked = predictions.levels(folder, predictor, case, image, choice.grid)
    return predictions.plane(stacked, image.shape[0], choice.model.index)


def _score(choice: Choice, contender: Contender, case: Case) -> None:
    """Count a frame and keep the counts, or the reason where it cannot be counted; does nothing a second time."""
    if known_counts.find(contender.predictor, case, choice.grid) is not None:
        return
    answer: Counts | str
    try:
        level, label = _levels(choice, contender, case)
        answer = predictions.count(level, label, choice.grid)
    except (CloudcoreError, OSError) as error:
        answer = str(error)
    known_counts.keep(contender.predictor, case, choice.grid, answer)


def show_progress(view: View) -> DeltaGenerator:
    """Say how many frames are predicted, while some are missing; returns the place for `finish`."""
    slot = st.empty()
    _, done, total = _missing(view.choice)
    if done < total:
        slot.progress(done / total, f"{done} of {total} {view.choice.noun}s predicted")
    return slot


def finish(view: View, slot: DeltaGenerator) -> None:
    """Predict what is still missing of the set, a second or so at a time, then draw the page again."""
    missing, done, total = _missing(view.choice)
    if not missing:
        return
    started = time.monotonic()
    for contender, case in missing:
        _score(view.choice, contender, case)
        done += 1
        slot.progress(done / total, f"{done} of {total} {view.choice.noun}s predicted")
        if time.monotonic() - started > TURN_S:
            break
    st.rerun()


def _missing(choice: Choice) -> tuple[list[tuple[Contender, Case]], int, int]:
    """(contender and frame of each count not known yet, how many are known, how many there are)."""
    wanted = [(contender, case) for contender in choice.contenders for case in choice.cases]
    missing = [(one, case) for one, case in wanted if known_counts.find(one.predictor, case, choice.grid) is None]
    return missing, len(wanted) - len(missing), len(wanted)
