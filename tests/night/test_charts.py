"""Figures of a night: one axis, bars that a click meets, lines that break at gaps."""

from datetime import UTC, datetime, timedelta

from cloudcore.night import charts
from cloudcore.night.series import Point

START = datetime(2017, 8, 17, 4, tzinfo=UTC)
POINTS = [Point(START + timedelta(minutes=m), m / 100, m / 200, m / 50, 1) for m in (0, 5, 10, 40, 45)]


def test_the_night_has_a_bar_for_every_frame_and_the_cursor() -> None:
    span = (START, START + timedelta(hours=1))
    times = [point.time.replace(tzinfo=None) for point in POINTS]
    figure = charts.night(POINTS, times, "data:,", span, "Cloud fraction", cursor=POINTS[2].time, second=POINTS)
    bars = next(trace for trace in figure.data if trace.type == "bar")
    assert list(bars.x) == times and bars.opacity == 0 and bars.customdata[1] == "0.05 (0.03 to 0.10)"
    assert figure.layout.images[0].sizex == 3_600_000 and figure.layout.images[0].x == START.replace(tzinfo=None)
    assert {shape.x0 for shape in figure.layout.shapes} == {times[2]}
    assert figure.layout.xaxis.tickformat == "%H:%M\n%Y-%m-%d"
    short = charts.night(POINTS, times, "data:,", (START, START + timedelta(minutes=2)), "Cloud fraction")
    assert short.layout.xaxis.tickformat.startswith("%H:%M:%S")
    lines = [trace for trace in figure.data if trace.name == "Cloud fraction"]
    assert [len(trace.x) for trace in lines] == [3, 2]


def test_a_second_series_beyond_one_has_an_axis_of_its_own() -> None:
    wind = [Point(point.time, 12.0, 12.0, 12.0, 1) for point in POINTS]
    figure = charts.curve(POINTS, "Cloud fraction", "nights", second=wind, second_name="wind")
    assert figure.data[-1].yaxis == "y2" and figure.layout.yaxis2.title.text == "wind"
    inside = charts.curve(POINTS, "Cloud fraction", "nights", second=POINTS, second_name="closed", dark=True)
    assert inside.data[-1].yaxis == "y"
