"""Percentile bootstrap of a score: what is drawn, and the interval of the scores of the draws (Efron 1979).

Whole frames are drawn, not pixels, because the pixels of one frame are no independent observations.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
SMALLEST_N = 20
"""Below so many frames an interval says less than it promises, so none is given."""
TAIL = 2.5
"""Per cent of the resampled scores on either side of a 95 % interval."""

T = TypeVar("T")


def draw(n: int, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.int64]:
    """Indices of n frames drawn with replacement, int64 (resamples, n); the same seed draws the same."""
    return np.random.default_rng(seed).integers(0, n, (resamples, n))


def draw_blocks(n: int, block: int, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.int64]:
    """The same in blocks of neighbours, drawn round the end (circular block bootstrap, Politis and Romano 1992).

    For series whose neighbours in time are alike: single values would promise too narrow an interval.
    """
    starts = np.random.default_rng(seed).integers(0, n, (resamples, math.ceil(n / block)))
    return ((starts[..., None] + np.arange(block)) % n).reshape(resamples, -1)[:, :n]


def percentiles(resampled: Sequence[float] | NDArray[Any], tail: float = TAIL) -> tuple[float, float]:
    """(low, high) of resampled scores, NaN passed over: `tail` per cent lie below and above; (NaN, NaN) without any.

    >>> percentiles([1.0, 2.0, 3.0, 4.0, 5.0, float("nan")], tail=25)
    (2.0, 4.0)
    """
    values = np.asarray(resampled, np.float64)
    if np.isnan(values).all():
        return math.nan, math.nan
    low, high = np.nanpercentile(values, (tail, 100.0 - tail))
    return float(low), float(high)


def interval(
    frames: Sequence[T],
    score: Callable[[Sequence[T]], float],
    n: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """(low, high) of a score of frames over n resamples; (NaN, NaN) without frames.

    >>> interval([1, 1, 1], sum)
    (3.0, 3.0)
    """
    if not frames:
        return math.nan, math.nan
    scores = [score([frames[index] for index in drawn]) for drawn in draw(len(frames), n, seed).tolist()]
    return percentiles(scores, 50.0 * (1.0 - level))
