"""The choices of Compare: a model, what it stands against, the frames with truth, and the frame in view."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore import models
from cloudcore.errors import CloudcoreError
from cloudcore.frames import chosen_folder
from cloudcore.settings import Settings
from cloudcore.ui import lens
from cloudcore.ui.compare import known_counts, patterns, predictions
from cloudcore.ui.compare.predictions import Case, Counts
from cloudcore.ui.shared.library import LABEL_SET, Library
from cloudcore.ui.shared.models import load_predictor

ONE, WHOLE = "One frame", "Whole set"
TRUTH = "truth"
BEST = "compare_best"
"""Key of the button [Use best]."""
KINDS = ("mask", "masks")
"""Kinds this page shows; a model of several masks is looked at class by class."""


@dataclass(frozen=True)
class Contender:
    """A model that is looked at: its entry, its predictor, and the place `index` of the class looked at."""

    entry: models.ModelEntry
    predictor: models.Predictor
    index: int = 0

    @property
    def name(self) -> str:
        """The model's name."""
        return self.entry.name

    @property
    def folder(self) -> Path:
        """The model's folder."""
        return self.entry.folder

    @property
    def default(self) -> tuple[float, int]:
        """The model's own (threshold, min_size in px) for the class."""
        return self.predictor.threshold[self.index], self.predictor.min_size[self.index]


@dataclass(frozen=True)
class Choice:
    """What is compared: a model, the rival it may stand against, the frames with truth, and the frame in view.

    `learnt` are the stems that the model was trained on; `counted` are the frames that the set's scores are taken over.
    """

    library: Library
    model: Contender
    rival: Contender | None
    scope: str
    cases: tuple[Case, ...]
    case: Case
    own_frames: bool
    learnt: frozenset[str]
    counted: tuple[Case, ...]
    grid: lens.Grid
    pattern: str = ""

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """The model, and its rival where there is one."""
        return (self.model,) if self.rival is None else (self.model, self.rival)

    @property
    def several(self) -> bool:
        """Whether the model answers several masks, of which one pattern is looked at."""
        return bool(self.pattern)

    @property
    def noun(self) -> str:
        """What is looked at: a frame of the sky, or a satellite image."""
        return "image" if self.several else "frame"

    @property
    def whole(self) -> bool:
        """Whether the scores shown are those of the whole set."""
        return self.scope == WHOLE

    def usual(self, contender: Contender) -> tuple[int, int]:
        """The slider step (k, m) nearest to a contender's default."""
        return self.grid.nearest(*contender.default)


@dataclass(frozen=True)
class Request:
    """What the head row asks for: rival None is the truth, folder "" this app's own frames, pattern "" a sky model.

    every asks to count the frames that the model was trained on, too.
    """

    model: models.ModelEntry
    rival: models.ModelEntry | None
    scope: str
    pattern: str
    folder: str
    every: bool


def choose(library: Library, head: DeltaGenerator) -> Choice:
    """Draw the head row's choices and return what was chosen; stops the page in words where there is nothing."""
    entries = _entries(library.settings)
    if not entries:
        st.info("No model yet. Train one.")
        st.page_link("pages/train.py", label="Train")
        st.stop()
    _read_address()
    if st.session_state.pop("compare_open_one", False):
        st.session_state["compare_scope"] = ONE
    with head:
        request = _ask(entries)
    try:
        return _resolve(library, request)
    except CloudcoreError as error:
        st.error(str(error))
        st.stop()


def _entries(settings: Settings) -> list[models.ModelEntry]:
    """The models this page shows; a name means the first model that has it, as in models.load."""
    named = {entry.name: entry for entry in reversed(models.available(settings)) if entry.kind in KINDS}
    return list(reversed(named.values()))


def _ask(entries: Sequence[models.ModelEntry]) -> Request:
    """Draw the widgets of the head row and return what they ask for."""
    named = {entry.name: entry for entry in entries}
    model = named[_ask_model(list(named))]
    alike = [e.name for e in entries if e.kind == model.kind and e.info.classes == model.info.classes]
    against = _ask_against([TRUTH, *(name for name in alike if name != model.name)])
    scope = _ask_scope(model.kind)
    pattern = patterns.choose_pattern(tuple(model.info.classes)) if model.kind == "masks" else ""
    with st.popover("Images" if pattern else "Frames"):
        folder, every = patterns.ask_images() if pattern else _ask_frames()
    return Request(model, named.get(against) if against != TRUTH else None, scope, pattern, folder, every)


def _ask_model(names: Sequence[str]) -> str:
    _keep_possible("compare_model", names, names[0])
    return str(
        st.selectbox(
            "Model", names, key="compare_model", persist_state="session", label_visibility="collapsed", width=170
        )
    )


def _ask_against(others: Sequence[str]) -> str:
    _keep_possible("compare_against", others, TRUTH)
    return str(
        st.selectbox(
            "Against",
            others,
            key="compare_against",
            persist_state="session",
            format_func=lambda name: f"against {name}",
            label_visibility="collapsed",
            width=145,
        )
    )


def _ask_scope(kind: str) -> str:
    return str(
        st.segmented_control(
            "Scores of",
            (ONE, WHOLE),
            default=ONE,
            required=True,
            key="compare_scope",
            persist_state="session",
            format_func=lambda words: words.replace("frame", "image") if kind == "masks" else words,
            label_visibility="collapsed",
        )
    )


