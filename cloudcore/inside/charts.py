"""Figures of Inside: an activation with its point, numbers in squares, a picture to click on, bars. Pure."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.inside import neuron
from cloudcore.views import figures

REACH = 6.0
"""The curve of an activation is drawn from -6 to 6 at least."""
PLACE_COLOURS = ("#FF5C8A", "#FFD23F", "#B6F0DF")
Floats = NDArray[Any]


def activation(name: str, z: float, dark: bool = False, height: int = 420) -> go.Figure:
    """The curve a(z) with the neuron's point on it and its two coordinates as dotted lines."""
    reach = max(REACH, abs(z) * 1.1)
    axis = np.linspace(-reach, reach, 241)
    curve = neuron.ACTIVATIONS[name](axis)
    a = float(neuron.ACTIVATIONS[name](np.array(z)))
    paint = figures.palette(dark)
    figure = figures.figure(dark, height, showlegend=False, xaxis_title="z, weighted sum", yaxis_title=f"a = {name}(z)")
    figure.add_scatter(x=axis, y=curve, mode="lines", line=figures.line(0, dark), hoverinfo="skip")
    dotted = {"width": 1.2, "dash": "dot", "color": paint["grey"]}
    figure.add_scatter(x=[z, z, -reach], y=[0, a, a], mode="lines", line=dotted, hoverinfo="skip")
    point = {"size": 13, "color": paint["colours"][1], "line": {"width": 1.5, "color": paint["paper"]}}
    figure.add_scatter(
        x=[z], y=[a], mode="markers", marker=point, hovertemplate="z %{x:.3f}, a %{y:.3f}<extra></extra>"
    )
    low, high = min(float(curve.min()), -0.2), max(float(curve.max()), 1.0)
    figure.update_yaxes(range=[low - 0.08 * (high - low), high + 0.08 * (high - low)])
    figure.update_xaxes(range=[-reach, reach])
    figure.update_layout(hovermode="closest")
    return figure


def plane(one: neuron.Neuron, x1: float, x2: float, dark: bool = False, height: int = 420) -> go.Figure:
    """What the neuron answers to every pair of inputs in -3..3, and the pair that is set."""
    axis = np.linspace(-3, 3, 61)
    z = one.w1 * axis[None, :] + one.w2 * axis[:, None] + one.bias
    figure = figures.figure(dark, height, showlegend=False, xaxis_title="x1", yaxis_title="x2", hovermode="closest")
    figure.add_heatmap(
        x=axis,
        y=axis,
        z=neuron.ACTIVATIONS[one.activation](z),
        colorscale="Cividis",
        colorbar={"thickness": 10, "outlinewidth": 0, "title": {"text": "a"}},
        hovertemplate="x1 %{x:.2f}, x2 %{y:.2f}: a %{z:.2f}<extra></extra>",
    )
    point = {"size": 13, "color": "#FFFFFF", "line": {"width": 2, "color": "#0B0F12"}}
    figure.add_scatter(x=[x1], y=[x2], mode="markers", marker=point, hoverinfo="skip")
    if one.w1 or one.w2:
        _zero_line(figure, one)
    figure.update_xaxes(range=[-3, 3], showgrid=False)
    figure.update_yaxes(range=[-3, 3], showgrid=False)
    return figure


def _zero_line(figure: go.Figure, one: neuron.Neuron) -> None:
    """The line z = 0, where a neuron's decision changes."""
    away = np.array([-9.0, 9.0])
    nearest = -one.bias / (one.w1**2 + one.w2**2) * np.array([one.w1, one.w2])
    along = np.array([-one.w2, one.w1]) / np.hypot(one.w1, one.w2)
    points = nearest[:, None] + along[:, None] * away
    style = {"width": 1.6, "dash": "dash", "color": "#FFFFFF"}
    figure.add_scatter(x=points[0], y=points[1], mode="lines", line=style, hoverinfo="skip")


