"""The strip of Compare: small error maps of the set, the worst first, each a way to its frame."""

import numpy as np
import streamlit as st

from cloudcore import images
from cloudcore.ui import lens
from cloudcore.ui.compare import known_counts, patterns, predictions, viewer
from cloudcore.ui.compare.counting import View, levels_of
from cloudcore.ui.shared.library import LABEL_SET
from cloudcore.views import render

SORTS = ("Dice", "Cloud error", "Time")
MASK_SORTS = ("Dice", "Area error", "Name")
SIDE_PX = 240
COLUMNS = 6


def show(view: View) -> None:
    """Draw small error maps, the worst first, six a page (twelve for a whole set); a click opens one."""
    rows = 2 if view.choice.whole else 1
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader("Worst first", anchor=False, width="content")
        order = _ask_order(view.choice.several)
        if view.choice.several and not view.choice.whole:
            patterns.ask_on_black()
        st.space("stretch")
        sorted_cases = _sorted(view, order)
        pages = max(1, -(-len(sorted_cases) // (COLUMNS * rows)))
        page = st.pagination(pages, key=f"compare_page_{pages}", width=min(352, 96 + 36 * pages))
    shown = sorted_cases[(page - 1) * COLUMNS * rows : page * COLUMNS * rows]
    opened = lens.thumbs(
        [_thumb(view, case, order) for case in shown],
        view.choice.case.stem,
        key="compare-strip",
        columns=COLUMNS,
        ratio=1.5 if view.choice.several else 1.0,
    )
    if opened is not None and opened != view.choice.case.stem:
        _open(opened, view.choice.whole)
    for stem, why in list(view.failed.items())[:3]:
        st.caption(f"Left out: {stem}. {why}")


def _ask_order(several: bool) -> str:
    sorts = MASK_SORTS if several else SORTS
    return str(
        st.segmented_control(
            "Sorted by",
            sorts,
            default=sorts[0],
            required=True,
            key="compare_mask_sort" if several else "compare_sort",
            persist_state="session",
            label_visibility="collapsed",
        )
    )


def _open(stem: str, from_whole: bool) -> None:
    """Bring a frame into view; from the whole set's scores this leads to those of one frame."""
    st.session_state["compare_frame"] = stem
    if from_whole:
        st.session_state["compare_open_one"] = True
    st.rerun()


def _sorted(view: View, order: str) -> list[predictions.Case]:
    cases = [case for case in view.choice.cases if case.stem in view.found]
    if order == "Time":
        return sorted(cases, key=lambda case: (case.time.timestamp() if case.time else float("inf"), case.stem))
    if order == "Name":
        return sorted(cases, key=lambda case: case.stem)
    if order in ("Cloud error", "Area error"):
        return sorted(cases, key=lambda case: (-abs(_cloud_error(view, case)), case.stem))
    return sorted(cases, key=lambda case: (float(view.found[case.stem].dice()[view.at]), case.stem))


def _cloud_error(view: View, case: predictions.Case) -> float:
    found = predictions.scores(view.found[case.stem].confusion(*view.at)[None])
    return float(found["cloud_predicted"] - found["cloud_truth"])


def _thumb(view: View, case: predictions.Case, order: str) -> lens.Thumb:
    dice = float(view.found[case.stem].dice()[view.at])
    score = f"{_cloud_error(view, case):+.3f}".replace("-", "−") if order.endswith("error") else f"{dice:.3f}"
    _, false, missed, _ = view.found[case.stem].confusion(*view.at)
    thing = view.choice.pattern or "cloud"
    alt = f"Errors of {case.stem}: {false:,} px false {thing}, {missed:,} px missed, Dice {dice:.3f}"
    title = f"{case.stem}, Dice {dice:.3f}{', trained on this' if case.stem in view.choice.learnt else ''}"
    star = " *" if case.stem in view.choice.learnt else ""
    return lens.Thumb(case.stem, _error_picture(view, case), alt, f"{score} · {viewer.called(case)}{star}", title)


def _error_picture(view: View, case: predictions.Case) -> str:
    mark = f"{known_counts.name_of(view.choice.model.predictor, case, view.choice.grid)}|{view.at}"
    return _drawn(mark, view, case)


@st.cache_data(show_spinner=False, max_entries=600)
def _drawn(mark: str, _view: View, _case: predictions.Case) -> str:
    choice = _view.choice
    image, label = predictions.read(_case, choice.library.store, LABEL_SET)
    level = levels_of(choice, choice.model.predictor, _case, image)
    small = images.thumbnail(image, SIDE_PX)
    row = np.linspace(0, label.shape[0] - 1, small.shape[0]).round().astype(int)
    column = np.linspace(0, label.shape[1] - 1, small.shape[1]).round().astype(int)
    parts = (part[np.ix_(row, column)] for part in predictions.masks_at(level, label, choice.grid, *_view.at))
    return render.data_url(images.encode_jpeg(render.error_map(small, *parts)), "image/jpeg")
