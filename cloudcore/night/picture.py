"""A night as a picture to print: keogram and curve on one time axis, drawn by matplotlib."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudcore.errors import DataError
from cloudcore.images import Image
from cloudcore.night.keogram import unbroken
from cloudcore.night.series import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = (27, 99, 132)
"""Colour of the curve, RGB."""
_BAND, _INK, _GREY, _GRID = "#c6dae4", "#1b262d", "#52626d", "#dfe5e9"
_LEFT, _TOP, _RIGHT, _BOTTOM, _GAP = 90, 64, 36, 64, 12
_DPI = 100
_MOST_MARKED = 120
"""Points up to so many are marked on the curve one by one."""

Span = tuple[datetime, datetime]


def draw(
    points: Sequence[Point],
    title: str,
    y_title: str,
    keogram: Image | None = None,
    span: Span | None = None,
    size_wh: tuple[int, int] = (1600, 900),
) -> Image:
    """Curve with its band, the keogram above on the same axis: uint8 (H, W, 3) of size_wh px.

    keogram is a picture of the time span (start, end), which is needed with it. Raises DataError without a point.
    """
    if not points:
        raise DataError("There is nothing to draw yet: no frame has a row.")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    begin, until = _widened(span or (points[0].time, points[-1].time))
    width, height = size_wh
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    figure.text(_LEFT / width, 1 - 34 / height, title, color=_INK, fontsize=17, va="center")
    top = _TOP
    if keogram is not None:
        strip = height // 3
        _show_keogram(figure.add_axes(_box(size_wh, top, top + strip)), keogram)
        top += strip + _GAP
    axes = figure.add_axes(_box(size_wh, top, height - _BOTTOM))
    _curve(axes, points)
    _dress(axes, (begin, until), y_title)
    canvas.draw()
    return np.array(np.asarray(canvas.buffer_rgba())[..., :3], np.uint8)


def _widened(span: Span) -> Span:
    """The span, half an hour wider on either side where it has no length."""
    begin, until = span
    half = timedelta(minutes=30 if until <= begin else 0)
    return begin - half, until + half


def _box(size_wh: tuple[int, int], top: int, bottom: int) -> tuple[float, float, float, float]:
    """Left, bottom, width and height as shares of the picture, from rows of px counted downward."""
    width, height = size_wh
    return _LEFT / width, 1 - bottom / height, (width - _LEFT - _RIGHT) / width, (bottom - top) / height


def _show_keogram(axes: "Axes", keogram: Image) -> None:
    axes.imshow(keogram, aspect="auto", interpolation="nearest")
    axes.set_axis_off()


def _curve(axes: "Axes", points: Sequence[Point]) -> None:
    """The values as a line and their spans as a band, both broken where the camera paused."""
    colour = tuple(part / 255 for part in LINE)
    for part in unbroken([point.time.timestamp() for point in points]):
        times: list[Any] = [point.time for point in points[part]]
        axes.fill_between(
            times, [p.low for p in points[part]], [p.high for p in points[part]], color=_BAND, linewidth=0, zorder=1
        )
        marker = "o" if len(points) <= _MOST_MARKED else ""
        axes.plot(
            times,
            [p.value for p in points[part]],
            color=colour,
            linewidth=2.2,
            marker=marker,
            markersize=5,
            zorder=3,
            clip_on=False,
        )


def _dress(axes: "Axes", span: Span, y_title: str) -> None:
    """Axes, grid and titles: 0 to 1 at the left, UTC below."""
    from matplotlib.dates import AutoDateLocator, DateFormatter

    begin, until = span
    axes.set_xlim(begin, until)  # type: ignore[arg-type]  # matplotlib takes times
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.xaxis.set_major_locator(AutoDateLocator(tz=UTC, maxticks=10))
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M" if until - begin <= timedelta(days=2) else "%Y-%m-%d", UTC))
    axes.grid(axis="y", color=_GRID, zorder=0)
    axes.tick_params(colors=_GREY, labelsize=12)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_GREY)
    axes.set_ylabel(f"{y_title}, 0 to 1", color=_GREY, fontsize=12)
    days = " to ".join(dict.fromkeys(f"{moment:%Y-%m-%d}" for moment in span))
    axes.set_xlabel(f"{days}, UTC", color=_GREY, fontsize=12, loc="right")
