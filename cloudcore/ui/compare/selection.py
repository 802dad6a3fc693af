"""What the Compare page is made of: choose model, class and frames; predict what is missing; hold the sliders."""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore import images, models
from cloudcore.errors import CloudcoreError
from cloudcore.frames import chosen_folder
from cloudcore.masks import mask
from cloudcore.ui import lens
from cloudcore.ui.compare import patterns, predictions
from cloudcore.ui.shared.widgets import LABEL_SET, Library

ONE, WHOLE = "One frame", "Whole set"
TRUTH = "truth"
BEST = "compare_best"  # key of the button [Use best]
KINDS = ("mask", "masks")  # kinds this page shows; a model of several masks is looked at class by class
MOST_KNOWN = 6000  # counts kept in memory, some 50 kB a frame and model
TURN_S = 2.5  # seconds of predicting between two drawings of the page


@dataclass(frozen=True)
class Marks:
    """Where the sliders stand for a model; order grows whenever the page, not a hand, moved them."""

    model: str
    threshold: float
    min_size: int
    order: int


@dataclass(frozen=True)
class Choice:
    """What is compared: a model, the rival it may stand against, the frames with truth, and the frame in view."""

    library: Library
    model: models.ModelEntry
    predictor: models.Predictor
    rival: models.ModelEntry | None
    rival_predictor: models.Predictor | None
    scope: str
    cases: tuple[predictions.Case, ...]
    case: predictions.Case
    own_frames: bool
    learnt: frozenset[str]
    counted: tuple[predictions.Case, ...]
    grid: lens.Grid
    usual: tuple[int, int]
    rival_usual: tuple[int, int]
    pattern: str = ""

    @property
    def several(self) -> bool:
        """Whether the model answers several masks, of which one pattern is looked at."""
        return bool(self.pattern)

    @property
    def index(self) -> int:
        """Place of what is looked at among the model's classes."""
        return self.predictor.classes.index(self.pattern) if self.pattern else 0

    @property
    def noun(self) -> str:
        """What is looked at: a frame of the sky, or a satellite image."""
        return "image" if self.several else "frame"

    @property
    def whole(self) -> bool:
        """Whether the scores shown are those of the whole set."""
        return self.scope == WHOLE


@dataclass(frozen=True)
class View:
    """What the page shows of a choice: the frame's levels and label, the counts known so far, and the sliders."""

    choice: Choice
    level: lens.Levels
    label: mask.Label
    found: Mapping[str, predictions.Counts]
    rival_found: Mapping[str, predictions.Counts]
    failed: Mapping[str, str]
    marks: Marks
    at: tuple[int, int]

    def counted(self, rival: bool = False) -> list[predictions.Counts]:
        """Counts of the set's frames that are known so far."""
        known = self.rival_found if rival else self.found
        return [known[case.stem] for case in self.choice.counted if case.stem in known]


def choose(library: Library, head: DeltaGenerator) -> Choice:
    """Draw the head row's choices and return what was chosen; stops the page in words where there is nothing."""
    # a name means the first model that has it, as in models.load
    named = {entry.name: entry for entry in reversed(models.available(library.settings)) if entry.kind in KINDS}
    entries = list(reversed(named.values()))
    if not entries:
        st.info("No model yet. Train one.")
        st.page_link("pages/train.py", label="Train")
        st.stop()
    _arrive()
    with head:
        names = [entry.name for entry in entries]
        if st.session_state.pop("compare_open_one", False):
            st.session_state["compare_scope"] = ONE
        _keep_possible("compare_model", names, names[0])
        model = st.selectbox(
            "Model", names, key="compare_model", persist_state="session", label_visibility="collapsed", width=170
        )
        entry = entries[names.index(model)]
        alike = [e.name for e in entries if e.kind == entry.kind and e.info.classes == entry.info.classes]
        others = [TRUTH, *(name for name in alike if name != model)]
        _keep_possible("compare_against", others, TRUTH)
        against = st.selectbox(
            "Against",
            others,
            key="compare_against",
            persist_state="session",
            format_func=lambda name: f"against {name}",
            label_visibility="collapsed",
            width=145,
        )
        scope = st.segmented_control(
            "Scores of",
            (ONE, WHOLE),
            default=ONE,
            required=True,
            key="compare_scope",
            persist_state="session",
            format_func=lambda words: words.replace("frame", "image") if entry.kind == "masks" else words,
            label_visibility="collapsed",
        )
        several = entry.kind == "masks"
        pattern = patterns.choose_pattern(entry.info.classes) if several else ""
        with st.popover("Images" if pattern else "Frames"):
            folder, every = patterns.ask_images() if pattern else _ask_frames()
    rival = None if against == TRUTH else entries[names.index(against)]
    return _choice(library, entry, rival, str(scope), folder, every, pattern)


