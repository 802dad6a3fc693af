"""Sun and moon against the almanac, and where they are in a frame."""

from datetime import UTC, datetime

import numpy as np
import pytest

from cloudcore.errors import DataError
from cloudcore.sky.dome import Dome
from cloudcore.sky.sun_moon import Orientation, Site, angle_to, lights, pixel_of

CIRCLE = Dome((100.0, 100.0), 90.0)


def test_the_eclipse_of_2017() -> None:
    # NASA (F. Espenak): greatest eclipse 18:25:32 UT at 36 58.0 N, 87 40.3 W, the sun 63.9 high at azimuth 197.9.
    found = lights(Site(36.967, -87.672), [datetime(2017, 8, 21, 18, 25, 32, tzinfo=UTC)])
    assert found.sun_altitude[0] == pytest.approx(63.9, abs=0.1)
    assert found.sun_azimuth[0] == pytest.approx(197.9, abs=0.2)
    assert found.moon_altitude[0] == pytest.approx(found.sun_altitude[0], abs=0.05)
    assert found.moon_azimuth[0] == pytest.approx(found.sun_azimuth[0], abs=0.1)


def test_noon_at_the_solstice_over_greenwich_and_no_time_at_all() -> None:
    # At the solstice of June the sun's declination is the obliquity, 23.44: culmination at 90 - 51.48 + 23.44.
    noon = lights(Site(51.4779, 0.0), [datetime(2000, 6, 21, 12, 2, tzinfo=UTC)])
    assert noon.sun_altitude[0] == pytest.approx(61.96, abs=0.02) and abs(noon.sun_azimuth[0] - 180) < 0.5
    assert lights(Site(0, 0), []).sun_altitude.shape == (0,)


def test_a_time_beyond_all_tables_needs_no_download() -> None:
    assert np.isfinite(lights(Site(0, 0), [datetime(2060, 1, 1, tzinfo=UTC)]).sun_altitude).all()


def test_places_off_the_earth_are_refused() -> None:
    with pytest.raises(DataError, match="not on the earth"):
        Site(91, 0)


@pytest.mark.parametrize(
    ("orientation", "azimuth", "expected_yx"),
    [
        (Orientation(0), 0, (55, 100)),  # north up
        (Orientation(0), 90, (100, 55)),  # east at the left, as seen from below
        (Orientation(0, east_left=False), 90, (100, 145)),
        (Orientation(90), 0, (100, 145)),  # north at the right
        (Orientation(90), 90, (55, 100)),  # then east is up
    ],
)
def test_a_direction_half_way_up(orientation: Orientation, azimuth: float, expected_yx: tuple[float, float]) -> None:
    assert pixel_of(CIRCLE, orientation, 45, azimuth) == pytest.approx(expected_yx)
    away = angle_to(CIRCLE, (201, 201), orientation, 45, azimuth)
    assert np.unravel_index(away.argmin(), away.shape) == expected_yx
    assert away[100, 100] == pytest.approx(45, abs=0.01)


def test_angles_across_the_zenith_add_up() -> None:
    away = angle_to(CIRCLE, (201, 201), Orientation(0), 30, 180)
    assert away[40, 100] == pytest.approx(120, abs=0.01)  # 60 to the zenith, then 60 to the north
    assert away[100, 190] == pytest.approx(90, abs=0.01)  # the western horizon
