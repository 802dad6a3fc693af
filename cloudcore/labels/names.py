"""Names of label sets and frames: which are accepted, and where their files lie on disk."""

import hashlib
import re
import unicodedata

from cloudcore.errors import LabelError
from cloudcore.files.names import is_reserved

STEM_BYTES = 2000
PART_BYTES = 255
Key = tuple[str, str]
"""Label set and stem: the name of a frame's label."""
PictureKey = tuple[str, str, str]
"""Label set, stem and picture: what a label belongs to. The picture is the sha256 of the frame's file, or "" where it
is not known."""
_LABEL_SET = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")
_PICTURE = re.compile(r"(?:[0-9a-f]{64})?")
_DRIVE = re.compile(r"[A-Za-z]:")


UNKNOWN_PICTURE = "0" * 64
"""Stands for the picture of an old label that a person said is not the one before them."""


def disk_name(stem: str) -> str:
    """The relative path (no suffix) a stem's files have on disk: the stem itself, odd parts under an own id.

    Odd are parts that some file system refuses or changes: over 255 bytes with `.png`, control characters, names such
    as CON, an outer space or dot. `~` and a hash stands for them, and for parts that begin with `~`, so that no two
    stems share a file. Raises LabelError for a stem that is no relative path.
    """
    parts = check_stem(stem).split("/")
    return "/".join(_disk_part(part, is_folder=place < len(parts) - 1) for place, part in enumerate(parts))


def check_stem(stem: str) -> str:
    """The stem itself; raises LabelError where it is empty, absolute, too long or has an empty part, `.` or `..`."""
    parts = re.split(r"[/\\]", stem)
    if any(part in ("", ".", "..") for part in parts) or (_DRIVE.match(stem) and len(parts) > 1):
        wanted = "a relative path without '..', such as night1/frame_003"
        raise LabelError(f"The name {shown(stem)} is not accepted: wanted {wanted}. Rename the image.")
    if len(stem.encode(errors="surrogatepass")) > STEM_BYTES:
        raise LabelError(f"The name {shown(stem)} is longer than {STEM_BYTES} bytes. Rename the image.")
    return stem


def _disk_part(part: str, is_folder: bool) -> str:
    raw = part.encode(errors="surrogatepass")
    odd = (
        len(raw) + len(".png") > PART_BYTES
        or any(ord(letter) < 32 or ord(letter) == 127 or 0xD800 <= ord(letter) < 0xE000 for letter in part)
        or part[0] in " .~"
        or part[-1] in " ."
        or "\\" in part
        or _DRIVE.match(part) is not None
        or is_reserved(part)
        # a folder a.png would stand where the export of the stem `a` lies
        or (is_folder and part.lower().endswith(".png"))
    )
    return f"~{hashlib.sha256(raw).hexdigest()[:40]}" if odd else part


def shown(stem: str) -> str:
    """A name fit for a sentence: NFC, quoted, control characters escaped, not longer than 80 characters."""
    name = unicodedata.normalize("NFC", stem)
    return repr(name if len(name) <= 80 else f"{name[:60]}…{name[-15:]}")


def checked_key(label_set: str, stem: str) -> Key:
    """(label_set, stem); raises LabelError where either is not accepted."""
    if not _LABEL_SET.fullmatch(label_set) or ".." in label_set or is_reserved(label_set):
        wanted = "letters, digits, dot, dash and underscore, such as patterns-Fish"
        raise LabelError(f"The label set {shown(label_set)} is not accepted: use {wanted}.")
    return label_set, check_stem(stem)


def checked_picture(picture: str) -> str:
    """The picture itself; raises LabelError where it is neither "" nor a sha256 in lower-case hexadecimal digits."""
    if not _PICTURE.fullmatch(picture):
        raise LabelError(f"The picture {picture[:80]!r} is no sha256. Give the hash of the frame's file, or nothing.")
    return picture


def short(text: str, what: str) -> str:
    """The text itself; raises LabelError naming `what` where it has more than 200 characters."""
    if len(text) > 200:
        raise LabelError(f"The {what} has {len(text)} characters, at most 200 are kept. Shorten it.")
    return text