def _choice(
    library: Library, entry: models.ModelEntry, rival: models.ModelEntry | None, scope: str, folder: str, every: bool,
    pattern: str,
) -> Choice:  # fmt: skip
    try:
        predictor = _predictor(entry.folder, _changed(entry.folder))
        other = _predictor(rival.folder, _changed(rival.folder)) if rival else None
        cases = tuple(patterns.cases(library.settings, folder, pattern) if pattern else _cases(library, folder))
    except CloudcoreError as error:
        st.error(str(error))
        st.stop()
    wanted = st.session_state.get("compare_frame")
    case = next((case for case in cases if case.stem == wanted), None)
    if case is None and (wanted or not cases) and not pattern:
        _no_truth(library, wanted)
        if not cases:
            st.stop()
    learnt = frozenset(case.stem for case in cases if predictions.trained_on(predictor, case))
    counted = tuple(case for case in cases if every or case.stem not in learnt)
    index = predictor.classes.index(pattern) if pattern else 0
    grid = (patterns.GRID if pattern else lens.Grid()).with_step(*_defaults(predictor, index))
    if other:
        grid = grid.with_step(*_defaults(other, index))
    case = case or _worst(counted or cases, predictor, grid, index)
    return Choice(
        library, entry, predictor, rival, other, scope, cases, case, not (folder or pattern), learnt, counted, grid,
        grid.nearest(*_defaults(predictor, index)), grid.nearest(*_defaults(other, index)) if other else (0, 0),
        pattern,
    )  # fmt: skip


def _defaults(predictor: models.Predictor, index: int) -> tuple[float, int]:
    return predictor.threshold[index], predictor.min_size[index]


def _worst(
    counted: Sequence[predictions.Case], predictor: models.Predictor, grid: lens.Grid, index: int
) -> predictions.Case:
    """The frame of the lowest Dice at the model's default, once all are known; the first until then."""
    at = grid.nearest(*_defaults(predictor, index))
    known = [_known().get(name_of(predictor, case, grid)) for case in counted]
    if None in known:
        return counted[0]
    scored = [
        (float(answer.dice()[at]), case)
        for answer, case in zip(known, counted, strict=True)
        if isinstance(answer, predictions.Counts)
    ]
    return min(scored, key=lambda pair: pair[0])[1] if scored else counted[0]


def _no_truth(library: Library, stem: str | None) -> None:
    st.info("No truth for this frame. Paint it, or choose another.")
    query = {"frame": stem} if stem and library.frame(stem) else None
    st.page_link("pages/paint.py", label="Paint it", query_params=query)
    st.session_state.pop("compare_frame", None)


def _ask_frames() -> tuple[str, bool]:
    folder = st.text_input(
        "Data folder", key="compare_folder", persist_state="session", placeholder="this app's frames",
        help="A folder with images/ and masks/, or with a pairs.csv. Empty: the frames of this app that have truth.",
    )  # fmt: skip
    every = st.toggle(
        "Count frames it was trained on", key="compare_every", persist_state="session",
        help="Left out of the set's scores unless you ask: a model knows what it learnt from.",
    )  # fmt: skip
    return folder.strip(), bool(every)


def _cases(library: Library, folder: str) -> list[predictions.Case]:
    if folder:
        return predictions.cases_of_folder(chosen_folder.check_folder(folder))
    return predictions.cases(library.frames, library.frames_folder, library.store, LABEL_SET)


def _arrive() -> None:
    """Take model and frame from the address when the page is entered; later the address follows the page.

    A run asked for by the browser may still carry the address from before the last one, so it is not looked at again.
    A button's state is dropped when its page is left, which tells an entry.
    """
    if BEST in st.session_state:
        return
    for name in ("model", "frame"):
        if name in st.query_params:
            st.session_state[f"compare_{name}"] = st.query_params[name]


def _tell_address(choice: Choice) -> None:
    told = {"model": choice.model.name, "frame": choice.case.stem}
    if choice.pattern:
        told[patterns.PATTERN] = choice.pattern
    for name, value in told.items():
        if st.query_params.get(name) != value:
            st.query_params[name] = value


def _keep_possible(key: str, options: Sequence[str], default: str) -> None:
    if st.session_state.get(key) not in options:
        st.session_state[key] = default


