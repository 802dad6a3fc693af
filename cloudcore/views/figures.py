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
    """Line style number i: 1.8 px, dashed after the second (or as given)."""
    colours = palette(dark)["colours"]
    dash = "dash" if (colour_index >= 2 if dashed is None else dashed) else "solid"
    return {"width": 1.8, "color": colours[colour_index % len(colours)], "dash": dash}


def points(rows: Sequence[Mapping[str, Any]], x: str, y: str) -> tuple[list[Any], list[Any]]:
    kept = [(row[x], row[y]) for row in rows if row.get(x) is not None and row.get(y) is not None]
    return [point[0] for point in kept], [point[1] for point in kept]


def line_mode(values: Sequence[Any]) -> str:
    return "lines+markers" if len(values) <= 30 else "lines"


def words(name: str) -> str:
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


def spread(count: int, wanted: int) -> list[int]:
    return sorted({round(at) for at in np.linspace(0, count - 1, min(count, wanted))})
