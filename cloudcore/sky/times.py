"""When a frame was taken: from a table, a file name pattern, a FITS header, the file name, or EXIF, in this order."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from PIL import ExifTags, UnidentifiedImageError
from PIL import Image as PIL

from cloudcore import images
from cloudcore.errors import DataError, ImageError
from cloudcore.files import tables
from cloudcore.frames import listing
from cloudcore.images import fits

_DIGITS = {"Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{2}", "d": r"\d{2}", "H": r"\d{2}", "M": r"\d{2}", "S": r"\d{2}"}
_DIGITS |= {"j": r"\d{3}", "f": r"\d{1,6}", "b": r"[A-Za-z]{3}"}
_TAKEN, _ZONE = ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal
_NO_EXIF = (OSError, ValueError, SyntaxError, KeyError, TypeError, UnidentifiedImageError, PIL.DecompressionBombError)


@dataclass(frozen=True)
class TimeSource:
    """Where times come from: a table {file: UTC time}, a name pattern, and how far ahead of UTC the camera's clock is.

    pattern is as strptime's, "IMG_%Y%m%d_%H%M%S", found anywhere in the path below the folder; `*` stands for anything.
    ahead_hours is taken off every time that comes without a zone, from names and EXIF alike; FITS and tables are UTC.
    """

    table: Mapping[str, datetime] = field(default_factory=dict)
    pattern: str = ""
    ahead_hours: float = 0.0

    def __post_init__(self) -> None:
        if self.pattern:
            _compiled(self.pattern)
        if not -14 <= self.ahead_hours <= 14:
            raise DataError(f"The clock is said to be {self.ahead_hours} h ahead of UTC, wanted -14 to 14. Correct it.")


def read_table(name: str, content: bytes) -> dict[str, datetime]:
    """{file: UTC time} of a CSV with the columns file and time_utc; file is a path below the folder, or a name."""
    rows = tables.read(name, content, ("file", "time_utc"))
    return {row["file"]: tables.time_of(row["time_utc"], f"{name}, line {row['']}") for row in rows}


def list_files(folder: Path) -> list[Path]:
    """Every frame below a folder, FITS included, sorted; of files that differ in their suffix alone the first.

    Raises DataError where the folder cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"Cannot read {folder}: there is no such folder. Choose another.")
    found: dict[str, Path] = {}
    for path in sorted([*images.list_images(folder), *_fits_files(folder)], key=lambda p: p.relative_to(folder)):
        found.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    return list(found.values())


def _fits_files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in files if not name.startswith(".") and fits.is_fits(Path(name)))


def time_of(path: Path, folder: Path, clock: TimeSource) -> datetime | None:
    """UTC time of a frame of a folder, None where none is found. Raises ImageError for a FITS file that is none.

    >>> night = Path("nights")
    >>> time_of(night / "2017-08-17" / "cam_0320_11.png", night, TimeSource(pattern="%Y-%m-%d/*_%H%M_%S")).isoformat()
    '2017-08-17T03:20:11+00:00'
    """
    file = path.relative_to(folder).as_posix()
    for name in (file, PurePosixPath(file).with_suffix("").as_posix(), path.name, path.stem):
        if name in clock.table:
            return clock.table[name]
    ahead = timedelta(hours=clock.ahead_hours)
    if clock.pattern:
        found = _by_pattern(file, clock.pattern)
        return found - ahead if found else None
    if fits.is_fits(path) and (taken := fits.time_of(path)):
        return taken
    if named := listing.time_of(path.stem):
        return named - ahead
    return None if fits.is_fits(path) else _by_exif(path, ahead)


def _compiled(pattern: str) -> "re.Pattern[str]":
    parts, codes = [], re.findall(r"%(.)", pattern)
    for code in codes:
        if code not in _DIGITS:
            raise DataError(f"The pattern holds %{code}; known are {', '.join(f'%{known}' for known in _DIGITS)}.")
    if twice := [code for code in codes if codes.count(code) > 1]:
        raise DataError(f"The pattern names %{twice[0]} twice. Write `*` for the one that is not the time.")
    dated = "Y" in codes or "y" in codes
    if not dated or not ({"m", "d"} <= {*codes} or {"b", "d"} <= {*codes} or "j" in codes) or "H" not in codes:
        raise DataError(f"The pattern {pattern!r} lacks year, day or hour. Write it like IMG_%Y%m%d_%H%M%S.")
    for literal, code in re.findall(r"([^%*]+)|%?(.)", pattern):
        parts.append(re.escape(literal) if literal else ".*?" if code == "*" else f"({_DIGITS.get(code, '')})")
    return re.compile("".join(parts))


def _by_pattern(file: str, pattern: str) -> datetime | None:
    found = _compiled(pattern).search(file)
    if found is None:
        return None
    codes = " ".join(f"%{code}" for code in re.findall(r"%(.)", pattern))
    try:
        return datetime.strptime(" ".join(found.groups()), codes).replace(tzinfo=UTC)
    except ValueError:
        return None


def _by_exif(path: Path, ahead: timedelta) -> datetime | None:
    """DateTimeOriginal with its zone; without one, the camera's clock. Only the header is read."""
    try:
        images.shape_hw(path)  # the house's own gate for hostile files
        with PIL.open(path, formats=("JPEG", "PNG", "TIFF")) as opened:
            exif = opened.getexif()
            inner = exif.get_ifd(ExifTags.IFD.Exif)
            text = str(inner.get(_TAKEN) or exif.get(ExifTags.Base.DateTime) or "")
            zone = str(inner.get(_ZONE) or "")
    except (ImageError, *_NO_EXIF):
        return None
    try:
        taken = datetime.strptime(text.strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S")
        if zoned := zone.strip("\0 "):
            return datetime.fromisoformat(f"{taken.isoformat()}{zoned}").astimezone(UTC)
    except ValueError:
        return None
    return taken.replace(tzinfo=UTC) - ahead
