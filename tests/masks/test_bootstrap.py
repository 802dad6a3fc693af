"""The percentile bootstrap against a plain loop, and what it answers where there is little to draw from."""

import math

import numpy as np
import pytest

from cloudcore.masks import bootstrap, metrics
from cloudcore.masks.metrics import Confusion


def accuracy(frames: object) -> float:
    """Pooled accuracy of frames."""
    return metrics.pooled(frames).accuracy  # type: ignore[arg-type]


def test_draws_frames() -> None:
    frames = [Confusion(tp=9, fn=1)] * 10 + [Confusion(tp=5, fn=5)] * 10
    low, high = bootstrap.interval(frames, accuracy, n=400, seed=3)
    assert 0.5 < low < 0.7 < high < 0.9
    assert bootstrap.interval(frames, accuracy, n=400, seed=3) == (low, high)
    assert bootstrap.interval(frames, accuracy, n=400, seed=4) != (low, high)
    narrow = bootstrap.interval(frames, accuracy, n=400, seed=3, level=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_few_frames() -> None:
    assert bootstrap.interval([Confusion(tp=3, fp=1)], accuracy) == (0.75, 0.75)
    assert all(math.isnan(end) for end in bootstrap.interval([], accuracy))
    assert all(math.isnan(end) for end in bootstrap.interval([Confusion()], accuracy))


def test_equals_a_plain_loop(rng: np.random.Generator) -> None:
    """One draw at a time, sorted by hand: the same numbers to the last bit."""
    values = rng.random(31).tolist()
    generator, means = np.random.default_rng(5), []
    for _ in range(300):
        drawn = [values[int(generator.integers(0, 31))] for _ in range(31)]
        means.append(math.fsum(drawn) / 31)
    means.sort()
    ends = []
    for share in (0.05, 0.95):
        below, part = divmod(share * 299, 1)
        first, second = means[int(below)], means[int(below) + 1]
        ends.append(first + (second - first) * part)
    found = bootstrap.interval(values, lambda drawn: math.fsum(drawn) / 31, n=300, seed=5, level=0.9)
    assert found == pytest.approx(tuple(ends), abs=1e-12)


def test_draws_of_frames_and_of_blocks_stay_as_they_were() -> None:
    """The generator's own numbers, so that no interval of an earlier version changes."""
    generator = np.random.default_rng(2)
    assert np.array_equal(bootstrap.draw(7, 5, seed=2), generator.integers(0, 7, (5, 7)))
    blocks = bootstrap.draw_blocks(7, 3, 4, seed=2)
    starts = np.random.default_rng(2).integers(0, 7, (4, 3))
    assert blocks.shape == (4, 7)
    for row, first in zip(blocks, starts, strict=True):
        assert row.tolist() == [(start + step) % 7 for start in first.tolist() for step in range(3)][:7]


def test_percentiles_pass_over_nan() -> None:
    assert bootstrap.percentiles([0.0, math.nan, 1.0], tail=0) == (0.0, 1.0)
    assert bootstrap.percentiles(np.arange(101.0), tail=10) == (10.0, 90.0)
    assert all(math.isnan(end) for end in bootstrap.percentiles([]))
