"""File names: fit for a sentence, accepted by every file system, and not taken yet."""

from pathlib import Path

_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{kind}{digit}" for kind in ("COM", "LPT") for digit in range(10))}
LONGEST = 100
"""Characters of a plain name."""


def printable(name: str) -> str:
    """The name with a question mark for each character that would not show in a sentence."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def is_reserved(name: str) -> bool:
    """Whether Windows keeps the name for a device, with any suffix: CON, nul.txt, COM1."""
    return name.split(".")[0].rstrip().upper() in _DEVICES


def plain(name: str, otherwise: str) -> str:
    """The name in letters and digits of any script, `-`, `_`, `+` and dots, so that times and cameras survive.

    Each other character becomes `_`; none of the two outer ones is a dot or `_`. `otherwise` goes before a name that is
    reserved, and stands for an empty one.

    >>> plain("Kamera 3/2017-08-17T09:56", "frame")
    'Kamera_3_2017-08-17T09_56'
    >>> plain("con", "frame"), plain("..", "frame")
    ('frame_con', 'frame')
    """
    kept = "".join(letter if letter.isalnum() or letter in "-_+." else "_" for letter in name)
    kept = kept.strip("._")[:LONGEST].rstrip("._")
    return f"{otherwise}_{kept}".rstrip("_") if not kept or is_reserved(kept) else kept


def free_path(folder: Path, stem: str, suffix: str) -> Path:
    """folder/<stem><suffix> where nothing stands there, else the first free of <stem>-2<suffix>, <stem>-3<suffix>."""
    target, number = folder / f"{stem}{suffix}", 2
    while target.exists():
        target, number = folder / f"{stem}-{number}{suffix}", number + 1
    return target
