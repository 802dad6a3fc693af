"""Frames and labelled pairs of a folder: listing, splits by group, preflight and the uint8 cache of resized arrays."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from cloudcore import images
from cloudcore.errors import DataError

_TIME = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})[T_ -]?(?:ut)?(\d{2})[-:]?(\d{2})[-:]?(\d{2})")
LAST_NUMBER = re.compile(r"(\d+)$")
_DATED_FOLDER = re.compile(r"(?:^|(?<=/))(?:night[-_ ]?)?(?:19|20)\d{2}(?:[-_./]?\d{2}){0,3}(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Frame:
    """One sky frame: stem is its path below the folder without suffix; night is the UTC date of the noon before."""

    stem: str
    path: Path
    time: datetime | None
    camera: str
    night: str | None


def time_of(name: str) -> datetime | None:
    """UTC time written in a file name such as camera1_2017-08-17T09-56-06 or kp_r20170817ut095606; None without one."""
    found = _TIME.search(name)
    if found is None:
        return None
    try:
        return datetime(*(int(part) for part in found.groups()), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None


def night_of(time: datetime) -> str:
    """The date (UTC) of the noon before a time: frames of one night share it, and so do those of its morning."""
    return (time - timedelta(hours=12)).date().isoformat()


def camera_of(name: str) -> str:
    """What stands before the time in a file name, or before its last number; empty where nothing does."""
    found = _TIME.search(name)
    head = name[: found.start()] if found else LAST_NUMBER.sub("", name)
    return head.strip("_- .")


def frame_of(path: Path, folder: Path) -> Frame:
    """The Frame of an image file below a folder.

    Its camera is the folders it lies in and what stands before the time in its name; folders named by a date
    (2017-08-17, 2017/08, night_20170817) are nights of one camera and are passed over.
    """
    stem = path.relative_to(folder).with_suffix("").as_posix()
    time = time_of(path.stem)
    parent = PurePosixPath(stem).parent.as_posix()
    within = _DATED_FOLDER.sub("", parent if parent != "." else "").strip("/")
    camera = "/".join(part for part in (within, camera_of(path.stem)) if part)
    return Frame(stem, path, time, camera, night_of(time) if time else None)


def list_frames(folder: Path) -> list[Frame]:
    """All frames below a folder, sorted by stem. Raises DataError where the folder cannot be read.

    Of two files that differ only in their suffix the first by name is taken, since a label belongs to a stem.
    """
    if not folder.is_dir():
        raise DataError(f"Cannot read {folder}: there is no such folder. Choose another.")
    try:
        found = images.list_images(folder)
    except OSError as problem:
        raise DataError(f"Cannot read {folder}: {problem.strerror}. Choose another.") from problem
    frames: dict[str, Frame] = {}
    for path in found:
        frame = frame_of(path, folder)
        frames.setdefault(frame.stem, frame)
    return [frames[stem] for stem in sorted(frames)]
