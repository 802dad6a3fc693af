"""The table of scores on Compare: of the frame in view, of the set, or of two models side by side."""

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from cloudcore import images
from cloudcore.sky import cloud_amount
from cloudcore.ui.compare import pattern_scores, predictions
from cloudcore.ui.compare.counting import Step, View

Column = tuple[Sequence[predictions.Counts], Step]
"""The counts that a column of scores is taken over, and the slider step at which they are read."""


def show(view: View) -> None:
    """Draw accuracy over its base rate, Dice, IoU, precision, recall, cloud fraction and okta of both."""
    choice, columns = view.choice, _columns(view)
    if choice.several:
        pattern_scores.show(columns, next(iter(columns)) if choice.whole else None)
        _say_set(view)
        return
    every = [_confusions(*column) for column in columns.values()]
    ranges = predictions.intervals(every[0]) if choice.whole and choice.rival is None else {}
    st.html(_table(list(columns), every, ranges, choice.whole))
    _say_set(view)
    step = predictions.thinning(images.shape_hw(choice.case.path))
    if step > 1:
        st.caption(f"This frame is large: shown and scored on every {step}. pixel, each way.")


def _columns(view: View) -> dict[str, Column]:
    """The columns by their heads: two models; else the set, with the frame in view before it while one is looked at."""
    if view.choice.rival is not None:
        return {side.name: (view.in_scope(side), side.at) for side in view.sides}
    counts = view.counted()
    of_set: dict[str, Column] = {f"set, n = {len(counts)}": (counts, view.at)}
    return of_set if view.choice.whole else {view.choice.noun: (view.of_frame(view.model), view.at), **of_set}


def _confusions(counts: Sequence[predictions.Counts], at: Step) -> predictions.Ints:
    return np.array([one.confusion(*at) for one in counts], np.int64).reshape(-1, 4)


_ROWS = (
    ("Accuracy", "accuracy"),
    ("base rate", "base_rate"),
    ("Dice", "dice"),
    ("IoU", "iou"),
    ("Precision", "precision"),
    ("Recall", "recall"),
    ("Cloud, model", "cloud_predicted"),
    ("Cloud, truth", "cloud_truth"),
)
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
