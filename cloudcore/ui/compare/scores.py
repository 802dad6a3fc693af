"""What the Compare page shows of a view: the strip of the worst, the table of scores, surface and curve."""

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from cloudcore import images
from cloudcore.models import charts
from cloudcore.sky import cloud_amount
from cloudcore.ui import lens
from cloudcore.ui.compare import pattern_scores, patterns, predictions, selection, viewer
from cloudcore.ui.compare.selection import Choice, View
from cloudcore.ui.shared.library import LABEL_SET
from cloudcore.ui.shared.widgets import is_dark
from cloudcore.views import figures, render

SORTS = ("Dice", "Cloud error", "Time")
MASK_SORTS = ("Dice", "Area error", "Name")
SIDE_PX = 240
COLUMNS = 6


def status(choice: Choice) -> None:
    """How many frames there are and how many were left out, at the right of the head row."""
    if choice.several:  # the table says how many and how many were left out: the row is full
        return
    words = [f"{len(choice.cases)} {'frame' if len(choice.cases) == 1 else 'frames'} with truth"]
    if len(choice.counted) < len(choice.cases):
        words.append(f"{len(choice.cases) - len(choice.counted)} left out: trained on")
    st.caption(", ".join(words), width="content")


def paint_button(choice: Choice) -> None:
    """Open in Paint (O), with the prediction as first coat; satellite images are not painted."""
    if choice.several:
        return
    why = None if choice.own_frames else "Only this app's frames can be painted: choose that folder on Overview."
    if st.button("Open in Paint", shortcut="O", disabled=not choice.own_frames, help=why):
        st.switch_page("pages/paint.py", query_params={"frame": choice.case.stem, "coat": choice.model.name})


