"""Solid angles worked by hand, shares of the sky, and what the span is."""

import math

import numpy as np
import pytest

from cloudcore.sky import cloud_amount
from cloudcore.sky.cameras import Camera
from cloudcore.sky.cloud_amount import Prediction, estimate, shares
from cloudcore.sky.dome import Dome, distance
from cloudcore.sky.sky_grid import SkyGrid, grid_of, solid_angle

SHAPE = (401, 401)
CIRCLE = Dome((200.0, 200.0), 198.0)
SKY = grid_of(Camera("c", "", SHAPE, CIRCLE), SHAPE)


def test_solid_angles_by_hand() -> None:
    angle = solid_angle(CIRCLE, SHAPE)
    side = math.pi / 2 / 198
    assert angle[200, 200] == pytest.approx(side**2, rel=1e-5)  # at the zenith a pixel is square
    # 99 px out the zenith angle is 45 degrees: side high, sin 45 / (pi / 4) of side wide
    assert angle[200, 299] == pytest.approx(side**2 * math.sin(math.pi / 4) / (math.pi / 4), rel=1e-5)
    assert angle.sum() == pytest.approx(2 * math.pi, rel=2e-3)
    assert angle[SKY.zenith].sum() == pytest.approx(2 * math.pi * (1 - math.cos(math.pi / 6)), rel=1e-2)
    assert angle[SKY.high].sum() == pytest.approx(math.pi, rel=1e-2)  # half the sky stands above 30 degrees


def test_shares_of_a_cap() -> None:
    cap = distance(CIRCLE, SHAPE) <= 132  # within 60 degrees of the zenith
    found = shares(cap, SKY, SKY.valid)
    assert found["cloud_fraction"] == pytest.approx((2 / 3) ** 2, abs=5e-3)
    assert found["sky_fraction"] == pytest.approx(0.5, abs=5e-3)
    assert found["sky_fraction_above_30"] == pytest.approx(1, abs=5e-3) and found["sky_fraction_zenith"] == 1
    left = shares(cap, SKY, SKY.valid & ~SKY.zenith)
    assert math.isnan(left["sky_fraction_zenith"])


def test_without_a_dome_pixels_alone_count() -> None:
    plain = grid_of(Camera("c", "", (64, 64)), (32, 32))
    found = shares(np.eye(32, dtype=np.bool_), plain, plain.valid)
    assert found["cloud_fraction"] == 1 / 32
    assert all(math.isnan(found[name]) for name in list(cloud_amount.MEASURES)[1:])


def test_a_grid_keeps_dome_and_horizon() -> None:
    horizon = np.zeros(SHAPE, np.bool_)
    horizon[:, :100] = True
    small = grid_of(Camera("c", "", SHAPE, CIRCLE, horizon), (100, 100))
    assert small.circle is not None and small.circle.radius == pytest.approx(49.4, abs=0.1)
    assert not small.valid[:, :24].any() and small.valid[50, 50] and small.angle[50, 10] == 0


def test_the_span_is_least_and_most_over_thresholds() -> None:
    levels = np.zeros(SHAPE, np.uint8)
    levels[:, :100], levels[:, 100:200], levels[:, 200:300] = 102, 153, 204  # 0.4, 0.6, 0.8
    every = np.ones(SHAPE, np.bool_)
    plain = SkyGrid(None, every, every.astype(np.float32), every, every)
    found = estimate([Prediction(levels, 0.5, 0)], plain, every, 0.2)["cloud_fraction"]
    assert (found.low, found.value, found.high) == pytest.approx((100 / 401, 200 / 401, 300 / 401))
    assert cloud_amount.from_json(cloud_amount.to_json({"a": found}))["a"].low == pytest.approx(found.low, abs=1e-6)
