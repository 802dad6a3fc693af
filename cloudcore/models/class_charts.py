"""Figures of a classifier: a confusion matrix whose cells can be chosen, and a reliability diagram. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cloudcore.views import figures


def confusion(
    counts: NDArray[np.int64], names: Sequence[str], dark: bool = False, height: int = 300, cell_px: int = 22
) -> go.Figure:
    """Cells (K, K) that hold something, as squares to select, shaded by share of their row; rows truth, columns answer.

    customdata of a cell is [row, column].
    """
    rows, columns = (axis.tolist() for axis in np.nonzero(counts))
    share = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))[rows, columns]
    figure = figures.figure(dark, height, hovermode="closest", showlegend=False, clickmode="event+select")
    figure.add_trace(
        go.Scatter(
            x=[names[c] for c in columns],
            y=[names[r] for r in rows],
            mode="markers+text",
            text=[str(n) for n in counts[rows, columns]],
            customdata=list(zip(rows, columns, strict=True)),
            textfont={"size": 11, "color": ["#10161A" if s > 0.5 else "#F4F7F8" for s in share]},
            marker={
                "symbol": "square",
                "size": cell_px,
                "color": share,
                "colorscale": "Cividis",
                "cmin": 0,
                "cmax": 1,
                "line": {"width": 0},
            },
            unselected={"marker": {"opacity": 0.6}, "textfont": {"color": "#F4F7F8"}},
            hovertemplate="%{y} answered %{x}: %{text}<extra></extra>",
        )
    )
    axis = {"categoryorder": "array", "categoryarray": list(names), "showgrid": False, "showline": False, "ticks": ""}
    figure.update_xaxes(**axis, title={"text": "Answer"}, range=[-0.6, len(names) - 0.4])
    figure.update_yaxes(**axis, title={"text": "Folder"}, range=[len(names) - 0.4, -0.6])
    figure.update_layout(margin={"l": 40, "t": 6, "r": 6, "b": 40})
    return figure


def reliability(bins: Sequence[Mapping[str, Any]], dark: bool = False, height: int = 220) -> go.Figure:
    """Share right against mean confidence, a dot a filled bin, its area by n; the diagonal is perfect."""
    paint, filled = figures.palette(dark), [row for row in bins if row["n"]]
    figure = figures.figure(dark, height, hovermode="closest", showlegend=False)
    line = {"color": paint["line"], "width": 1.5, "dash": "dot"}
    figure.add_trace(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, hoverinfo="skip"))
    most = max((row["n"] for row in filled), default=1)
    figure.add_trace(
        go.Scatter(
            x=[row["confidence"] for row in filled],
            y=[row["accuracy"] for row in filled],
            mode="markers+lines",
            marker={"size": [6 + 14 * (row["n"] / most) ** 0.5 for row in filled], "color": paint["colours"][0]},
            line={"width": 1.8, "color": paint["colours"][0]},
            customdata=[[row["n"]] for row in filled],
            hovertemplate="confidence %{x:.2f}, right %{y:.2f}, n = %{customdata[0]}<extra></extra>",
        )
    )
    figure.update_xaxes(title={"text": "Confidence"}, range=[0, 1.02])
    figure.update_yaxes(title={"text": "Share right"}, range=[0, 1.05])
    return figure
