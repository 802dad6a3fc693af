"""Medians of nights, weeks and months; a second series, its correlation and its refusals; the keogram's axis."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cloudcore.errors import DataError
from cloudcore.night import keogram
from cloudcore.night.measure import Measurement
from cloudcore.night.series import agreement, binned, commonest_camera, curve, pairs, read_series
from cloudcore.sky.cloud_amount import MEASURES, Estimate
from cloudcore.sky.dome import Dome

NAN = float("nan")


def _row(time: datetime, value: float) -> Measurement:
    amounts = dict.fromkeys(MEASURES, Estimate(value, value, value))
    return Measurement("f", time, "c", amounts, None, None, value, "", 0.0, None, None, "0")


def test_nights_weeks_and_months() -> None:
    rows = []
    for day, values in ((6, (0.1, 0.2, 0.9)), (7, (0.4, NAN, 0.6)), (31, (1.0, 1.0, 1.0))):
        evening = datetime(2017, 8, day, 22, tzinfo=UTC)
        rows += [_row(evening + timedelta(hours=4 * i), value) for i, value in enumerate(values)]
    nights = curve(rows, "cloud_fraction", "Nights")
    assert [(p.time.isoformat()[:10], round(p.value, 6), p.n) for p in nights] == [
        ("2017-08-07", 0.2, 3),
        ("2017-08-08", 0.5, 2),
        ("2017-09-01", 1.0, 3),
    ]
    weeks = curve(rows, "cloud_fraction", "Weeks")  # the 6th of August was a Sunday, the 7th a Monday
    assert [(p.time.day, round(p.value, 6), p.n) for p in weeks] == [(31, 0.2, 1), (7, 0.5, 1), (28, 1.0, 1)]
    months = curve(rows, "cloud_fraction", "Months")  # the night of the 31st belongs to August
    assert [(p.time.month, round(p.value, 6), p.low, p.n) for p in months] == [(8, 0.5, 0.35, 3)]
    assert len(curve(rows, "cloud_fraction", "Frames")) == 8
    others = [replace(row, camera="a") for row in rows]
    assert commonest_camera([*rows, *others[1:]]) == "c" and commonest_camera([*rows, *others]) == "a"
    assert commonest_camera([]) == ""
    with pytest.raises(DataError, match="no step"):
        curve(rows, "cloud_fraction", "Years")


def test_a_series_of_dates_meets_the_nights() -> None:
    series = read_series("closed.csv", b"time_utc,value\n2017-08-07,0.25\n2017-08-06,0.75\n2017-08-09,\n")
    rows = [_row(datetime(2017, 8, 7, 3, tzinfo=UTC), 0.7), _row(datetime(2017, 8, 8, 3, tzinfo=UTC), 0.2)]
    nights = curve(rows, "cloud_fraction", "Nights")
    assert pairs(nights, binned(series, "Nights"), "Nights").tolist() == [[0.7, 0.75], [0.2, 0.25]]
    for content in (b"time_utc,value\n2017-08-07,high\n", b"time_utc,value\n2017-08-07,nan\n", b"time_utc,value\n"):
        with pytest.raises(DataError, match="closed.csv"):
            read_series("closed.csv", content)


def test_frames_meet_the_nearest_value_within_half_a_step() -> None:
    start = datetime(2017, 8, 7, 3, tzinfo=UTC)
    text = "time_utc,value\n" + "\n".join(f"{start + timedelta(minutes=10 * i):%Y-%m-%dT%H:%MZ},{i}" for i in range(3))
    rows = [_row(start + timedelta(minutes=m), m / 100) for m in (0, 4, 6, 24, 26)]
    found = pairs(curve(rows, "cloud_fraction", "Frames"), read_series("s.csv", text.encode()), "Frames")
    assert found.tolist() == [[0.0, 0], [0.04, 0], [0.06, 1], [0.24, 2]]


def test_correlation_with_its_interval(rng: np.random.Generator) -> None:
    one = rng.standard_normal(200)
    found = agreement(np.stack([one, 0.6 * one + 0.8 * rng.standard_normal(200)], axis=1))
    assert found.r is not None and found.low is not None and found.high is not None
    assert found.low < found.r < found.high and found.low < 0.6 < found.high and found.high - found.low < 0.4
    exact = agreement(np.stack([one, -2 * one], axis=1))
    assert exact.r == pytest.approx(-1) and "−1.00" in exact.words and "n = 200" in exact.words


def test_correlation_is_refused_in_words(rng: np.random.Generator) -> None:
    few = agreement(rng.random((19, 2)))
    assert (
        few.r is None
        and few.words == "No correlation: it takes 20 pairs or more, here are 19."
        and few.difference is not None
    )
    flat = agreement(np.stack([np.zeros(30), rng.random(30)], axis=1))
    assert flat.r is None and "does not vary" in flat.words
    assert agreement(np.zeros((0, 2))).n == 0


def test_a_keogram_leaves_gaps_black_and_puts_north_up() -> None:
    image = np.zeros((65, 65, 3), np.uint8)
    image[:32] = 200
    upright = keogram.column(image, Dome((32, 32), 30), 0.0, 60)
    assert upright[:25].min() == 200 and upright[35:].max() == 0
    assert (keogram.column(image, Dome((32, 32), 30), 180.0, 60)[35:] == 200).all()
    columns = [np.full((4, 1, 3), value, np.uint8) for value in (10, 20, 30, 40)]
    drawn = keogram.keogram(columns, [0, 60, 600, 660], -30, 690, 72)[0, :, 0]
    assert drawn[:6].tolist() == [10] * 6 and drawn[6:12].tolist() == [20] * 6
    assert drawn[20:50].max() == 0 and drawn[-12:].tolist() == [30] * 6 + [40] * 6


def test_lines_break_at_gaps() -> None:
    assert keogram.unbroken([0, 60, 120, 600, 660]) == [slice(0, 3), slice(3, 5)]
    assert keogram.unbroken([]) == [] and keogram.unbroken([7.0]) == [slice(0, 1)]
