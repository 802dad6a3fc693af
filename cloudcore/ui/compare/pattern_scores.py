"""Scores of one pattern on Compare: Dice by the competition's convention, and what of it is credit for nothing."""

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from cloudcore.models import mask_evaluation
from cloudcore.ui.compare import predictions
from cloudcore.ui.compare.counting import Step

_LINE = "border-bottom:1px solid color-mix(in srgb,currentColor 18%,transparent)"
_CELL = f"text-align:right;padding:2px 0 2px 8px;{_LINE}"
_ROWS = (
    ("Dice", "dice", ""),
    ("all empty", "all_empty", "padding-left:8px;opacity:.78"),
    ("from empty", "from_empty", "padding-left:8px;opacity:.78"),
    ("from overlap", "from_overlap", "padding-left:8px;opacity:.78"),
    ("Dice, non-empty", "dice_nonempty", ""),
    ("Empty kept empty", "dice_empty", ""),
    ("Area, model", "area", ""),
    ("Area, truth", "area_truth", ""),
)


def scores(
    counts: Sequence[predictions.Counts], at: Step
) -> dict[str, tuple[float | None, float | None, float | None]]:
    """(value, low, high) of every row over images, all of one pattern; low and high None below 20 images."""
    if not counts:
        return {}
    dice = np.array([[float(one.dice()[at])] for one in counts])
    empty = np.array([[one.truth == 0] for one in counts])
    found: dict[str, tuple[float | None, float | None, float | None]] = {
        name: (row["value"], row["low"], row["high"])
        for name, row in mask_evaluation.score(mask_evaluation.DiceTable(dice, empty)).items()
    }
    tp, false, missed, none = np.sum([one.confusion(*at) for one in counts], axis=0)
    every = tp + false + missed + none
    pairs = {"area": (tp + false, every), "area_truth": (tp + missed, every)}
    return found | {name: (float(a / b) if b else None, None, None) for name, (a, b) in pairs.items()}


def show(columns: dict[str, tuple[Sequence[predictions.Counts], Step]], intervals_of: str | None) -> None:
    """Draw the table: a column for each name of (counts, step), and the interval of one of them where it has any."""
    found = {name: scores(*given) for name, given in columns.items()}
    ranges = found.get(intervals_of or "", {})
    ranged = any(low is not None for _, low, _ in ranges.values())
    heads = [*found, *(["95 %"] if ranged else [])]
    top = "".join(f"<th scope='col' style='{_CELL};font-weight:400;opacity:.78'>{escape(name)}</th>" for name in heads)
    rows = []
    for title, key, style in _ROWS:
        cells = "".join(f"<td style='{_CELL};font-weight:600'>{_text(one.get(key))}</td>" for one in found.values())
        if ranged:
            _, low, high = ranges.get(key, (None, None, None))
            words = "" if low is None else f"{low:.3f}–{high:.3f}"
            cells += f"<td style='{_CELL};opacity:.78;white-space:nowrap'>{words}</td>"
        rows.append(
            f"<tr><th scope='row' style='text-align:left;font-weight:400;{_LINE};{style}'>{title}</th>{cells}</tr>"
        )
    st.html(
        f"<table style='width:100%;border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums'>"
        f"<tr><td style='{_LINE}'></td>{top}</tr>{''.join(rows)}</table>"
    )


def _text(row: tuple[float | None, float | None, float | None] | None) -> str:
    return "–" if row is None or row[0] is None else f"{row[0]:.3f}"