def show_strip(view: View) -> None:
    """Small error maps, the worst first, six a page (twelve for a whole set); a click opens one."""
    rows = 2 if view.choice.whole else 1
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader("Worst first", anchor=False, width="content")
        sorts = MASK_SORTS if view.choice.several else SORTS
        order = st.segmented_control(
            "Sorted by",
            sorts,
            default=sorts[0],
            required=True,
            key="compare_mask_sort" if view.choice.several else "compare_sort",
            persist_state="session",
            label_visibility="collapsed",
        )
        if view.choice.several and not view.choice.whole:
            patterns.ask_on_black()
        st.space("stretch")
        sorted_cases = _sorted(view, str(order))
        pages = max(1, -(-len(sorted_cases) // (COLUMNS * rows)))
        page = st.pagination(pages, key=f"compare_page_{pages}", width=min(352, 96 + 36 * pages))
    here = sorted_cases[(page - 1) * COLUMNS * rows : page * COLUMNS * rows]
    opened = lens.thumbs(
        [_thumb(view, case, str(order)) for case in here],
        view.choice.case.stem,
        key="compare-strip",
        columns=COLUMNS,
        ratio=1.5 if view.choice.several else 1.0,
    )
    if opened is not None and opened != view.choice.case.stem:
        st.session_state["compare_frame"] = opened
        if view.choice.whole:
            st.session_state["compare_open_one"] = True
        st.rerun()
    for stem, why in list(view.failed.items())[:3]:
        st.caption(f"Left out: {stem}. {why}")


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
    mark = f"{selection.name_of(view.choice.predictor, case, view.choice.grid)}|{view.at}"
    return _drawn(mark, view, case)


@st.cache_data(show_spinner=False, max_entries=600)
def _drawn(mark: str, _view: View, _case: predictions.Case) -> str:
    choice = _view.choice
    image, label = predictions.read(_case, choice.library.store, LABEL_SET)
    level = selection.levels_of(choice, choice.predictor, _case, image)
    small = images.thumbnail(image, SIDE_PX)
    row = np.linspace(0, label.shape[0] - 1, small.shape[0]).round().astype(int)
    column = np.linspace(0, label.shape[1] - 1, small.shape[1]).round().astype(int)
    parts = (part[np.ix_(row, column)] for part in predictions.masks_at(level, label, choice.grid, *_view.at))
    return render.data_url(images.encode_jpeg(render.error_map(small, *parts)), "image/jpeg")


def show_scores(view: View) -> None:
    """Accuracy with the base rate under it, Dice, IoU, precision, recall, cloud fraction and okta of both."""
    choice = view.choice
    if choice.several:
        _show_mask_scores(view)
        return
    every = [_confusions(view.counted(), view.at)]
    names = [f"set, n = {len(every[0])}"]
    if choice.rival is not None:
        names = [choice.model.name, choice.rival.name]
        every = [_confusions(view.counted(rival), at) for rival, at in ((False, view.at), (True, choice.rival_usual))]
        if not choice.whole:
            every = [_frame(view, False), _frame(view, True)]
    elif not choice.whole:
        names, every = ["frame", *names], [_frame(view, False), *every]
    ranges = predictions.intervals(every[0]) if choice.whole and choice.rival is None else {}
    st.html(_table(names, every, ranges, choice.whole))
    _say_set(view)
    step = predictions.thinning(images.shape_hw(choice.case.path))
    if step > 1:
        st.caption(f"This frame is large: shown and scored on every {step}. pixel, each way.")


def _show_mask_scores(view: View) -> None:
    """Dice with its two parts and what an all-empty answer scores, of the image and of the set, or of two models."""
    choice, mine = view.choice, view.counted()
    own = f"set, n = {len(mine)}"
    columns: dict[str, tuple[Sequence[predictions.Counts], tuple[int, int]]] = {own: (mine, view.at)}
    if choice.rival is not None:
        chosen = [view.counted(rival) if choice.whole else _one(view, rival) for rival in (False, True)]
        own = choice.model.name
        columns = {own: (chosen[0], view.at), choice.rival.name: (chosen[1], choice.rival_usual)}
    elif not choice.whole:
        columns = {"image": (_one(view, False), view.at), **columns}
    pattern_scores.show(columns, own if choice.whole else None)
    _say_set(view)


def _one(view: View, rival: bool) -> list[predictions.Counts]:
    counts = (view.rival_found if rival else view.found).get(view.choice.case.stem)
    return [counts] if counts else []


def _frame(view: View, rival: bool) -> predictions.Ints:
    known, at = (view.rival_found, view.choice.rival_usual) if rival else (view.found, view.at)
    counts = known.get(view.choice.case.stem)
    return _confusions([counts] if counts else [], at)


def _confusions(counts: Sequence[predictions.Counts], at: tuple[int, int]) -> predictions.Ints:
    return np.array([one.confusion(*at) for one in counts], np.int64).reshape(-1, 4)


_ROWS = (
    ("Accuracy", "accuracy"), ("base rate", "base_rate"), ("Dice", "dice"), ("IoU", "iou"), ("Precision", "precision"),
    ("Recall", "recall"), ("Cloud, model", "cloud_predicted"), ("Cloud, truth", "cloud_truth"),
)  # fmt: skip
_SET_ROWS = (*_ROWS, ("mIoU", "miou"), ("Cloud error", "cloud_error"))


def _table(
    names: Sequence[str], every: Sequence[predictions.Ints], ranges: dict[str, tuple[float, float]], whole: bool
) -> str:
    line = "border-bottom:1px solid color-mix(in srgb,currentColor 18%,transparent)"
    cell = f"style='text-align:right;padding:2px 0 2px 8px;{line}"
    heads = "".join(
        f"<th scope='col' {cell};font-weight:400;opacity:.78'>{escape(name)}</th>"
        for name in (*names, *(["95 %"] if ranges else []))
    )
    found = [predictions.scores(one) if len(one) else {} for one in every]
    rows = []
    for title, name in _SET_ROWS if whole else _ROWS:
        indent = "padding-left:8px;opacity:.78" if name == "base_rate" else ""
        values = "".join(f"<td {cell};font-weight:600'>{_value(name, one)}</td>" for one in found)
        if ranges:
            low, high = ranges.get(name, (float("nan"), float("nan")))
            values += f"<td {cell};opacity:.78;white-space:nowrap'>{low:.3f}–{high:.3f}</td>"
        style = f"text-align:left;font-weight:400;{line};{indent}"
        rows.append(f"<tr><th scope='row' style='{style}'>{title}</th>{values}</tr>")
    return (
        f"<table style='width:100%;border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums'>"
        f"<tr><td style='{line}'></td>{heads}</tr>{''.join(rows)}</table>"
    )


def _value(name: str, found: dict[str, float]) -> str:
    value = found.get(name, float("nan"))
    if not np.isfinite(value):
        return "–"
    if name in ("cloud_predicted", "cloud_truth"):
        okta = cloud_amount.okta(float(value))
        return f"{value:.3f} · {okta} {'okta' if okta == 1 else 'oktas'}"
    return f"{value:.3f}"


def _say_set(view: View) -> None:
    choice, known = view.choice, len(view.counted())
    words = []
    if known < len(choice.counted):
        words.append(f"{known} of {len(choice.counted)} {choice.noun}s so far")
    elif choice.whole and known < predictions.SMALLEST_N:
        words.append(f"No interval: {known} {choice.noun}s are fewer than {predictions.SMALLEST_N}")
    if len(choice.counted) < len(choice.cases):
        words.append(f"{len(choice.cases) - len(choice.counted)} it was trained on (*) left out")
    elif choice.learnt:
        words.append(f"{len(choice.learnt)} it was trained on (*) counted")
    if words:
        st.caption(". ".join(words) + ".")


def show_surface(view: View) -> None:
    """Dice over threshold x min_size and precision against recall, each behind a tab; then the two buttons."""
    choice, dice = view.choice, viewer.surface(view)
    best = viewer.best_of(view, dice)
    surface, curve = st.tabs(["Dice surface", "Precision–recall"])
    with surface:
        figure = charts.surface(
            dice,
            choice.grid.thresholds,
            choice.grid.min_sizes,
            (view.marks.threshold, view.marks.min_size),
            best[:2],
            dark=is_dark(),
        )
        st.plotly_chart(
            figure,
            theme=None,
            config=figures.CONFIG,
            key="compare-surface",
            alt=f"Dice is best, {best[2]:.3f}, at threshold {best[0]:.2f} and {best[1]:,.0f} px",
        )
    with curve:
        show_curve(view, 216, "compare-curve")
    with st.container(horizontal=True, gap="xsmall"):
        if st.button(f"Use best: {best[0]:.2f}, {best[1]:,.0f} px", key=selection.BEST):
            viewer.use(view, best[0], best[1])
            st.rerun()
        if st.button("Save as default", type="tertiary", help="Writes the sliders' values into the model"):
            viewer.save_default(view)


def show_curve(view: View, height: int, key: str) -> None:
    """Precision against recall over all thresholds at the sliders' smallest cloud; of both models if there are two."""
    choice = view.choice
    lines: dict[str, tuple[predictions.Floats, predictions.Floats]] = {}
    here: dict[str, tuple[float, float]] = {}
    pairs = [(choice.model.name, False, view.at)]
    if choice.rival is not None:
        pairs.append((choice.rival.name, True, choice.rival_usual))
    base = None
    for name, rival, (k, m) in pairs:
        counts = _pooled_or_frame(view, rival)
        if counts is None or not counts.truth:
            continue
        kept = counts.predicted[:, m] > 0
        precision = counts.hit[kept, m] / counts.predicted[kept, m]
        lines[name] = (precision, counts.hit[kept, m] / counts.truth)
        base = counts.truth / max(counts.defined, 1)
        if counts.predicted[k, m]:
            here[name] = (counts.hit[k, m] / counts.predicted[k, m], counts.hit[k, m] / counts.truth)
    if not lines:
        st.caption(f"No {choice.pattern or 'cloud'} in the truth: precision and recall say nothing here.")
        return
    figure = charts.precision_recall(lines, here, base, dark=is_dark(), height=height)
    said = "; ".join(f"{name}: precision {p:.3f}, recall {r:.3f}" for name, (p, r) in here.items())
    st.plotly_chart(figure, theme=None, config=figures.CONFIG, key=key, alt=f"Precision against recall. {said}")


def _pooled_or_frame(view: View, rival: bool) -> predictions.Counts | None:
    if view.choice.whole:
        return viewer.pooled(view.counted(rival))
    return (view.rival_found if rival else view.found).get(view.choice.case.stem)


def show_whole(view: View) -> None:
    """A set at a glance: precision against recall, and each frame's cloud fraction against the truth."""
    left, right = st.columns(2, gap="small")
    with left:
        show_curve(view, 330, "compare-set-curve")
    with right:
        cases = [case for case in view.choice.counted if case.stem in view.found]
        found = [predictions.scores(view.found[case.stem].confusion(*view.at)[None]) for case in cases]
        truth, model = ([float(one[name]) for one in found] for name in ("cloud_truth", "cloud_predicted"))
        error = float(np.mean(np.abs(np.array(truth) - np.array(model)))) if cases else float("nan")
        names, thing = [viewer.called(case) for case in cases], view.choice.pattern or "Cloud"
        figure = charts.fractions(truth, model, names, dark=is_dark(), height=330)
        if view.choice.several:
            figure.update_layout(xaxis_title=f"{thing}, truth", yaxis_title=f"{thing}, model")
        st.plotly_chart(
            figure,
            theme=None,
            config=figures.CONFIG,
            key="compare-fractions",
            alt=f"{thing} fraction of {len(cases)} {view.choice.noun}s, mean error {error:.3f}",
        )
