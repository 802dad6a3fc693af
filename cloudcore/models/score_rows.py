"""A row of a score table as JSON holds it: {value, low, high, n}, rounded to five decimals, None for what is none."""

import math
from typing import Any

from cloudcore.masks.bootstrap import SMALLEST_N

NO_INTERVAL = (math.nan, math.nan)


def number(value: float) -> float | None:
    """A finite number rounded to five decimals, else None."""
    return round(float(value), 5) if math.isfinite(value) else None


def row(value: float, interval: tuple[float, float], n: int) -> dict[str, Any]:
    """{value, low, high, n} of a score over n frames.

    >>> row(0.123456, (0.1, 0.2), 30)
    {'value': 0.12346, 'low': 0.1, 'high': 0.2, 'n': 30}
    >>> row(0.5, NO_INTERVAL, 7)
    {'value': 0.5, 'low': None, 'high': None, 'n': 7}
    """
    low, high = interval
    return {"value": number(value), "low": number(low), "high": number(high), "n": n}


def no_interval_note(n: int, noun: str) -> str:
    """The sentence for a table without intervals; empty where n suffices."""
    return "" if n >= SMALLEST_N else f"No interval: {n} {noun} are fewer than {SMALLEST_N}."
