"""Plotly figures of a night: keogram and cloudiness on one UTC axis, and curves over nights, weeks and months. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import plotly.graph_objects as go

from cloudcore.night.keogram import unbroken
from cloudcore.views.figures import figure, line, palette, template

KEOGRAM_PART = 0.36
"""The keogram's part of the figure's height."""


class Point(Protocol):
    """A place on a curve: UTC time, value 0..1, its span, and how many values it stands for."""

    @property
    def time(self) -> datetime:
        """UTC."""

    @property
    def value(self) -> float:
        """The middle."""

    @property
    def low(self) -> float:
        """The least of the span."""

    @property
    def high(self) -> float:
        """The most of the span."""

    @property
    def n(self) -> int:
        """How many values."""


def night(
    points: Sequence[Point],
    times: Sequence[datetime],
    keogram_url: str,
    span: tuple[datetime, datetime],
    y_title: str,
    *,
    cursor: datetime | None = None,
    second: Sequence[Point] = (),
    second_name: str = "",
    dark: bool = False,
    height: int = 470,
) -> go.Figure:
    """Keogram (a data URL of a picture of the span) above the curve of points with its band.

    times (UTC, without a zone) are those of all frames: each has a bar over the whole height, unseen, that pointer and
    click meet, wherever they are. cursor is marked.
    """
    out = figure(dark, height, hovermode="x", barmode="overlay", bargap=0, margin={"l": 48, "t": 8, "r": 12, "b": 40})
    _curve(out, points, dark, y_title)
    _second(out, second, second_name, dark)
    out.update_traces(hoverinfo="skip", hovertemplate=None)
    start, end = (moment.replace(tzinfo=None) for moment in span)
    width = (end - start).total_seconds() * 1000 / max(len(times), 1)
    out.add_bar(
        x=list(times),
        y=[1.0] * len(times),
        width=width,
        yaxis="y3",
        opacity=0,
        name="",
        showlegend=False,
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=_hover_texts(points, times),
        hovertemplate="%{customdata}<extra></extra>",
    )
    clock = "%H:%M" if end - start > timedelta(minutes=12) else "%H:%M:%S"
    out.update_layout(
        yaxis3={"domain": [0, 1], "range": [0, 1], "visible": False, "fixedrange": True, "anchor": "x"},
        yaxis={"domain": [0, 1 - KEOGRAM_PART - 0.04]},
        xaxis={
            "range": [start, end],
            "anchor": "y",
            "title": "time, UTC",
            "showgrid": False,
            "tickformat": clock + "\n%Y-%m-%d",
        },
    )
    out.update_xaxes(hoverformat="%H:%M:%S")
    out.add_layout_image(
        source=keogram_url,
        xref="x",
        yref="paper",
        x=start,
        y=1,
        sizex=(end - start).total_seconds() * 1000,
        sizey=KEOGRAM_PART,
        sizing="stretch",
        layer="below",
    )
    out.add_annotation(
        text="keogram",
        textangle=-90,
        xref="paper",
        yref="paper",
        x=0,
        xshift=-14,
        y=1 - KEOGRAM_PART / 2,
        showarrow=False,
        xanchor="right",
        font={"size": 12},
    )
    if cursor is not None:
        at = cursor.replace(tzinfo=None)
        for low, high, colour in ((1 - KEOGRAM_PART, 1, "#FFFFFF"), (0, 0.96 - KEOGRAM_PART, palette(dark)["text"])):
            style = {"width": 1.6, "color": colour}
            out.add_shape(type="line", x0=at, x1=at, y0=low, y1=high, xref="x", yref="paper", line=style)
    return out


def _hover_texts(points: Sequence[Point], times: Sequence[datetime]) -> list[str]:
    """The text under the pointer at each time: value and span, or that no sky is seen."""
    known = {p.time.replace(tzinfo=None): f"{p.value:.2f} ({p.low:.2f} to {p.high:.2f})" for p in points}
    return [known.get(time, "no sky that counts") for time in times]


def curve(
    points: Sequence[Point],
    y_title: str,
    step: str,
    *,
    second: Sequence[Point] = (),
    second_name: str = "",
    dark: bool = False,
    height: int = 470,
) -> go.Figure:
    """Medians of nights, weeks or months with their quartiles as a band; step is "nights", "weeks" or "months"."""
    out = figure(dark, height, xaxis_title=f"{step}, UTC", margin={"l": 48, "t": 28, "r": 12, "b": 40})
    _curve(out, points, dark, y_title, with_n=True)
    _second(out, second, second_name, dark)
    if len(points) == 1:
        out.update_xaxes(tickvals=[points[0].time.replace(tzinfo=None)], tickformat="%Y-%m-%d")
    return out


def _curve(out: go.Figure, points: Sequence[Point], dark: bool, y_title: str, with_n: bool = False) -> None:
    """Line and band of every stretch without a gap."""
    for part in unbroken([point.time.timestamp() for point in points]):
        _stretch(out, points[part], dark, y_title, with_n)
    out.update_yaxes(range=[0, 1.02], title=f"{y_title}, 0 to 1", tickmode="linear", dtick=0.25)


def _stretch(out: go.Figure, points: Sequence[Point], dark: bool, y_title: str, with_n: bool) -> None:
    x = [point.time.replace(tzinfo=None) for point in points]
    high, low = [point.high for point in points], [point.low for point in points]
    colour = palette(dark)["colours"][0]
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    out.add_scatter(x=x, y=high, **edge)
    fill = f"rgba({int(colour[1:3], 16)},{int(colour[3:5], 16)},{int(colour[5:7], 16)},.22)"
    out.add_scatter(x=x, y=low, fill="tonexty", fillcolor=fill, **edge)
    words = "%{y:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f})"
    words += ", n = %{customdata[2]}" if with_n else ""
    out.add_scatter(
        x=x,
        y=[point.value for point in points],
        name=y_title,
        line=line(0, dark),
        marker={"size": 5},
        mode="lines+markers" if len(points) <= 120 else "lines",
        hovertemplate=words + "<extra></extra>",
        customdata=list(zip(low, high, (point.n for point in points), strict=True)),
        showlegend=False,
    )


def _second(out: go.Figure, second: Sequence[Point], name: str, dark: bool) -> None:
    """The second series: on the same axis where it lies in 0..1, else on one of its own at the right."""
    if not second:
        return
    x, y = [point.time.replace(tzinfo=None) for point in second], [point.value for point in second]
    apart = min(y) < 0 or max(y) > 1
    out.add_scatter(
        x=x,
        y=y,
        name=name,
        line=line(1, dark, dashed=True),
        mode="lines+markers" if len(y) <= 30 else "lines",
        marker={"size": 4},
        yaxis="y2" if apart else "y",
        showlegend=False,
        hovertemplate="%{y:.2f}<extra></extra>",
    )
    if apart:
        axis = template(dark).layout.yaxis.to_plotly_json()
        axis |= {"overlaying": "y", "side": "right", "showgrid": False}
        axis["title"] = {**axis["title"], "text": name}
        out.update_layout(yaxis2=axis, margin_r=56)
