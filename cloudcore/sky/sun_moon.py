"""Where sun and moon stand over a site, and where in an all-sky frame that is.

Positions come from astropy with the ephemeris built into it (ERFA's models of sun and moon, good to arc seconds and arc
minutes); nothing is ever downloaded. Altitudes are geometric: refraction, half a degree at the horizon, is left out.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import DataError
from cloudcore.sky import dome
from cloudcore.sky.dome import Dome

Degrees = NDArray[np.float64]


@dataclass(frozen=True)
class Site:
    """Where a camera stands: latitude [degrees north], longitude [degrees east], elevation [m] above the sea.

    Raises DataError for a place that is not on the earth.
    """

    latitude: float
    longitude: float
    elevation: float = 0.0

    def __post_init__(self) -> None:
        good = abs(self.latitude) <= 90 and abs(self.longitude) <= 360 and -500 <= self.elevation <= 9000
        if not good:
            raise DataError(
                f"Site {self.latitude}, {self.longitude}, {self.elevation} m is not on the earth: give the latitude "
                "(-90 to 90, north positive), the longitude (-180 to 360, east positive) and metres above the sea."
            )


@dataclass(frozen=True)
class Orientation:
    """How frames are turned: north is the direction of north in [degrees clockwise] from the frame's top.

    With east_left and north up, east is at the left, as the sky is seen from below; mirrored frames have it at the
    right.
    """

    north: float = 0.0
    east_left: bool = True

    def turn_of(self, azimuth: float) -> float:
        """Direction in [degrees clockwise] from the frame's top of an azimuth [degrees], north 0, east 90."""
        return self.north - azimuth if self.east_left else self.north + azimuth


@dataclass(frozen=True)
class Lights:
    """Sun and moon at N times, each float64 (N,) in degrees: altitude above the horizon, azimuth from north by east."""

    sun_altitude: Degrees
    sun_azimuth: Degrees
    moon_altitude: Degrees
    moon_azimuth: Degrees


def lights(site: Site, times: Sequence[datetime]) -> Lights:
    """Sun and moon over a site at N times with a zone; the moon as seen from the site, not from the earth's centre.

    N may be 0. Positions are astropy's with its builtin ephemeris (ERFA).

    >>> found = lights(Site(31.9583, -111.5967, 2120), [datetime(2017, 8, 17, 4, 0, tzinfo=UTC)])
    >>> round(float(found.sun_altitude[0]), 1), round(float(found.sun_azimuth[0]), 1)
    (-22.3, 303.4)
    """
    if not times:
        none = np.zeros(0)
        return Lights(none, none, none, none)
    from astropy import units
    from astropy.coordinates import AltAz, EarthLocation, get_body
    from astropy.time import Time
    from astropy.utils import iers

    iers.conf.auto_download = False
    iers.conf.auto_max_age = None
    iers.conf.iers_degraded_accuracy = "ignore"
    with warnings.catch_warnings():
        # Times beyond the tables of the earth's rotation lose a second of time at most, far below a degree.
        warnings.simplefilter("ignore")
        place = EarthLocation.from_geodetic(
            site.longitude * units.deg, site.latitude * units.deg, site.elevation * units.m
        )
        moment = Time([time.astimezone(UTC).replace(tzinfo=None) for time in times], scale="utc")
        horizon = AltAz(obstime=moment, location=place)
        sun = get_body("sun", moment, place, ephemeris="builtin").transform_to(horizon)
        moon = get_body("moon", moment, place, ephemeris="builtin").transform_to(horizon)
        found = (sun.alt.deg, sun.az.deg, moon.alt.deg, moon.az.deg)
    return Lights(*(np.asarray(value, np.float64) for value in found))


def pixel_of(circle: Dome, orientation: Orientation, altitude: float, azimuth: float) -> tuple[float, float]:
    """(y, x) [px] of a direction, altitude and azimuth [degrees], in an equidistant frame."""
    away = circle.radius * (90 - altitude) / 90
    turn = math.radians(orientation.turn_of(azimuth))
    y, x = circle.centre_yx
    return y - away * math.cos(turn), x + away * math.sin(turn)


def angle_to(
    circle: Dome, shape_hw: tuple[int, int], orientation: Orientation, altitude: float, azimuth: float
) -> NDArray[np.float32]:
    """float32 (H, W): angle on the sky [degrees] between each pixel and a direction, altitude and azimuth [degrees].

    The formula is the cosine rule of spherical trigonometry.
    """
    y = np.arange(shape_hw[0], dtype=np.float32)[:, None] - np.float32(circle.centre_yx[0])
    x = np.arange(shape_hw[1], dtype=np.float32)[None, :] - np.float32(circle.centre_yx[1])
    zenith = dome.distance(circle, shape_hw) * np.float32(math.pi / 2 / circle.radius)
    apart = np.arctan2(x, -y) - np.float32(math.radians(orientation.turn_of(azimuth)))
    high = math.radians(altitude)
    cosine = np.cos(zenith) * np.float32(math.sin(high)) + np.sin(zenith) * np.float32(math.cos(high)) * np.cos(apart)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))), np.float32)
