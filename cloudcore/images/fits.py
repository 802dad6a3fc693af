"""Sky frames from FITS files: a uint8 picture and the time of its header; the primary image alone is looked at.

Values become 8 bits by a fixed division that depends on their type, never on the frame's own maximum.
"""

import io
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from cloudcore.errors import ImageError
from cloudcore.files import opening
from cloudcore.images import array, checks

SUFFIXES = (".fits", ".fit", ".fts")
"""File name endings of FITS frames."""
_EPOCH_MJD = datetime(1858, 11, 17, tzinfo=UTC)


def is_fits(path: Path) -> bool:
    """Whether a file name ends like a FITS frame's."""
    return path.suffix.lower() in SUFFIXES


def _opened(content: bytes, name: str) -> Any:
    from astropy.io import fits

    if not content.startswith(b"SIMPLE  ="):
        raise ImageError(f"{name} is no FITS file, though it is called one: convert it to JPEG or PNG")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return fits.open(io.BytesIO(content), memmap=False, lazy_load_hdus=True)[0]
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise ImageError(f"{name} is a damaged FITS file: copy or export it again") from error


def read(path: Path) -> array.Image:
    """The frame as uint8 (H, W, 3), the first row of the file at the bottom as FITS viewers show it. Raises ImageError.

    Taken are 8-bit values as they are, 16-bit unsigned (BZERO 32768) divided by 256 and 16-bit signed by 128, in one
    plane or three; floating-point numbers have no fixed scale and are refused.
    """
    first = _opened(opening.read_file(path, ImageError), path.name)
    axes = [int(first.header.get(f"NAXIS{n}", 0)) for n in range(1, int(first.header.get("NAXIS", 0)) + 1)]
    if len(axes) not in (2, 3) or (len(axes) == 3 and axes[2] != 3):
        raise ImageError(f"{path.name} holds an array of axes {axes}, wanted a picture of one plane or three")
    if min(axes[:2]) < checks.MIN_SIDE or axes[0] * axes[1] > checks.MAX_PIXELS:
        raise ImageError(f"{path.name} has {axes[1]} × {axes[0]} px (h × w), wanted 16 px a side to 50 megapixels")
    bits, zero = int(first.header["BITPIX"]), float(first.header.get("BZERO", 0))
    if bits not in (8, 16) or float(first.header.get("BSCALE", 1)) != 1:
        raise ImageError(f"{path.name} holds scaled or floating-point numbers, wanted 8 or 16 bits: save it so")
    try:
        values = np.asarray(first.data)
    except (OSError, ValueError, TypeError) as error:
        raise ImageError(f"{path.name} is cut short: copy or export it again") from error
    if bits == 16:
        values = np.clip(np.asarray(values, np.int64) // (256 if zero == 32768 else 128), 0, 255)
    planes = np.asarray(values, np.uint8)[..., ::-1, :]
    return np.ascontiguousarray(np.repeat(planes[..., None], 3, 2) if planes.ndim == 2 else planes.transpose(1, 2, 0))


def time_of(path: Path) -> datetime | None:
    """The UTC time of DATE-OBS (with TIME-OBS or UT where it is a date alone) or of MJD-OBS; None without one.

    Raises ImageError for a file that is no FITS file.
    """
    header = _opened(opening.read_file(path, ImageError), path.name).header
    text = str(header.get("DATE-OBS", "")).strip()
    if text and "T" not in text:
        clock = str(header.get("TIME-OBS", header.get("UT", ""))).strip()
        text = f"{text}T{clock}" if clock else ""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        mjd = header.get("MJD-OBS")
        return _EPOCH_MJD + timedelta(days=float(mjd)) if isinstance(mjd, int | float) else None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