def _ask_frames() -> tuple[str, bool]:
    folder = st.text_input(
        "Data folder",
        key="compare_folder",
        persist_state="session",
        placeholder="this app's frames",
        help="A folder with images/ and masks/, or with a pairs.csv. Empty: the frames of this app that have truth.",
    )
    every = st.toggle(
        "Count frames it was trained on",
        key="compare_every",
        persist_state="session",
        help="Left out of the set's scores unless you ask: a model knows what it learnt from.",
    )
    return folder.strip(), bool(every)


def _resolve(library: Library, request: Request) -> Choice:
    """Load the models, list the frames, find the one in view; stops where there is no truth. Raises CloudcoreError."""
    model = _contender(request.model, request.pattern)
    rival = None if request.rival is None else _contender(request.rival, request.pattern)
    cases = _cases(library, request)
    case = _asked_case(library, cases, request.pattern)
    learnt = frozenset(one.stem for one in cases if predictions.trained_on(model.predictor, one))
    counted = tuple(one for one in cases if request.every or one.stem not in learnt)
    grid = (patterns.GRID if request.pattern else lens.Grid()).with_step(*model.default)
    if rival is not None:
        grid = grid.with_step(*rival.default)
    return Choice(
        library,
        model,
        rival,
        request.scope,
        cases,
        case or _worst(counted or cases, model, grid),
        own_frames=not (request.folder or request.pattern),
        learnt=learnt,
        counted=counted,
        grid=grid,
        pattern=request.pattern,
    )


def _contender(entry: models.ModelEntry, pattern: str) -> Contender:
    predictor = load_predictor(entry.folder)
    return Contender(entry, predictor, predictor.classes.index(pattern) if pattern else 0)


def _cases(library: Library, request: Request) -> tuple[Case, ...]:
    if request.pattern:
        return tuple(patterns.cases(library.settings, request.folder, request.pattern))
    if request.folder:
        return tuple(predictions.cases_of_folder(chosen_folder.check_folder(request.folder)))
    return tuple(predictions.cases(library.frames, library.frames_folder, library.store, LABEL_SET, library.hashes.of))


def _asked_case(library: Library, cases: Sequence[Case], pattern: str) -> Case | None:
    """The frame that was asked for; says where a frame of the sky has no truth, and stops where no frame has."""
    asked = st.session_state.get("compare_frame")
    found = next((case for case in cases if case.stem == asked), None)
    if found is None and (asked or not cases) and not pattern:
        _say_no_truth(library, asked)
        if not cases:
            st.stop()
    return found


def _say_no_truth(library: Library, stem: str | None) -> None:
    st.info("No truth for this frame. Paint it, or choose another.")
    query = {"frame": stem} if stem and library.frame(stem) else None
    st.page_link("pages/paint.py", label="Paint it", query_params=query)
    st.session_state.pop("compare_frame", None)


def _worst(cases: Sequence[Case], model: Contender, grid: lens.Grid) -> Case:
    """The frame of the lowest Dice at the model's default, once all are known; the first until then."""
    at = grid.nearest(*model.default)
    answers = [known_counts.find(model.predictor, case, grid) for case in cases]
    if None in answers:
        return cases[0]
    scored = [(float(a.dice()[at]), case) for a, case in zip(answers, cases, strict=True) if isinstance(a, Counts)]
    return min(scored, key=lambda pair: pair[0])[1] if scored else cases[0]


def _read_address() -> None:
    """Take model and frame from the address when the page is entered; later the address follows the page.

    A run asked for by the browser may still carry the address from before the last one, so it is not looked at again.
    A button's state is dropped when its page is left, which tells an entry.
    """
    if BEST in st.session_state:
        return
    for name in ("model", "frame"):
        if name in st.query_params:
            st.session_state[f"compare_{name}"] = st.query_params[name]


def write_address(choice: Choice) -> None:
    """Put model, frame and pattern into the address, so that a reload and a link show the same."""
    query = {"model": choice.model.name, "frame": choice.case.stem}
    if choice.pattern:
        query[patterns.PATTERN] = choice.pattern
    for name, value in query.items():
        if st.query_params.get(name) != value:
            st.query_params[name] = value


def _keep_possible(key: str, options: Sequence[str], default: str) -> None:
    if st.session_state.get(key) not in options:
        st.session_state[key] = default


def show_count(choice: Choice) -> None:
    """Say how many frames there are and how many were left out, at the right of the head row."""
    if choice.several:  # the table says how many and how many were left out: the row is full
        return
    words = [f"{len(choice.cases)} {'frame' if len(choice.cases) == 1 else 'frames'} with truth"]
    if len(choice.counted) < len(choice.cases):
        words.append(f"{len(choice.cases) - len(choice.counted)} left out: trained on")
    st.caption(", ".join(words), width="content")


def paint_button(choice: Choice) -> None:
    """Offer Open in Paint (O), with the prediction as initial mask; satellite images are not painted."""
    if choice.several:
        return
    why = None if choice.own_frames else "Only this app's frames can be painted: choose that folder on Overview."
    if st.button("Open in Paint", shortcut="O", disabled=not choice.own_frames, help=why):
        st.switch_page("pages/paint.py", query_params={"frame": choice.case.stem, "coat": choice.model.name})
