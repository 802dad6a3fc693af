"""Plotly figures in the house's own template. Pure: numbers in, a Figure out; shown with theme=None, config=CONFIG."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

CONFIG: dict[str, Any] = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset", "showTips": False}
FONT = '"Source Sans", sans-serif'  # quoted, or the browser falls back
_LIGHT = {
    "text": "#1B262D",
    "grey": "#52626D",
    "grid": "#DFE5E9",
    "line": "#CBD5DB",
    "paper": "#FBFCFC",
    "colours": ["#1B6384", "#6B4405", "#959500", "#0897ED"],
}
_DARK = {
    "text": "#D3DCE2",
    "grey": "#98A7B2",
    "grid": "#2A343C",
    "line": "#36424B",
    "paper": "#12171B",
    "colours": ["#6FB7D6", "#EE5C8B", "#909B28", "#E1D89C"],
}
_NOT_METRICS = {"epoch", "train_loss", "valid_loss", "learning_rate", "seconds"}
_FIRST_METRICS = ("miou", "dice", "f1", "macro_f1", "accuracy")


def palette(dark: bool) -> Mapping[str, Any]:
    """The chart colours of a theme: text, grey, grid, line, paper and the list colours."""
    return _DARK if dark else _LIGHT


def template(dark: bool = False) -> go.layout.Template:
    """The layout all figures share: transparent, quiet grid, ticks outside, no animation."""
    paint = palette(dark)
    axis = {
        "gridcolor": paint["grid"],
        "linecolor": paint["line"],
        "tickcolor": paint["line"],
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "tickfont": {"size": 12, "color": paint["grey"]},
        "automargin": False,
        "title": {"font": {"size": 12, "color": paint["text"]}, "standoff": 6},
        "showline": True,
        "fixedrange": True,
    }
    layout = go.Layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        colorway=paint["colours"],
        font={"family": FONT, "size": 13, "color": paint["text"]},
        margin={"l": 48, "t": 12, "r": 12, "b": 40},
        transition={"duration": 0},
        hovermode="x unified",
        xaxis=axis,
        yaxis=axis,
        separators=".,",
        hoverlabel={
            "font": {"family": FONT, "size": 12, "color": paint["text"]},
            "bgcolor": paint["paper"],
            "bordercolor": paint["line"],
        },
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"size": 12},
            "bgcolor": "rgba(0,0,0,0)",
        },
    )
    return go.layout.Template(layout=layout)


def figure(dark: bool = False, height: int = 280, **layout: Any) -> go.Figure:
    """An empty figure with the template; height in px, any other layout field by name."""
    out = go.Figure()
    out.update_layout(template=template(dark), height=height, **layout)
    return out


def line(colour_index: int, dark: bool = False, dashed: bool | None = None) -> dict[str, Any]:
    """Line style number i: 1.8 px, dashed after the second (or as told)."""
    colours = palette(dark)["colours"]
    dash = "dash" if (colour_index >= 2 if dashed is None else dashed) else "solid"
    return {"width": 1.8, "color": colours[colour_index % len(colours)], "dash": dash}


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
    y_title = y_title or (_words(ys[0]) if len(ys) == 1 else "")
    out = figure(dark, height, xaxis_title=x_title or _words(x), yaxis_title=y_title)
    for index, (name, rows) in enumerate(histories.items()):
        for at, y in enumerate(ys):
            points = _points(rows, x, y)
            label = name if len(ys) == 1 else f"{name}, {_words(y)}"
            style = line(index, dark, True if at else None)
            out.add_scatter(x=points[0], y=points[1], name=label, mode=_mode(points[0]), line=style, marker={"size": 5})
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
        points = _points(history, "epoch", key)
        if points[0]:
            style = line(0, dark, dashed=index > 0)
            out.add_scatter(x=points[0], y=points[1], name=label, mode=_mode(points[0]), line=style, marker={"size": 5})
    if chosen:
        points = _points(history, "epoch", chosen)
        out.add_scatter(
            x=points[0],
            y=points[1],
            name=_words(chosen),
            mode=_mode(points[0]),
            yaxis="y2",
            line=line(1, dark, dashed=False),
            marker={"size": 5},
        )
        axis = template(dark).layout.yaxis.to_plotly_json()
        axis.update(overlaying="y", side="right", showgrid=False, range=[0, 1.02], tickmode="linear", dtick=0.2)
        axis["title"] = {**axis.get("title", {}), "text": _words(chosen)}
        out.update_layout(yaxis2=axis)
    if len(history) <= 12:
        out.update_xaxes(dtick=1)
    return out


def rate_trial(
    rates: Sequence[float], losses: Sequence[float], suggestions: Mapping[str, float], *, dark: bool = False,
    height: int = 180,
) -> go.Figure:  # fmt: skip
    """Smoothed loss over the learning rate tried (logarithmic), each suggestion a labelled vertical line."""
    out = figure(dark, height, xaxis_title="learning rate", yaxis_title="loss")
    out.add_scatter(x=list(rates), y=list(losses), mode="lines", line=line(0, dark, dashed=False), name="loss")
    out.update_xaxes(type="log", exponentformat="power", dtick=1)
    low = min(losses)
    out.update_yaxes(range=[low - 0.05 * abs(low), min(max(losses), 3 * abs(losses[0]))])
    for number, (name, rate) in enumerate(suggestions.items()):
        out.add_vline(x=rate, line={"width": 1, "dash": "dot"}, annotation_text=name,
                      annotation_position=("top left", "top right", "bottom right")[number % 3])  # fmt: skip
    out.update_layout(showlegend=False)
    return out


def learning_rate(history: Sequence[Mapping[str, Any]], *, dark: bool = False, height: int = 120) -> go.Figure:
    """The learning rate of a run over its epochs on a logarithmic axis."""
    points = _points(history, "epoch", "learning_rate")
    out = figure(dark, height, xaxis_title="epoch", yaxis_title="learning rate")
    out.add_scatter(x=points[0], y=points[1], name="learning rate", mode=_mode(points[0]), line=line(0, dark))
    out.update_yaxes(type="log", exponentformat="power", nticks=4)
    return out


SMALLEST_SPAN = 0.01
"""Dice that the colours of a surface span at least: less is no difference worth a colour."""


def surface(
    table: FloatArray,
    thresholds: Sequence[float],
    min_sizes: Sequence[int],
    here: tuple[float, float] | None = None,
    best: tuple[float, float] | None = None,
    *,
    dark: bool = False,
    height: int = 176,
) -> go.Figure:
    """Dice over threshold x min_size: table is float (T, M); here (+) and best (o) are (threshold, min_size px).

    The colours reach from the lower quartile of the table up, as the far corners are never where one looks; from the
    lowest value where the quartile is as good as the best.
    """
    paint, low, high = palette(dark), float(np.nanpercentile(table, 25)), float(np.nanmax(table))
    if high - low < SMALLEST_SPAN:
        low = min(float(np.nanmin(table)), high - SMALLEST_SPAN)
    out = figure(
        dark,
        height,
        xaxis_title="threshold",
        yaxis_title="px",
        hovermode="closest",
        showlegend=False,
        margin={"l": 48, "t": 8, "r": 4, "b": 40},
    )
    bar = {"thickness": 8, "outlinewidth": 0, "nticks": 4, "tickfont": {"size": 12, "color": paint["grey"]}, "xpad": 8}
    out.add_heatmap(
        z=np.asarray(table).T,
        x=list(thresholds),
        y=list(range(len(min_sizes))),
        colorscale="Cividis",
        zmin=low,
        zmax=high,
        colorbar=bar,
        customdata=np.repeat(np.asarray(min_sizes)[:, None], len(thresholds), axis=1),
        hovertemplate="threshold %{x:.2f}, %{customdata} px<br>Dice %{z:.3f}<extra></extra>",
    )
    for point, symbol, size in ((here, "cross-thin", 13), (best, "circle-open", 11)):
        if point is not None:
            at = float(np.interp(point[1], list(min_sizes), range(len(min_sizes))))
            for width, colour in ((4.5, "rgba(8,12,16,.75)"), (2.0, "#FFFFFF")):
                marker = {"symbol": symbol, "size": size, "color": colour, "line": {"width": width, "color": colour}}
                out.add_scatter(x=[point[0]], y=[at], mode="markers", marker=marker, hoverinfo="skip")
    shown = _spread(len(min_sizes), 4)
    out.update_xaxes(showgrid=False, range=[thresholds[0], thresholds[-1]], constrain="domain")
    out.update_yaxes(showgrid=False, tickvals=shown, ticktext=[f"{min_sizes[at]:,}" for at in shown])
    return out


def precision_recall(
    lines: Mapping[str, tuple[FloatArray, FloatArray]],
    here: Mapping[str, tuple[float, float]] | None = None,
    base_rate: float | None = None,
    *,
    dark: bool = False,
    height: int = 260,
) -> go.Figure:
    """Precision against recall: lines maps a name to (precision, recall) over the thresholds; here marks a point each.

    base_rate, the share of cloud, is what a blind guess gets; it is drawn dotted. All are 0..1.
    """
    paint = palette(dark)
    out = figure(dark, height, xaxis_title="recall", yaxis_title="precision", hovermode="closest")
    for index, (name, (precision, recall)) in enumerate(lines.items()):
        text = name + "<br>recall %{x:.3f}, precision %{y:.3f}<extra></extra>"
        out.add_scatter(x=recall, y=precision, name=name, mode="lines", line=line(index, dark), hovertemplate=text)
        if here and name in here:
            colour = line(index, dark)["color"]
            marker = {"size": 9, "color": colour, "line": {"width": 2, "color": paint["paper"]}}
            out.add_scatter(
                x=[here[name][1]],
                y=[here[name][0]],
                mode="markers",
                marker=marker,
                showlegend=False,
                hovertemplate=text,
            )
    if base_rate is not None:
        out.add_hline(
            y=base_rate,
            line={"width": 1, "dash": "dot", "color": paint["grey"]},
            annotation_text="base rate",
            annotation_position="bottom left",
            annotation_font={"size": 12, "color": paint["grey"]},
        )
    out.update_layout(showlegend=len(lines) > 1, margin_t=28 if len(lines) > 1 else 12)
    out.update_xaxes(range=[0, 1.01])
    out.update_yaxes(range=[0, 1.01])
    return out


def fractions(
    truth: Sequence[float],
    predicted: Sequence[float],
    names: Sequence[str],
    *,
    dark: bool = False,
    height: int = 260,
) -> go.Figure:
    """Predicted against true cloud fraction, 0..1, a point a frame; the line is where both agree."""
    paint = palette(dark)
    out = figure(dark, height, xaxis_title="cloud, truth", yaxis_title="cloud, model", hovermode="closest")
    agree = {"width": 1, "color": paint["grey"], "dash": "dot"}
    out.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=agree, hoverinfo="skip")
    marker = {"size": 8, "color": paint["colours"][0], "opacity": 0.75, "line": {"width": 1, "color": paint["paper"]}}
    text = "%{text}<br>truth %{x:.3f}, model %{y:.3f}<extra></extra>"
    points = {"x": list(truth), "y": list(predicted), "text": list(names)}
    out.add_scatter(**points, mode="markers", marker=marker, hovertemplate=text)
    out.update_layout(showlegend=False)
    out.update_xaxes(range=[-0.03, 1.03])
    out.update_yaxes(range=[-0.03, 1.03])
    return out


def _points(rows: Sequence[Mapping[str, Any]], x: str, y: str) -> tuple[list[Any], list[Any]]:
    kept = [(row[x], row[y]) for row in rows if row.get(x) is not None and row.get(y) is not None]
    return [point[0] for point in kept], [point[1] for point in kept]


def _mode(values: Sequence[Any]) -> str:
    return "lines+markers" if len(values) <= 30 else "lines"


def _words(name: str) -> str:
    known = {
        "miou": "mIoU",
        "f1": "F1",
        "macro_f1": "macro F1",
        "dice": "Dice",
        "iou": "IoU",
        "train_loss": "training loss",
        "valid_loss": "validation loss",
    }
    return known.get(name, name.replace("_", " "))


def _spread(count: int, wanted: int) -> list[int]:
    return sorted({round(at) for at in np.linspace(0, count - 1, min(count, wanted))})
