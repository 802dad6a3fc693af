"""Photographs in a folder per class: listing, twins by perceptual hash, a split that stays, and a first look."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cloudcore import images
from cloudcore.errors import DataError, ImageError
from cloudcore.files import tables
from cloudcore.files.opening import sha256_of
from cloudcore.frames import groups
from cloudcore.frames.preflight import Preflight
from cloudcore.photographs.twins import find_twins, perceptual_hash, shrunk, thumbprint

CONFLICTS = "_cross_class_duplicates.csv"
"""Table beside the class folders: file_a, label_a, file_b, label_b of pictures filed under two names."""


@dataclass(frozen=True)
class Photo:
    """One photograph: stem is its path below the folder without suffix, label the number of its class folder.

    group is the smallest sha256 among its twins: what a split never cuts through.
    """

    stem: str
    path: Path
    label: int
    sha256: str = ""
    group: str = ""


@dataclass(frozen=True)
class Example:
    """A photograph in memory, its shorter side at most the presize: image uint8 (h, w, 3)."""

    photo: Photo
    image: images.Image


@dataclass(frozen=True)
class Parts:
    """What is learnt from, what choices are made on, and what nothing is chosen on."""

    train: tuple[Photo, ...]
    valid: tuple[Photo, ...]
    test: tuple[Photo, ...]


def list_classes(folder: Path) -> tuple[str, ...]:
    """Names of the class folders with a picture in them, sorted; those starting with _ or . are none.

    Raises DataError where the folder is missing or has fewer than two classes.
    """
    if not folder.is_dir():
        raise DataError(f"Cannot read {folder}: there is no such folder. Choose another.")
    named = sorted(p for p in folder.iterdir() if p.is_dir() and p.name[0] not in "_.")
    found = tuple(path.name for path in named if images.list_images(path))
    if len(found) < 2:
        holds = f"only {found[0]}" if found else "no folder with a JPEG or PNG in it"
        raise DataError(f"{folder} has {holds}; at least two classes are needed. Give a folder for each class.")
    return found


def list_photos(folder: Path, classes: Sequence[str] | None = None) -> list[Photo]:
    """Every photograph below the class folders, sorted by stem; classes fixes the numbers. Raises DataError."""
    names = tuple(classes) if classes is not None else list_classes(folder)
    found = [
        Photo(path.relative_to(folder).with_suffix("").as_posix(), path, number)
        for number, name in enumerate(names)
        for path in images.list_images(folder / name)
    ]
    if not found:
        raise DataError(f"{folder} has no folder named {', '.join(names[:3])} … with a picture. Give another folder.")
    return found


def in_conflict(folder: Path) -> frozenset[str]:
    """Names of the files the folder's conflict table lists; empty without one. Raises DataError for a broken table."""
    path = folder / CONFLICTS
    if not path.is_file():
        return frozenset()
    sides = ("file_a", "file_b")
    return frozenset(row[side] for row in tables.read_file(path, sides) for side in sides)


def group_twins(photos: Sequence[Photo], pairs: Sequence[tuple[int, int]]) -> list[Photo]:
    """The photographs with their groups: twins, and twins of twins, share one."""
    joined = groups.join(len(photos), pairs)
    smallest: dict[int, str] = {}
    for first, photo in zip(joined, photos, strict=True):
        smallest[first] = min(smallest.get(first, photo.sha256), photo.sha256)
    return [replace(photo, group=smallest[first]) for first, photo in zip(joined, photos, strict=True)]


def split(photos: Sequence[Photo], validation: float, test: float, seed: int) -> Parts:
    """Parts by a number in 0..1 drawn for each group from (seed, group): test below `test`, then validation.

    No other photograph has a say, so the parts stay when some are added, dropped or moved to another class.
    """
    parts: tuple[list[Photo], list[Photo], list[Photo]] = ([], [], [])
    for photo in photos:
        digest = hashlib.sha256(f"{seed}:{photo.group}".encode()).digest()
        drawn = int.from_bytes(digest[:8], "big") / 2**64
        parts[2 if drawn < test else 1 if drawn < test + validation else 0].append(photo)
    return Parts(*(tuple(part) for part in parts))


@dataclass(frozen=True)
class Folder:
    """A class folder as read: classes, examples, twins between classes (stems), how many were dropped and refused."""

    classes: tuple[str, ...]
    examples: tuple[Example, ...]
    disputed: tuple[tuple[str, str], ...]
    dropped: int
    refused: tuple[str, ...]


def read_folder(
    folder: Path,
    presize: int = 256,
    progress: Callable[[int, int], None] | None = None,
    classes: Sequence[str] | None = None,
    where: Callable[[list[Photo]], list[Photo]] = list,
) -> Folder:
    """Every readable photograph with its group, shorter side at most `presize` px; what is in conflict is dropped.

    where lets decisions of the cleaner drop or move photographs first. Raises DataError where nothing is left.
    """
    names = tuple(classes) if classes is not None else list_classes(folder)
    listed, conflict = where(list_photos(folder, names)), in_conflict(folder)
    kept = [photo for photo in listed if photo.path.name not in conflict]
    photos, pictures, hashes, prints, refused = [], [], [], [], []
    for number, photo in enumerate(kept):
        try:
            image = images.read(photo.path)
        except ImageError as problem:
            refused.append(str(problem))
            continue
        photos.append(replace(photo, sha256=sha256_of(photo.path)))
        hashes.append(perceptual_hash(image))
        prints.append(thumbprint(image))
        pictures.append(shrunk(image, presize))
        if progress:
            progress(number + 1, len(kept))
    if not photos:
        raise DataError(f"No photograph of {folder} can be read. {refused[0] if refused else 'Choose another folder.'}")
    pairs = find_twins(np.stack(hashes), np.stack(prints))
    disputed = tuple((photos[a].stem, photos[b].stem) for a, b in pairs if photos[a].label != photos[b].label)
    examples = tuple(Example(p, i) for p, i in zip(group_twins(photos, pairs), pictures, strict=True))
    return Folder(names, examples, disputed, len(listed) - len(kept), tuple(refused))


def preflight(folder: Path, where: Callable[[list[Photo]], list[Photo]] = list) -> Preflight:
    """Look at a folder of classes before a training: classes, counts, what cannot be read, twins, conflicts."""
    try:
        read = read_folder(folder, 64, where=where)
    except DataError as problem:
        return Preflight([str(problem)], [], 0, float("nan"))
    counts = Counter(example.photo.label for example in read.examples)
    named = [f"{name} {counts.get(number, 0)}" for number, name in enumerate(read.classes)]
    notes = [f"{len(read.examples)} photographs: {', '.join(named)}."]
    sizes = Counter(example.photo.group for example in read.examples)
    if twins := sum(count - 1 for count in sizes.values()):
        notes.append(f"{twins} photographs are near-twins of another: twins stay on one side of the split.")
    if read.dropped:
        notes.append(f"{read.dropped} photographs are left out: {CONFLICTS} lists them under two names.")
    if read.disputed:
        notes.append(f"{len(read.disputed)} pairs of twins have two names, the first {' and '.join(read.disputed[0])}.")
    if read.refused:
        notes.append(f"{len(read.refused)} files are left out. {read.refused[0]}")
    return Preflight([], notes, len(read.examples), max(counts.values()) / len(read.examples))