def squares(
    values: Floats, dark: bool = False, height: int = 200, decimals: int = 0, span: tuple[float, float] | None = None
) -> go.Figure:
    """Numbers (h, w) written into squares shaded over a span; without one in orange above 0 and blue below."""
    figure = figures.figure(dark, height, showlegend=False, hovermode=False)
    most = max(float(np.abs(values).max()), 1e-9)
    scale = [[0, "#58B4E8"], [0.5, "#18181B"], [1, "#EC9632"]] if span is None else "Cividis"
    low, high = span or (-most, most)
    figure.add_heatmap(
        z=values,
        zmin=low,
        zmax=high,
        colorscale=scale,
        showscale=False,
        xgap=1,
        ygap=1,
        texttemplate=f"%{{z:.{decimals}f}}",
        textfont={"size": 12},
    )
    bare = {"visible": False, "showgrid": False}
    rows, columns = values.shape
    figure.update_xaxes(**bare, range=[-0.5, columns - 0.5], constrain="domain")
    figure.update_yaxes(**bare, range=[rows - 0.5, -0.5], scaleanchor="x", constrain="domain")
    figure.update_layout(margin={"l": 0, "t": 0, "r": 0, "b": 0})
    return figure


def clickable(
    picture: images.Image, points: Sequence[tuple[int, int]], size_px: float, height: int, captions: Sequence[str] = ()
) -> go.Figure:
    """A picture (H, W, 3) under clear squares at places (row, column); customdata of each is its number.

    captions are shown at the pointer, one a place; without them its row and column are.
    """
    rows, columns = picture.shape[:2]
    url = "data:image/png;base64," + base64.b64encode(images.encode_png(picture)).decode()
    figure = figures.figure(False, height, showlegend=False, hovermode="closest", clickmode="event+select")
    figure.add_layout_image(
        source=url, xref="x", yref="y", x=0, y=0, sizex=columns, sizey=rows, sizing="stretch", layer="below"
    )
    clear = {"symbol": "square", "size": size_px, "color": "#FFFFFF", "opacity": 0}
    figure.add_scatter(
        x=[column for _, column in points],
        y=[row for row, _ in points],
        mode="markers",
        marker=clear,
        customdata=list(range(len(points))),
        text=list(captions) or None,
        hovertemplate="%{text}<extra></extra>" if captions else "row %{y}, column %{x}<extra></extra>",
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
    )
    bare = {"visible": False, "showgrid": False}
    # In a place of another shape it stands at the upper left, in line with the pictures beside it.
    figure.update_xaxes(**bare, range=[0, columns], constrain="domain", constraintoward="left")
    figure.update_yaxes(**bare, range=[rows, 0], scaleanchor="x", constrain="domain", constraintoward="top")
    figure.update_layout(margin={"l": 0, "t": 0, "r": 0, "b": 0}, dragmode=False)
    return figure


def mark(figure: go.Figure, places: Sequence[tuple[int, int]], side: int, names: Sequence[str]) -> go.Figure:
    """Squares with their names around places (row, column) of a picture, each on a dark casing; at most three."""
    for letter, colour, (row, column) in zip(names, PLACE_COLOURS, places, strict=False):
        top, left = row - side / 2 + 0.5, column - side / 2 + 0.5
        box = {"x0": left, "y0": top, "x1": left + side, "y1": top + side}
        figure.add_shape(type="rect", **box, line={"color": "#0B0F12", "width": 4})
        figure.add_shape(type="rect", **box, line={"color": colour, "width": 2})
        figure.add_annotation(
            x=left + side,
            y=top,
            text=f"<b>{letter}</b>",
            showarrow=False,
            xanchor="left",
            yanchor="bottom",
            font={"color": colour, "size": 13},
            bgcolor="#0B0F12",
            borderpad=1,
        )
    return figure


def bars(values: Floats, names: Sequence[str], dark: bool = False, height: int = 200, unit: str = "") -> go.Figure:
    """A bar for each value, names below (numbers where there are none)."""
    figure = figures.figure(dark, height, showlegend=False, yaxis_title=unit, hovermode="closest", bargap=0.15)
    labels = list(names) or [str(number) for number in range(len(values))]
    colour = figures.palette(dark)["colours"][0]
    figure.add_bar(
        x=labels,
        y=values,
        marker={"color": colour, "line": {"width": 0}},
        hovertemplate="%{x}: %{y:.3f}<extra></extra>",
    )
    if not names:
        figure.update_xaxes(nticks=9, type="linear")
    return figure
