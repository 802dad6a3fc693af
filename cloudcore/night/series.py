"""Curves over nights, weeks and months, and a second series laid over them with its correlation."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import DataError
from cloudcore.files import tables
from cloudcore.frames import listing
from cloudcore.masks import bootstrap
from cloudcore.night.measure import Measurement

SMALLEST_N = 20
RESAMPLES = 2000
STEPS = ("Frames", "Nights", "Weeks", "Months")


@dataclass(frozen=True)
class Point:
    """A place on a curve: UTC time, value, its span low..high, and how many values it stands for."""

    time: datetime
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Agreement:
    """Pearson's r of n pairs with its 95 % interval (None where refused), and the mean absolute difference.

    words says it in a sentence, the reason for a refusal included.
    """

    n: int
    r: float | None
    low: float | None
    high: float | None
    difference: float | None
    words: str


def read_series(name: str, content: bytes, column: str = "value") -> list[Point]:
    """A second series from a CSV with the columns time_utc and value, by time; empty values are passed over.

    A date without an hour stands for the night that begins on it. Raises DataError naming the line of a value that is
    no number.
    """
    points = []
    for row in tables.read(name, content, ("time_utc", column)):
        where = f"{name}, line {row['']}"
        time = tables.time_of(row["time_utc"], where)
        if len(row["time_utc"].strip()) == len("2017-08-17"):
            time += timedelta(days=1)
        if not row[column].strip():
            continue
        try:
            value = float(row[column])
        except ValueError as problem:
            raise DataError(f"{where}: {row[column]!r} is no number. Correct it or leave it empty.") from problem
        if not math.isfinite(value):
            raise DataError(f"{where}: {row[column]!r} is no finite number. Correct it or leave it empty.")
        points.append(Point(time, value, value, value, 1))
    if not points:
        raise DataError(f"{name} holds no value. Give rows of time_utc,value.")
    return sorted(points, key=lambda point: point.time)


def frames(rows: Iterable[Measurement], measure: str) -> list[Point]:
    """A point a frame, with the span over thresholds and models; frames whose sky is unseen are passed over."""
    found = [(row.time, row.amounts[measure]) for row in rows]
    return [Point(time, a.value, a.low, a.high, 1) for time, a in found if math.isfinite(a.value)]


def curve(rows: Iterable[Measurement], measure: str, step: str) -> list[Point]:
    """Frames as they are; or the median of each night; or, a week (from Monday) or month, the median of its nights.

    The span of a night is the quartiles of its frames, of a week or month the quartiles of its nights. Raises DataError
    for a step that is none of STEPS.
    """
    points = frames(rows, measure)
    if step == "Frames":
        return points
    nights = _medians(points, _night)
    return nights if step == "Nights" else _medians(nights, _bin_of(step))


def binned(points: Iterable[Point], step: str) -> list[Point]:
    """A second series on the same steps: means of each night, week or month, with the quartiles as span."""
    if step == "Frames":
        return list(points)
    return _grouped(points, _bin_of(step), np.mean)


def _night(time: datetime) -> datetime:
    """A night stands at its midnight, the one after its date."""
    return datetime.fromisoformat(listing.night_of(time)).replace(tzinfo=UTC) + timedelta(days=1)


def _week(time: datetime) -> datetime:
    date = datetime.fromisoformat(listing.night_of(time)).replace(tzinfo=UTC)
    return date - timedelta(days=date.weekday())


def _month(time: datetime) -> datetime:
    return datetime.fromisoformat(listing.night_of(time)).replace(tzinfo=UTC, day=1)


def _bin_of(step: str) -> Callable[[datetime], datetime]:
    bins = {"Nights": _night, "Weeks": _week, "Months": _month}
    if step not in bins:
        raise DataError(f"There is no step {step!r}. Choose one of {', '.join(STEPS)}.")
    return bins[step]


def _medians(points: Iterable[Point], place: Callable[[datetime], datetime]) -> list[Point]:
    return _grouped(points, place, np.median)


def _grouped(
    points: Iterable[Point], place: Callable[[datetime], datetime], middle: Callable[[Sequence[float]], Any]
) -> list[Point]:
    groups: dict[datetime, list[float]] = {}
    for point in points:
        groups.setdefault(place(point.time), []).append(point.value)
    points = []
    for time, values in sorted(groups.items()):
        low, high = (float(quartile) for quartile in np.quantile(values, (0.25, 0.75)))
        points.append(Point(time, float(middle(values)), low, high, len(values)))
    return points


def pairs(curve: Sequence[Point], second: Sequence[Point], step: str) -> NDArray[np.float64]:
    """float64 (n, 2): values of both series at the same time.

    Frames take the nearest value of the second series within half of its usual step; nights, weeks and months the same
    date.
    """
    if not curve or not second:
        return np.zeros((0, 2))
    if step != "Frames":
        known = {point.time: point.value for point in second}
        return np.array([(p.value, known[p.time]) for p in curve if p.time in known]).reshape(-1, 2)
    when = np.array([point.time.timestamp() for point in second])
    steps = np.diff(when)
    reach = float(np.median(steps[steps > 0])) / 2 if (steps > 0).any() else 900.0
    found = []
    for point in curve:
        nearest = int(np.argmin(np.abs(when - point.time.timestamp())))
        if abs(when[nearest] - point.time.timestamp()) <= reach + 1e-6:
            found.append((point.value, second[nearest].value))
    return np.array(found).reshape(-1, 2)


def agreement(pairs: NDArray[np.float64], seed: int = 0) -> Agreement:
    """How two series go together, from pairs (n, 2): Pearson's r, its interval, the mean absolute difference.

    The interval is the 2.5th to 97.5th percentile over 2,000 resamples of blocks of n^(1/3) neighbours, drawn round the
    end (Politis and Romano's circular block bootstrap, 1992): neighbours in time are alike, and single pairs would
    promise too much. Below 20 pairs, or where a series does not vary, there is neither r nor interval.
    """
    n = len(pairs)
    difference = float(np.abs(pairs[:, 0] - pairs[:, 1]).mean()) if n else None
    if n < SMALLEST_N:
        return Agreement(
            n, None, None, None, difference, f"No correlation: it takes {SMALLEST_N} pairs or more, here are {n}."
        )
    if np.ptp(pairs[:, 0]) == 0 or np.ptp(pairs[:, 1]) == 0:
        return Agreement(n, None, None, None, difference, f"No correlation: one of the series does not vary, n = {n}.")
    r = float(np.asarray(np.corrcoef(pairs.T))[0, 1])
    index = bootstrap.draw_blocks(n, max(1, round(n ** (1 / 3))), RESAMPLES, seed)
    picked = np.asarray(pairs[index], np.float64)
    picked -= picked.mean(axis=1, keepdims=True)
    one, two = picked[..., 0], picked[..., 1]
    spread = np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1))
    drawn = (one * two).sum(axis=1)[spread > 0] / spread[spread > 0]
    low, high = bootstrap.percentiles(drawn)
    words = f"Correlation {r:.2f} [{low:.2f}, {high:.2f}], n = {n}.".replace("-", "−")
    return Agreement(n, r, low, high, difference, words)


def night_summary(rows: Iterable[Measurement]) -> Mapping[str, tuple[int, int]]:
    """{night: (frames, cloudy frames)}, sorted."""
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        n, cloudy = found.get(row.night, (0, 0))
        found[row.night] = (n + 1, cloudy + bool(row.cloudy))
    return dict(sorted(found.items()))


def commonest_camera(rows: Iterable[Measurement]) -> str:
    """The camera with the most rows, the first by name of several; empty where there is no row."""
    counts = Counter(row.camera for row in rows)
    return min(counts, key=lambda name: (-counts[name], name), default="")
