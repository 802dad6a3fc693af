"""A night as a picture to print: keogram and curve on one time axis, drawn by matplotlib."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudcore.errors import DataError
from cloudcore.images import Image
from cloudcore.night.keogram import unbroken, width_of
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

    width, height = size_wh
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    figure.text(_LEFT / width, 1 - 34 / height, title, color=_INK, fontsize=17, va="center")
    top = _TOP
    if keogram is not None:
        strip = height // 3
        _show_keogram(figure.add_axes(_box(size_wh, top, top + strip)), keogram)
        middle = 1 - (top + strip / 2) / height
        figure.text(28 / width, middle, "keogram", color=_GREY, fontsize=12, rotation=90, ha="center", va="center")
        top += strip + _GAP
    axes = figure.add_axes(_box(size_wh, top, height - _BOTTOM))
    _curve(axes, points)
    _dress(axes, span or _span_of(points), y_title)
    days = " to ".join(dict.fromkeys(f"{point.time:%Y-%m-%d}" for point in (points[0], points[-1])))
    axes.set_xlabel(f"{days}, UTC", color=_GREY, fontsize=12, loc="right")
    if span is None:
        _mark_dates(axes, points)
    canvas.draw()
    return np.array(np.asarray(canvas.buffer_rgba())[..., :3], np.uint8)


def _span_of(points: Sequence[Point]) -> Span:
    """From the first point to the last, half a step wider on either side and a fortieth at least."""
    begin, until = points[0].time, points[-1].time
    step = timedelta(days=1) if until <= begin else timedelta(seconds=width_of([p.time.timestamp() for p in points]))
    around = max(step / 2, (until - begin) / 40)
    return begin - around, until + around


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
        if len(times) == 1:  # too narrow for a band
            axes.vlines(times, [points[part][0].low], [points[part][0].high], colors=_BAND, linewidth=10, zorder=1)
        marker = "o" if len(points) <= _MOST_MARKED else ""
        style: dict[str, Any] = {"color": colour, "linewidth": 2.2, "marker": marker, "markersize": 5}
        axes.plot(times, [p.value for p in points[part]], zorder=3, clip_on=False, **style)


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


def _mark_dates(axes: "Axes", points: Sequence[Point]) -> None:
    """Whole dates on the time axis: the one of a single point, else no more than fit beside each other."""
    from matplotlib.dates import DateFormatter, DayLocator

    axes.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d", UTC))
    if len(points) == 1:
        moment: Any = points[0].time
        axes.set_xticks([moment])
    elif points[-1].time - points[0].time <= timedelta(days=10):
        axes.xaxis.set_major_locator(DayLocator(tz=UTC))