@st.cache_resource(show_spinner=False, max_entries=4)
def _predictor(folder: Path, changed: tuple[int, ...]) -> models.Predictor:
    return models.load(folder)


def _changed(folder: Path) -> tuple[int, ...]:
    files = [folder / name for name in ("model.json", "model.onnx")]
    return tuple(file.stat().st_mtime_ns for file in files if file.is_file())


@st.cache_resource(show_spinner=False)
def _known() -> "OrderedDict[str, predictions.Counts | str]":
    """Counts of a model on a frame by content, for all sessions; a text where the frame cannot be scored."""
    return OrderedDict()


def name_of(predictor: models.Predictor, case: predictions.Case, grid: lens.Grid) -> str:
    """Names a model's answer for a frame with this truth, at these slider steps."""
    return f"{predictions.model_mark(predictor)}|{case.identity}|{hash(grid)}"


def _cache(library: Library) -> Path:
    return library.settings.workspace / "cache" / "levels"


def _levels(choice: Choice, predictor: models.Predictor, case: predictions.Case) -> tuple[lens.Levels, mask.Label]:
    image, label = predictions.read(case, choice.library.store, LABEL_SET)
    return levels_of(choice, predictor, case, image), label


def levels_of(choice: Choice, predictor: models.Predictor, case: predictions.Case, image: images.Image) -> lens.Levels:
    """Levels (H, W) of a frame of a choice, kept below the workspace."""
    stacked = predictions.levels(_cache(choice.library), predictor, case, image, choice.grid)
    return predictions.plane(stacked, image.shape[0], choice.index)


def _score(choice: Choice, predictor: models.Predictor, case: predictions.Case) -> "predictions.Counts | str":
    known, name = _known(), name_of(predictor, case, choice.grid)
    if name not in known:
        try:
            level, label = _levels(choice, predictor, case)
            known[name] = predictions.count(level, label, choice.grid)
        except (CloudcoreError, OSError) as error:
            known[name] = str(error)
        while len(known) > MOST_KNOWN:
            known.popitem(last=False)
    return known[name]


def look(choice: Choice) -> View:
    """Levels and label of the frame in view, predicted now if need be, and every count known so far; stops in words."""
    _tell_address(choice)
    known, case = _known(), choice.case
    try:
        level, label = _levels(choice, choice.predictor, case)
        _score(choice, choice.predictor, case)
        if choice.rival_predictor:
            _score(choice, choice.rival_predictor, case)
    except (CloudcoreError, OSError) as error:
        st.error(str(error))
        st.stop()
    found: list[dict[str, predictions.Counts]] = [{}, {}]
    failed: dict[str, str] = {}
    for into, predictor in zip(found, (choice.predictor, choice.rival_predictor), strict=True):
        for one in choice.cases if predictor else ():
            answer = known.get(name_of(predictor, one, choice.grid)) if predictor else None
            if isinstance(answer, predictions.Counts):
                into[one.stem] = answer
            elif answer:
                failed[one.stem] = answer
    marks = _marks(choice)
    at = choice.grid.nearest(marks.threshold, marks.min_size)
    return View(choice, level, label, found[0], found[1], failed, marks, at)


def _marks(choice: Choice) -> Marks:
    marks: Marks | None = st.session_state.get("compare_marks")
    name = f"{choice.model.name}|{choice.pattern}" if choice.several else choice.model.name
    if marks is None or marks.model != name:
        k, m = choice.usual
        order = marks.order + 1 if marks else 1
        marks = Marks(name, choice.grid.thresholds[k], choice.grid.min_sizes[m], order)
        st.session_state["compare_marks"] = marks
    return marks


def show_progress(view: View) -> DeltaGenerator:
    """How many frames are predicted, while some are missing; returns its place for `finish`."""
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
    for predictor, case in missing:
        _score(view.choice, predictor, case)
        done += 1
        slot.progress(done / total, f"{done} of {total} {view.choice.noun}s predicted")
        if time.monotonic() - started > TURN_S:
            break
    st.rerun()


def _missing(choice: Choice) -> tuple[list[tuple[models.Predictor, predictions.Case]], int, int]:
    known, predictors = _known(), [one for one in (choice.predictor, choice.rival_predictor) if one is not None]
    wanted = [(predictor, case) for predictor in predictors for case in choice.cases]
    missing = [(predictor, case) for predictor, case in wanted if name_of(predictor, case, choice.grid) not in known]
    return missing, len(wanted) - len(missing), len(wanted)
