"""Figures of runs: curves over epochs, and the learning rate's trial."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from cloudcore.views.figures import figure, line, line_mode, points, template, words

_NOT_METRICS = {"epoch", "train_loss", "valid_loss", "learning_rate", "seconds"}
_FIRST_METRICS = ("miou", "dice", "f1", "macro_f1", "accuracy")


def curves(
    histories: Mapping[str, Sequence[Mapping[str, Any]]],
    x: str,
    ys: Sequence[str],
    *,
    dark: bool = False,
    height: int = 280,
    x_title: str | None = None,
    y_title: str | None = None,
) -> go.Figure:
    """Rows of several runs as lines: x and each of ys are keys of a row; rows without a key are skipped.

    A run has one colour; the second and later keys are dashed.
    """
    y_title = y_title or (words(ys[0]) if len(ys) == 1 else "")
    out = figure(dark, height, xaxis_title=x_title or words(x), yaxis_title=y_title)
    for index, (name, rows) in enumerate(histories.items()):
        for at, y in enumerate(ys):
            xy = points(rows, x, y)
            label = name if len(ys) == 1 else f"{name}, {words(y)}"
            style = line(index, dark, True if at else None)
            out.add_scatter(x=xy[0], y=xy[1], name=label, mode=line_mode(xy[0]), line=style, marker={"size": 5})
    out.update_layout(showlegend=len(histories) * len(ys) > 1, margin_t=28 if len(histories) * len(ys) > 1 else 12)
    return out


def training(
    history: Sequence[Mapping[str, Any]],
    *,
    metric: str | None = None,
    dark: bool = False,
    height: int = 300,
) -> go.Figure:
    """Loss (left axis) and one metric (right axis, 0..1) of a run over its epochs, from the rows of history.jsonl.

    metric None takes the first known of mIoU, Dice, F1, accuracy, else the first key that is no loss.
    """
    names = [key for row in history for key in row if key not in _NOT_METRICS]
    chosen = metric or next((name for name in _FIRST_METRICS if name in names), names[0] if names else None)
    out = figure(dark, height, xaxis_title="epoch", yaxis_title="loss", margin={"l": 48, "t": 28, "r": 48, "b": 40})
    for index, (key, label) in enumerate([("train_loss", "training loss"), ("valid_loss", "validation loss")]):
        xy = points(history, "epoch", key)
        if xy[0]:
            style = line(0, dark, dashed=index > 0)
            out.add_scatter(x=xy[0], y=xy[1], name=label, mode=line_mode(xy[0]), line=style, marker={"size": 5})
    if chosen:
        xy = points(history, "epoch", chosen)
        out.add_scatter(
            x=xy[0],
            y=xy[1],
            name=words(chosen),
            mode=line_mode(xy[0]),
            yaxis="y2",
            line=line(1, dark, dashed=False),
            marker={"size": 5},
        )
        axis = template(dark).layout.yaxis.to_plotly_json()
        axis.update(overlaying="y", side="right", showgrid=False, range=[0, 1.02], tickmode="linear", dtick=0.2)
        axis["title"] = {**axis.get("title", {}), "text": words(chosen)}
        out.update_layout(yaxis2=axis)
    if len(history) <= 12:
        out.update_xaxes(dtick=1)
    return out


def rate_trial(
    rates: Sequence[float],
    losses: Sequence[float],
    suggestions: Mapping[str, float],
    *,
    dark: bool = False,
    height: int = 180,
) -> go.Figure:
    """Smoothed loss over the learning rate tried (logarithmic), each suggestion a labelled vertical line."""
    out = figure(dark, height, xaxis_title="learning rate", yaxis_title="loss")
    out.add_scatter(x=list(rates), y=list(losses), mode="lines", line=line(0, dark, dashed=False), name="loss")
    out.update_xaxes(type="log", exponentformat="power", dtick=1)
    low = min(losses)
    out.update_yaxes(range=[low - 0.05 * abs(low), min(max(losses), 3 * abs(losses[0]))])
    for number, (name, rate) in enumerate(suggestions.items()):
        out.add_vline(
            x=rate,
            line={"width": 1, "dash": "dot"},
            annotation_text=name,
            annotation_position=("top left", "top right", "bottom right")[number % 3],
        )
    out.update_layout(showlegend=False)
    return out


def learning_rate(history: Sequence[Mapping[str, Any]], *, dark: bool = False, height: int = 120) -> go.Figure:
    """The learning rate of a run over its epochs on a logarithmic axis."""
    xy = points(history, "epoch", "learning_rate")
    out = figure(dark, height, xaxis_title="epoch", yaxis_title="learning rate")
    out.add_scatter(x=xy[0], y=xy[1], name="learning rate", mode=line_mode(xy[0]), line=line(0, dark))
    out.update_yaxes(type="log", exponentformat="power", nticks=4)
    return out
