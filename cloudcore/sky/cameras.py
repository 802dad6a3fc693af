"""What is kept of each camera, one JSON file a camera: its site, its orientation, and what is set for each exposure.

A file is named by a hash of the camera's name. An exposure's horizon mask lies beside it as a PNG. Release 0.3.0 wrote
a file for each exposure and frame size, and the site below `sites/`: both are read, and the next save of that camera
rewrites them into the one file.
"""

import contextlib
import hashlib
import json
import math
import os
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cloudcore import images
from cloudcore.errors import CloudcoreError, MaskError
from cloudcore.files import atomic, locks, small_json
from cloudcore.masks.mask import Mask
from cloudcore.sky.dome import Dome
from cloudcore.sky.sun_moon import Orientation, Site

_OLD_SITES = "sites"
_LOCK = ".lock"
_SITE = {"latitude": (-90, 90), "longitude": (-180, 360), "elevation": (-500, 9000)}
_NORTH = (0, 360)
_DAMAGE = (CloudcoreError, ValueError, KeyError, TypeError, IndexError, AttributeError)
"""What a file of another content than ours raises while it is read."""

Record = dict[str, Any]
"""A camera's file, or a part of it, as JSON holds it."""


@dataclass(frozen=True)
class Camera:
    """A camera at one exposure and frame size: dome, horizon mask and the model used by default.

    shape_hw is the frame's height and width [px]. horizon is bool (H, W), True where never is sky (trees, masts,
    walls); None where nothing was marked.
    """

    name: str
    exposure: str
    shape_hw: tuple[int, int]
    dome: Dome | None = None
    horizon: Mask | None = None
    model: str | None = None

    def valid(self, shape_hw: tuple[int, int]) -> Mask:
        """bool (H, W): pixels that count, in the dome and off the horizon mask. Raises MaskError on another size."""
        if tuple(shape_hw) != tuple(self.shape_hw):
            raise MaskError(
                f"The frame has {shape_hw[0]} × {shape_hw[1]} px (h × w), camera {self.name} was set for "
                f"{self.shape_hw[0]} × {self.shape_hw[1]}: set the dome for this size"
            )
        inside = np.ones(shape_hw, np.bool_) if self.dome is None else self.dome.mask(shape_hw)
        return inside if self.horizon is None else inside & ~self.horizon


@dataclass(frozen=True)
class Pose:
    """Site and orientation of a camera as far as they are known; None is not known yet.

    latitude and longitude are in [degrees north] and [degrees east], elevation in [m] above the sea. north is the
    direction of north in [degrees clockwise] from the frame's top; east_left is False for frames that are mirrored.
    """

    latitude: float | None = None
    longitude: float | None = None
    elevation: float = 0.0
    north: float | None = None
    east_left: bool = True

    @property
    def site(self) -> Site | None:
        """The site once latitude and longitude are known. Raises DataError for one that is not on the earth."""
        if self.latitude is None or self.longitude is None:
            return None
        return Site(self.latitude, self.longitude, self.elevation)

    @property
    def orientation(self) -> Orientation | None:
        """The orientation once north is known."""
        return None if self.north is None else Orientation(self.north, self.east_left)


@dataclass(frozen=True)
class CameraRecord:
    """All that is kept of a camera: its pose, and what is set for each exposure and frame size."""

    name: str
    pose: Pose = Pose()
    exposures: tuple[Camera, ...] = ()


KPNO = Camera("KPNO", "", (512, 512), Dome((252.0, 256.0), 241.0))
"""The all-sky camera of Kitt Peak National Observatory as its frames of 2017 show it."""


def load_record(folder: Path, name: str) -> CameraRecord:
    """All that is kept of a camera in folder; an empty record where nothing is. Raises CloudcoreError."""
    kept = tuple(camera for camera in cameras(folder) if _is_same(camera.name, name))
    return CameraRecord(name, load_pose(folder, name), kept)


def cameras(folder: Path) -> list[Camera]:
    """Every camera kept in folder, one for each exposure and frame size, by name and exposure; none without a folder.

    Raises CloudcoreError where a file is damaged.
    """
    old: dict[tuple[str, tuple[int, int]], Camera] = {}
    found: dict[tuple[str, tuple[int, int]], Camera] = {}
    for path in sorted(folder.glob("*.json")):
        record, kept = _read_exposures(path)
        (found if "exposures" in record else old).update({_key(camera): camera for camera in kept})
    both = (old | found).values()
    return sorted(both, key=lambda camera: (camera.name, camera.exposure, camera.shape_hw))


