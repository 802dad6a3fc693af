"""Radar pictures in a folder per class: 136 x 136 pixels of 8 bits whose value is the reflectivity in dBZ."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cloudcore import images
from cloudcore.errors import DataError, ImageError
from cloudcore.files import tables
from cloudcore.files.opening import sha256_of
from cloudcore.frames.preflight import Preflight
from cloudcore.photographs import folders

SIDE = 136
LARGEST_DBZ = 100
"""No weather echo is stronger; a picture that holds more was stretched to 0..255 and is not in dBZ."""
CODE, NAME, EVENT = "Class Code", "Class Name", "UNID"
"""Columns of SVRIMG's class table: number and name of the class, and the picture's name."""
_DAY = re.compile(r"((?:19|20)\d{6})\d{4}z\d+")
"""SVRIMG names a picture by day, UTC time and number: 201104041310z000282671."""


def read_picture(path: Path) -> images.Image:
    """The dBZ of a file as uint8 (136, 136, 3), the same three times. Raises ImageError for any other picture."""
    image = images.read(path)
    height, width = image.shape[:2]
    if (height, width) != (SIDE, SIDE):
        raise ImageError(f"{path.name} is {height} × {width} px, wanted {SIDE} × {SIDE}. Cut it from the radar grid.")
    if (image != image[..., :1]).any():
        raise ImageError(f"{path.name} is in colours, wanted one channel of dBZ. Export the numbers, not the drawing.")
    if image.max() > LARGEST_DBZ:
        raise ImageError(
            f"{path.name} holds values to {image.max()}, wanted dBZ, at most {LARGEST_DBZ}. Export it unstretched."
        )
    return image


def group_of(name: str, sha256: str) -> str:
    """What a split never cuts through: the day where the name tells it, for a storm lasts hours; else the picture."""
    found = _DAY.match(name)
    return found.group(1) if found else sha256


def read_folder(folder: Path, progress: Callable[[int, int], None] | None = None) -> folders.Folder:
    """Every radar picture below the class folders; one filed under two classes is left out. Raises DataError."""
    names = folders.list_classes(folder)
    listed = folders.list_photos(folder, names)
    examples, refused = [], []
    for number, photo in enumerate(listed, 1):
        try:
            image = read_picture(photo.path)
        except ImageError as problem:
            refused.append(str(problem))
        else:
            sha256 = sha256_of(photo.path)
            known = replace(photo, sha256=sha256, group=group_of(photo.path.stem, sha256))
            examples.append(folders.Example(known, image))
        if progress:
            progress(number, len(listed))
    if not examples:
        raise DataError(f"No picture of {folder} is a radar picture. {refused[0] if refused else 'Choose another.'}")
    kept, disputed = _undisputed(examples)
    return folders.Folder(names, tuple(kept), tuple(disputed), len(examples) - len(kept), tuple(refused))


def _undisputed(
    examples: Sequence[folders.Example],
) -> tuple[list[folders.Example], list[tuple[str, str]]]:
    """(pictures of one class each, once; pairs of stems that are one picture under two classes)."""
    first: dict[str, folders.Example] = {}
    disputed: dict[str, tuple[str, str]] = {}
    for example in examples:
        other = first.setdefault(example.photo.sha256, example)
        if other.photo.label != example.photo.label:
            disputed[example.photo.sha256] = (other.photo.stem, example.photo.stem)
    return [e for sha, e in first.items() if sha not in disputed], list(disputed.values())


def read_table(path: Path) -> tuple[dict[int, str], dict[str, str]]:
    """(code -> class name, picture's name -> class name) of a table in SVRIMG's form, both as the file has them.

    Raises DataError for missing columns, a code with two names, a name with two codes and a picture with two classes.
    """
    rows = tables.read_file(path, (EVENT, CODE, NAME))
    codes: dict[int, str] = {}
    classes: dict[str, str] = {}
    for row in rows:
        number, name, event = row[""], row[NAME].strip(), row[EVENT].strip()
        try:
            code = int(row[CODE])
        except ValueError as problem:
            raise DataError(f"{path.name}, row {number}: wanted {EVENT}, {CODE} and {NAME}. Correct it.") from problem
        if codes.setdefault(code, name) != name or classes.setdefault(event, name) != name:
            raise DataError(f"{path.name}, row {number}: {event}, {code}, {name} contradicts a row above. Correct it.")
    if not rows or len(set(codes.values())) != len(codes):
        raise DataError(f"{path.name} needs rows, and one code for each class. Correct it.")
    return codes, classes


def check_classes(names: Sequence[str], codes: Mapping[int, str]) -> list[str]:
    """Sentences about what tells class folders and a table's classes apart; the folders' names decide."""
    strange = sorted(set(names) - set(codes.values()))
    absent = sorted(set(codes.values()) - set(names))
    strangers = [f"The table knows no class {name}." for name in strange]
    return strangers + [f"There is no picture of {name}." for name in absent]


def preflight(folder: Path) -> Preflight:
    """Look at a folder of classes before a training: classes, counts, what is refused, and its class table if any."""
    try:
        read = read_folder(folder)
        tables = [read_table(path)[0] for path in sorted(folder.glob("*.csv"))]
    except DataError as problem:
        return Preflight([str(problem)], [], 0, float("nan"))
    counts = Counter(example.photo.label for example in read.examples)
    notes = [f"{', '.join(f'{name} {counts.get(k, 0)}' for k, name in enumerate(read.classes))}."]
    days = len({example.photo.group for example in read.examples})
    if days < len(read.examples):
        notes.append(f"{days} days: pictures of one day stay on one side of the split.")
    if read.dropped:
        notes.append(f"{read.dropped} pictures are left out: twice there, or filed under two classes.")
    if read.refused:
        notes.append(f"{len(read.refused)} files are left out. {read.refused[0]}")
    for codes in tables:
        notes += check_classes(read.classes, codes)
    return Preflight([], notes, len(read.examples), max(counts.values()) / len(read.examples))
