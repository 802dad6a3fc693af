"""The second view of Cloud type: what was confused, the worst photographs of each class, decisions, train again."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from cloudcore import models
from cloudcore.errors import CloudcoreError, DataError
from cloudcore.learning import jobs, starting_weights
from cloudcore.learning.tasks import get_task
from cloudcore.models import class_charts, class_review
from cloudcore.models.class_review import Review, Reviewed
from cloudcore.photographs import decisions, folders
from cloudcore.photographs.decisions import BIN, KEEP, MOVE, Decision
from cloudcore.photographs.genera import find
from cloudcore.ui.cloud_type import view
from cloudcore.ui.shared.library import Library
from cloudcore.ui.shared.models import load_predictor
from cloudcore.ui.shared.widgets import is_dark, stage, thumbnail

SAMPLES, OWN, FOLDER = "Samples", "Labelled here", "Folder"
PARTS = {"All": None, "Learnt from": True, "Held out": False}
COLUMNS, ROWS = 5, 2
EVERY = "Every class"


@dataclass(frozen=True)
class Cleaning:
    """A data folder under review: the review, the decisions that stand, and the model in use."""

    folder: Path
    review: Review
    decided: dict[str, Decision]
    model: models.ModelEntry


def show(library: Library, model: models.ModelEntry) -> None:
    """Draw the whole view: choose a folder, look at the worst, decide, train again."""
    folder = _choose_folder(library)
    if folder is None:
        st.info("Name a folder with a folder for each class.")
        return
    try:
        review = _reviewed(folder, model)
    except CloudcoreError as problem:
        st.error(str(problem))
        return
    cleaning = Cleaning(folder, review, decisions.standing(folder), model)
    left, right = stage(view.INSPECTOR_PX)
    with right:
        cell = _show_confusion(cleaning)
        _show_decisions(cleaning)
        _train_again(cleaning, library)
    with left:
        _show_worst(cleaning, cell)


def _choose_folder(library: Library) -> Path | None:
    own, samples = library.settings.workspace / "photographs", library.settings.samples / "genus"
    options = [name for name, path in ((OWN, own), (SAMPLES, samples)) if path.is_dir()] + [FOLDER]
    with st.container(horizontal=True, vertical_alignment="center"):
        source = st.segmented_control(
            "Data",
            options,
            default=options[0],
            required=True,
            key="cleaner_data",
            persist_state="session",
            label_visibility="collapsed",
        )
        if source != FOLDER:
            return own if source == OWN else samples
        text = st.text_input(
            "Folder",
            key="cleaner_folder",
            persist_state="session",
            placeholder="a folder for each class",
            label_visibility="collapsed",
        )
    return Path(text).expanduser().absolute() if text.strip() else None


def _reviewed(folder: Path, model: models.ModelEntry) -> Review:
    parts = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    changed = tuple(path.stat().st_mtime_ns for path in (model.folder / "model.json", *parts))
    return _review(folder, model.folder, changed)


@st.cache_resource(show_spinner="Looking at every photograph", max_entries=4)
def _review(folder: Path, model: Path, changed: tuple[int, ...]) -> Review:
    return class_review.review(load_predictor(model), folder)


def _code(name: str) -> str:
    genus = find(name)
    return genus.code if genus else name[:6]


def _show_confusion(cleaning: Cleaning) -> tuple[int, int] | None:
    """Draw the confusion matrix of the chosen part; returns the cell that was clicked, (filed, answered), or None."""
    part = PARTS[
        st.segmented_control(
            "Part",
            list(PARTS),
            default="All",
            required=True,
            key="cleaner_part",
            persist_state="session",
            label_visibility="collapsed",
        )
    ]
    photos = cleaning.review.part(part)
    if not photos:
        st.caption("No photograph of this part is in the folder.")
        return None
    classes = cleaning.review.classes
    counts = class_review.matrix(photos, len(classes))
    right = int(counts.trace())
    figure = class_charts.confusion(counts, [_code(name) for name in classes], is_dark())
    alt = f"Confusion matrix of {len(photos)} photographs, {right} on the diagonal"
    event = st.plotly_chart(
        figure,
        theme=None,
        config={"displayModeBar": False},
        width="stretch",
        height=300,
        on_select="rerun",
        selection_mode="points",
        key=f"cleaner_matrix_{part}",
        alt=alt,
    )
    st.caption(f"{right} of {len(photos)} answered as filed. Choose a cell to open its photographs.")
    pairs = class_review.confused_pairs(counts, classes)[:3]
    if pairs:
        most = ", ".join(f"{name} as {answer} {count}" for name, answer, count in pairs)
        st.caption(f"Most confused: {most}.")
    with st.expander("Reliability", type="compact"):
        bins = class_review.reliability(photos)
        st.plotly_chart(
            class_charts.reliability(bins, is_dark()),
            theme=None,
            config={"displayModeBar": False},
            width="stretch",
            height=220,
            key=f"cleaner_reliability_{part}",
            alt="Share right against confidence",
        )
        st.caption(f"n = {len(photos)}; on the dotted line a confidence means what it says.")
    points = event["selection"]["points"]
    return (int(points[0]["customdata"][0]), int(points[0]["customdata"][1])) if points else None


def _chosen(cleaning: Cleaning, cell: tuple[int, int] | None) -> list[Reviewed]:
    photos = cleaning.review.part(PARTS[st.session_state.get("cleaner_part", "All")])
    if cell is not None:
        return [one for one in photos if (one.photo.label, one.predicted) == cell]
    name = st.session_state.get("cleaner_class", EVERY)
    return [one for one in photos if name == EVERY or cleaning.review.classes[one.photo.label] == name]


def _show_worst(cleaning: Cleaning, cell: tuple[int, int] | None) -> None:
    """Draw photographs of a class or cell, the highest loss first, each with its decision and what may be decided."""
    classes = cleaning.review.classes
    with st.container(horizontal=True, vertical_alignment="center"):
        st.selectbox(
            "Class",
            [EVERY, *classes],
            key="cleaner_class",
            persist_state="session",
            label_visibility="collapsed",
            width=200,
            disabled=cell is not None,
        )
        photos = _chosen(cleaning, cell)
        if cell is not None:
            st.caption(f"{classes[cell[0]]} answered {classes[cell[1]]}", width="content")
        st.caption(f"{len(photos)} photographs, highest loss first", width="content")
        st.space("stretch")
        pages = max(1, -(-len(photos) // (COLUMNS * ROWS)))
        key = f"cleaner_page_{cell}_{st.session_state.get('cleaner_class')}"
        page = st.pagination(pages, key=key) if pages > 1 else 1
    shown = photos[(page - 1) * COLUMNS * ROWS : page * COLUMNS * ROWS]
    for start in range(0, len(shown), COLUMNS):
        cells = st.columns(COLUMNS, gap="small", wrap=False)
        for place, one in zip(cells, shown[start : start + COLUMNS], strict=False):
            with place.container(gap="xsmall"):
                _card(cleaning, one)


def _card(cleaning: Cleaning, one: Reviewed) -> None:
    name, answer = (cleaning.review.classes[k] for k in (one.photo.label, one.predicted))
    share = 100 * float(one.probability[one.predicted])
    st.image(thumbnail(one.photo.path), alt=f"{one.photo.stem}: filed {name}, answered {answer}", width="stretch")
    part = "learnt" if one.learnt else "held out"
    st.caption(f"filed {_code(name)}, said {_code(answer)} {share:.0f} %, loss {one.loss:.2f}, {part}")
    decision = cleaning.decided.get(one.photo.stem)
    now = "" if decision is None else _words(decision)
    options = [KEEP, BIN, *(f"{MOVE} to {other}" for other in cleaning.review.classes if other != name)]
    chosen = st.selectbox(
        "Decide",
        options,
        index=options.index(now) if now in options else None,
        placeholder="Decide…",
        key=f"decide-{one.photo.stem}-{decision.at if decision else ''}",
        label_visibility="collapsed",
        format_func=lambda option: {KEEP: "Keep", BIN: "Move to bin"}.get(option, option.capitalize()),
    )
    if chosen and chosen != now:
        what, _, to = chosen.partition(f"{MOVE} to ")
        decisions.decide(cleaning.folder, one.photo.stem, MOVE if to else what, to)
        st.rerun()


def _words(decision: Decision) -> str:
    return f"{MOVE} to {decision.to}" if decision.what == MOVE else decision.what


def _show_decisions(cleaning: Cleaning) -> None:
    """List the decisions that stand, newest first, each with a button that takes it back."""
    decided = sorted(cleaning.decided.values(), key=lambda decision: decision.at, reverse=True)
    binned, moved = (sum(d.what == what for d in decided) for what in (BIN, MOVE))
    st.subheader("Decisions", anchor=False)
    if not decided:
        st.caption("None yet. Files stay where they are; decisions act when training reads the folder.")
        return
    st.caption(f"{binned} in the bin, {moved} moved, {len(decided) - binned - moved} kept. Files stay where they are.")
    with st.expander("All decisions", type="compact", expanded=len(decided) < 4):
        for decision in decided[:60]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(f"{decision.stem}: {_words(decision)}")
                if st.button("Undo", key=f"undo-{decision.stem}", type="tertiary"):
                    decisions.undo(cleaning.folder, decision.stem)
                    st.rerun()


def _train_again(cleaning: Cleaning, library: Library) -> None:
    """Start a training on the folder as decided, from the model in use where its classes are the folder's."""
    if not st.button("Train again", type="primary", key="cleaner_train"):
        return
    try:
        start = _start_name(cleaning)
        options = starting_weights.options_of(start, get_task("genus")) if start else {}
        run = jobs.start("genus", options, cleaning.folder, library.settings, start_from=start)
    except CloudcoreError as problem:
        st.error(str(problem))
        return
    st.success(f"Started {run.name}. Watch it on Train.")
    st.page_link("pages/train.py", label="Train", query_params={"run": run.id})


def _start_name(cleaning: Cleaning) -> str | None:
    try:
        same = folders.list_classes(cleaning.folder) == cleaning.review.classes
    except DataError:
        return None
    return str(cleaning.model.folder) if same else None