def camera_for(folder: Path, camera_name: str, exposure: str, shape_hw: tuple[int, int]) -> Camera | None:
    """The camera kept for this name, exposure and frame size; else the one of the same name and size; else None.

    An exposure never set before starts from the camera's other one: dome and trees are the same, the model may not be.
    Raises CloudcoreError where a file is damaged.
    """
    same = [c for c in cameras(folder) if _is_same(c.name, camera_name) and c.shape_hw == tuple(shape_hw)]
    exact = [c for c in same if c.exposure == exposure]
    if exact or not same:
        return exact[0] if exact else None
    return replace(same[0], exposure=exposure, model=None)


def load_pose(folder: Path, name: str) -> Pose:
    """Site and orientation kept for a camera, an empty Pose where none is. Raises CloudcoreError for a damaged file."""
    file = file_of(folder, name)
    try:
        record = _read(file) if file.is_file() else {}
        if "site" in record:
            return _pose(record["site"], record["orientation"])
        file = _old_site_file(folder, name)
        return _old_pose(file) if file.is_file() else Pose()
    except _DAMAGE as problem:
        raise CloudcoreError(
            f"The site kept for {name or 'this camera'} cannot be read ({file}). Set it again on the page Night, which "
            "replaces the file, or delete the file."
        ) from problem


def load_poses(folder: Path, names: Iterable[str]) -> dict[str, Pose]:
    """{camera: its pose} for those of which something is kept. Raises CloudcoreError."""
    found = {name: load_pose(folder, name) for name in names}
    return {name: pose for name, pose in found.items() if pose != Pose()}


def file_of(folder: Path, name: str) -> Path:
    """Where a camera is kept."""
    return folder / f"{_id_of(name)}.json"


def _read(path: Path) -> Record:
    return small_json.read_object(path, CloudcoreError, "")


def _read_exposures(path: Path) -> tuple[Record, list[Camera]]:
    """A file's content and the cameras in it, of either form. Raises CloudcoreError."""
    try:
        record = _read(path)
        parts = record.get("exposures", [record])
        found = [(_camera(str(record["name"]), part), part["horizon"]) for part in parts]
    except _DAMAGE as problem:
        raise CloudcoreError(f"Camera file {path.name} is damaged: delete it and set the dome again") from problem
    return record, [camera if drawn is None else _with_horizon(path, camera) for camera, drawn in found]


def _camera(name: str, part: Mapping[str, Any]) -> Camera:
    """A camera less its horizon, of its part of a file. Raises one of _DAMAGE."""
    height, width = (int(side) for side in part["shape_hw"])
    circle = part["dome"]
    dome = None if circle is None else Dome((float(circle[0]), float(circle[1])), float(circle[2]))
    model = None if part["model"] is None else str(part["model"])
    return Camera(name, str(part["exposure"]), (height, width), dome, None, model)


def _with_horizon(path: Path, camera: Camera) -> Camera:
    horizon = images.read_label(_horizon_file(path.parent, camera)) > 127
    if horizon.shape != camera.shape_hw:
        raise CloudcoreError(f"The horizon mask of {path.name} has another size: delete it and draw it again")
    return replace(camera, horizon=horizon)


def _pose(site: Mapping[str, Any], orientation: Mapping[str, Any]) -> Pose:
    """The pose of the two parts of a file. Raises one of _DAMAGE."""
    latitude, longitude, elevation = (_number(site[field], *limits) for field, limits in _SITE.items())
    north = _number(orientation["north"], *_NORTH)
    return Pose(latitude, longitude, elevation or 0.0, north, orientation["east_left"] is not False)


