"""Where each camera stands and how its frames hang, kept on disk: sun and moon are placed in its frames by it."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from cloudcore.errors import CloudcoreError
from cloudcore.files import atomic
from cloudcore.sky import cameras as sky_cameras
from cloudcore.sky.sun_moon import Orientation, Site

FOLDER = "sites"
"""Below the cameras folder, where domes and horizon masks are kept too."""


_REACH = {"latitude": (-90, 90), "longitude": (-180, 360), "elevation": (-500, 9000), "north": (0, 360)}


@dataclass(frozen=True)
class Place:
    """What a person told of a camera; None is not told yet.

    latitude and longitude are degrees north and east, elevation metres above the sea, north the direction of north in
    degrees clockwise from the frame's top; east_left is False for frames that are mirrored.
    """

    latitude: float | None = None
    longitude: float | None = None
    elevation: float = 0.0
    north: float | None = None
    east_left: bool = True

    @property
    def site(self) -> Site | None:
        """The site once latitude and longitude are known. Raises DataError for one that is not on the earth."""
        known = self.latitude is not None and self.longitude is not None
        return Site(self.latitude or 0.0, self.longitude or 0.0, self.elevation) if known else None

    @property
    def orientation(self) -> Orientation | None:
        """How the frames hang once north is known."""
        return None if self.north is None else Orientation(self.north, self.east_left)


def file_of(cameras: Path, name: str) -> Path:
    """Where a camera's place is kept below the cameras folder."""
    return cameras / FOLDER / f"{sky_cameras.own_id(name, '')}.json"


def save(cameras: Path, name: str, place: Place) -> None:
    """Keep a camera's place, replaced whole; the place of one of which nothing is told is removed. Raises OSError."""
    file = file_of(cameras, name)
    if place == Place():
        file.unlink(missing_ok=True)
        return
    atomic.replace_file(file, json.dumps({"name": name, **asdict(place)}, indent=1).encode())


def load(cameras: Path, name: str) -> Place:
    """The place kept for a camera, an empty one where nothing is. Raises CloudcoreError for a damaged file."""
    file = file_of(cameras, name)
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        latitude, longitude, elevation, north = (_number(told[name], *reach) for name, reach in _REACH.items())
        return Place(latitude, longitude, elevation or 0.0, north, told["east_left"] is not False)
    except FileNotFoundError:
        return Place()
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise CloudcoreError(
            f"The site kept for {name or 'this camera'} cannot be read ({file}). Set it again on the page Night, which "
            "replaces the file, or delete the file."
        ) from problem


def load_all(cameras: Path, names: Iterable[str]) -> dict[str, Place]:
    """{camera: its place} for those of which something is kept. Raises CloudcoreError."""
    found = {name: load(cameras, name) for name in names}
    return {name: place for name, place in found.items() if place != Place()}


def _number(value: object, low: float, high: float) -> float | None:
    """A finite number of a range, or None for none. Raises TypeError or ValueError."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{value!r} is not between {low} and {high}")
    return float(value)