def _number(value: object, low: float, high: float) -> float | None:
    """A finite number of a range, or None for none. Raises TypeError or ValueError."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{value!r} is not between {low} and {high}")
    return float(value)


def save_camera(folder: Path, camera: Camera) -> None:
    """Keep a camera at one exposure and frame size; saving the same again replaces it, the others stay.

    Raises MaskError for a horizon mask of another size than the frame, and OSError.
    """
    if camera.horizon is not None and camera.horizon.shape != tuple(camera.shape_hw):
        got, wanted = camera.horizon.shape, tuple(camera.shape_hw)
        raise MaskError(f"The horizon mask has shape {got}, wanted the frame's {wanted}: draw it on this frame")
    drawn = _horizon_file(folder, camera)
    part = {
        "exposure": camera.exposure,
        "shape_hw": list(camera.shape_hw),
        "dome": None if camera.dome is None else [*camera.dome.centre_yx, camera.dome.radius],
        "horizon": None if camera.horizon is None else drawn.name,
        "model": camera.model,
    }
    with locks.hold(folder / _LOCK):
        if camera.horizon is not None:
            atomic.replace_file(drawn, images.encode_png(camera.horizon))
        record, old_files = _collect(folder, camera.name)
        others = [one for one in record["exposures"] if _part_key(one) != _part_key(part)]
        _write(folder, record | {"exposures": [*others, part]}, old_files)


def save_pose(folder: Path, name: str, pose: Pose) -> None:
    """Keep site and orientation of a camera; its exposures stay. An empty pose removes what is kept. Raises OSError."""
    with locks.hold(folder / _LOCK):
        record, old_files = _collect(folder, name)
        record = {field: part for field, part in record.items() if field not in ("site", "orientation")}
        if pose != Pose():
            record |= _parts_of_pose(pose)
        _write(folder, record, [*old_files, _old_site_file(folder, name)])


def _parts_of_pose(pose: Pose) -> Record:
    site = {field: getattr(pose, field) for field in _SITE}
    return {"site": site, "orientation": {"north": pose.north, "east_left": pose.east_left}}


def _collect(folder: Path, name: str) -> tuple[Record, list[Path]]:
    """What is kept of a camera as one record, and the files of 0.3.0 that went into it.

    The parts of the file are taken over as they are: damage in one is no loss of the others. A file of 0.3.0 that
    cannot be read stays where it is.
    """
    record = _read_or_put_aside(file_of(folder, name))
    old, old_files = _old_exposures(folder, name)
    kept = {_part_key(part): part for part in record.get("exposures", [])}
    record |= {"name": name, "exposures": list((old | kept).values())}
    site_file = _old_site_file(folder, name)
    if "site" not in record and site_file.is_file():
        with contextlib.suppress(*_DAMAGE):
            record |= _parts_of_pose(_old_pose(site_file))
            old_files.append(site_file)
    return record, old_files


def _read_or_put_aside(file: Path) -> Record:
    """The record of a file, {} where there is none; a file that is no record is renamed to <id>.damaged."""
    if not file.is_file():
        return {}
    try:
        record = _read(file)
        for part in record["exposures"]:
            _part_key(part)
    except _DAMAGE:
        os.replace(file, file.with_suffix(".damaged"))
        return {}
    return record


def _write(folder: Path, record: Record, old_files: Iterable[Path]) -> None:
    """Replace a camera's file, or remove it where nothing is left to keep; then remove the old files."""
    file = file_of(folder, record["name"])
    if record["exposures"] or "site" in record:
        fields = ("name", "site", "orientation", "exposures")
        ordered = {field: record[field] for field in fields if field in record}
        atomic.replace_file(file, json.dumps(ordered | record, indent=1).encode())
    else:
        file.unlink(missing_ok=True)
    for old in old_files:
        old.unlink(missing_ok=True)


def _id_of(name: str, exposure: str = "") -> str:
    """A file name of ours for any camera: what a person typed never reaches the disk as a path."""
    key = json.dumps([unicodedata.normalize("NFC", name), unicodedata.normalize("NFC", exposure)])
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _is_same(name: str, other: str) -> bool:
    return _id_of(name) == _id_of(other)


def _key(camera: Camera) -> tuple[str, tuple[int, int]]:
    return _id_of(camera.name, camera.exposure), camera.shape_hw


def _part_key(part: Mapping[str, Any]) -> tuple[str, str]:
    return _id_of("", str(part["exposure"])), str(part.get("shape_hw"))


def _horizon_file(folder: Path, camera: Camera) -> Path:
    """Where the horizon mask of a camera lies; 0.3.0 kept it there too."""
    height, width = camera.shape_hw
    return folder / f"{_id_of(camera.name, camera.exposure)}-{height}x{width}-horizon.png"


# Files of 0.3.0 -------------------------------------------------------------------------------------------------------


def _old_site_file(folder: Path, name: str) -> Path:
    return folder / _OLD_SITES / f"{_id_of(name)}.json"


def _old_pose(file: Path) -> Pose:
    """The pose of a file below sites/. Raises one of _DAMAGE."""
    record = _read(file)
    return _pose(record, record)


def _old_exposures(folder: Path, name: str) -> tuple[dict[tuple[str, str], Record], list[Path]]:
    """{key: part} of a camera's exposures, each kept in a file of its own, and these files."""
    found, files = {}, []
    for path in sorted(folder.glob("*-*x*.json")):
        try:
            record = _read(path)
            is_same = _is_same(str(record.pop("name")), name)
            _camera(name, record)
            record["horizon"]
        except _DAMAGE:
            continue
        if is_same:
            found[_part_key(record)] = record
            files.append(path)
    return found, files
