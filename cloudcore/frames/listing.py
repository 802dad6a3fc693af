"""Frames and labelled pairs of a folder: listing, splits by group, preflight and the uint8 cache of resized arrays."""

import csv
import hashlib
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from cloudcore import images, mask
from cloudcore.errors import DataError, ImageError
from cloudcore.settings import Settings

BLOCK = 10
TWIN_DIFFERENCE = 2.5
_TIME = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})[T_ -]?(?:ut)?(\d{2})[-:]?(\d{2})[-:]?(\d{2})")
_NUMBER = re.compile(r"(\d+)$")
_DATED_FOLDER = re.compile(r"(?:^|(?<=/))(?:night[-_ ]?)?(?:19|20)\d{2}(?:[-_./]?\d{2}){0,3}(?:/|$)", re.IGNORECASE)
_COLUMNS = ("image", "mask", "source", "mask_values", "time", "sky_type")


@dataclass(frozen=True)
class Frame:
    """One sky frame: stem is its path below the folder without suffix; night is the UTC date of the noon before."""

    stem: str
    path: Path
    time: datetime | None
    camera: str
    night: str | None


@dataclass(frozen=True)
class Pair:
    """A frame with its mask file; group is what a split never cuts through."""

    stem: str
    image: Path
    mask: Path
    source: str
    mask_values: str
    time: str
    sky_type: str
    group: str


@dataclass(frozen=True)
class Split:
    """Training and validation pairs, what they were grouped by, and a sentence about it."""

    train: tuple[Pair, ...]
    valid: tuple[Pair, ...]
    by: str
    note: str


@dataclass(frozen=True)
class Preflight:
    """What a look at the data found before anything starts: problems stop a training, notes do not."""

    problems: list[str]
    notes: list[str]
    n_images: int
    base_rate: float


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
    head = name[: found.start()] if found else _NUMBER.sub("", name)
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


def pairs(folder: Path) -> list[Pair]:
    """The labelled frames of a data folder: its pairs.csv, else images/ and masks/ with the same relative stems.

    A mask ending in _3GT.png is skipped. Raises DataError naming what is missing.
    """
    if not folder.is_dir():
        raise DataError(f"Cannot read {folder}: there is no such folder. Choose another.")
    found = _pairs_of_table(folder) if (folder / "pairs.csv").is_file() else _pairs_of_folders(folder)
    if not found:
        raise DataError(f"No frame in {folder} has a mask. Put masks with the frames' names into {folder / 'masks'}.")
    return found


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a pairs.csv as text. Raises DataError for another encoding, a missing column or a row of other length."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(f"{path.name} is not UTF-8 text. Save it as CSV in UTF-8.") from problem
    if "\0" in text:
        raise DataError(f"{path.name} holds a NUL byte. Save it again as CSV in UTF-8.")
    table = list(csv.reader(io.StringIO(text)))
    header = table[0] if table else []
    if missing := [name for name in ("image", "mask") if name not in header]:
        raise DataError(f"{path.name} has no column {missing[0]!r}. Its first line must name {', '.join(_COLUMNS)}.")
    for number, row in enumerate(table[1:], start=2):
        if row and len(row) != len(header):
            raise DataError(f"{path.name}, line {number}: {len(row)} fields, expected {len(header)}. Correct the line.")
    return [dict(zip(header, row, strict=True)) for row in table[1:] if row]


def _inside(folder: Path, name: str, table: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or not name:
        raise DataError(f"{table} names {name!r}, which is not a path below its folder. Use relative paths.")
    return folder / path


def _pairs_of_table(folder: Path) -> list[Pair]:
    found = []
    for row in read_rows(folder / "pairs.csv"):
        if row["mask"].endswith("_3GT.png"):
            continue
        image, label = _inside(folder, row["image"], "pairs.csv"), _inside(folder, row["mask"], "pairs.csv")
        if not image.is_file() or not label.is_file():
            raise DataError(
                f"pairs.csv names {image.name} and {label.name}, but one is missing. Add it or drop the row."
            )
        stem = PurePosixPath(row["image"]).with_suffix("").as_posix().removeprefix("images/")
        source, values, time, sky_type = (row.get(name, "") for name in _COLUMNS[2:])
        found.append(Pair(stem, image, label, source, values, time, sky_type, group=""))
    return _grouped(found)


def _pairs_of_folders(folder: Path) -> list[Pair]:
    for name in ("images", "masks"):
        if not (folder / name).is_dir():
            raise DataError(f"{folder} has no folder {name}. Give a folder with images/ and masks/, or a pairs.csv.")
    masks = {
        path.relative_to(folder / "masks").with_suffix("").as_posix(): path
        for path in images.list_images(folder / "masks")
        if not path.name.endswith("_3GT.png")
    }
    found = [
        Pair(frame.stem, frame.path, masks[frame.stem], "", "", "", "", "")
        for frame in list_frames(folder / "images")
        if frame.stem in masks
    ]
    return _grouped(found)


def _grouped(found: list[Pair]) -> list[Pair]:
    """Give each pair its group: its night, else its block of ten numbers (or stems) within source and camera."""
    grouped = []
    for position, pair in enumerate(found):
        name = PurePosixPath(pair.stem).name
        time = time_of(name)
        where = pair.source or PurePosixPath(pair.stem).parent.as_posix()
        number = _NUMBER.search(name)
        block = int(number.group(1)) // BLOCK if number else position // BLOCK
        group = f"{where}/night {night_of(time)}" if time else f"{where}/{camera_of(name)} block {block}"
        grouped.append(replace(pair, group=group))
    return grouped


def read_pair(pair: Pair) -> tuple[images.Image, mask.Label]:
    """(image, label 0/128/255) of a pair, both (H, W). Raises DataError where sizes differ or levels are unknown."""
    image, grey = images.read(pair.image), images.read_label(pair.mask)
    if grey.shape != image.shape[:2]:
        raise DataError(
            f"{pair.mask.name} is {grey.shape[0]} × {grey.shape[1]} (h × w), its image {image.shape[0]} × "
            f"{image.shape[1]}. Give a mask of the image's size; masks are never resized."
        )
    return image, levels_to_label(grey, pair.mask_values, pair.mask.name)


def levels_to_label(grey: NDArray[np.uint8], mask_values: str, name: str) -> mask.Label:
    """Grey values (H, W) of a mask file -> label 0/128/255, by what the table says, else by the levels themselves.

    Understood: 255/0 and 255/128/0; 255=cloud 100=sky 0=undefined; "JPEG binary", cut at 128. Else DataError.
    """
    said = mask_values.replace(" ", "").lower()
    if "255=cloud100=sky0=undefined" in said:
        table = np.full(256, mask.UNDEFINED, np.uint8)
        table[100], table[255] = mask.SKY, mask.CLOUD
        return table[grey]
    if "jpegbinary" in said:
        return np.where(grey >= 128, mask.CLOUD, mask.SKY).astype(np.uint8)
    levels = np.unique(grey)
    if not np.isin(levels, (mask.SKY, mask.UNDEFINED, mask.CLOUD)).all():
        shown = ", ".join(str(level) for level in levels[:6])
        raise DataError(
            f"{name} holds the values {shown}{' …' if len(levels) > 6 else ''}; a label has 0 sky, 128 undefined, "
            "255 cloud. Import it on Paint, which asks what each level means."
        )
    return grey


def fingerprint(image: images.Image) -> NDArray[np.float32]:
    """A 16x16x3 thumbnail, flattened: two frames of nearly equal fingerprints are twins."""
    return images.resize(image, (16, 16)).astype(np.float32).reshape(-1)


def join_twins(found: Sequence[Pair], prints: NDArray[np.float32]) -> list[Pair]:
    """Merge the groups of near-identical frames (mean difference of fingerprints < 2.5 of 255).

    prints is (n, 768), one row a pair. So no twin of a training frame is ever scored.
    """
    parent = {pair.group: pair.group for pair in found}

    def root(group: str) -> str:
        while parent[group] != group:
            group = parent[group]
        return group

    # sixteen means of a fingerprint never differ by more than the whole: they spare most of the work
    coarse = prints.reshape(len(prints), 16, -1).mean(axis=2)
    for index in range(len(found)):
        rough = np.abs(coarse[index + 1 :] - coarse[index]).mean(axis=1)
        near = np.flatnonzero(rough < TWIN_DIFFERENCE + 0.001)
        difference = np.abs(prints[index + 1 + near] - prints[index]).mean(axis=1)
        for other in near[difference < TWIN_DIFFERENCE]:
            one, two = sorted((root(found[index].group), root(found[index + 1 + int(other)].group)))
            parent[two] = one
    return [replace(pair, group=root(pair.group)) for pair in found]


def split(found: Sequence[Pair], fraction: float = 0.2, seed: int = 0) -> Split:
    """Hold out whole groups until each source has about that fraction (0..1) of its frames in validation.

    Seeded. With fewer than two groups nothing is held out, and the note says so.
    """
    by = _grouped_by(found)
    sources: dict[str, dict[str, list[Pair]]] = defaultdict(lambda: defaultdict(list))
    for pair in found:
        sources[pair.group.split("/", 1)[0]][pair.group].append(pair)
    held: set[str] = set()
    for name in sorted(sources):
        held |= _held_out(sources[name], fraction, np.random.default_rng([seed, len(held)]))
    train = tuple(pair for pair in found if pair.group not in held)
    valid = tuple(pair for pair in found if pair.group in held)
    if not valid:
        return Split(train, (), by, f"No validation: all {len(train)} frames belong to one {by}, so none is held out.")
    return Split(train, valid, by, f"{len(train)} frames to learn from, {len(valid)} held out, split by {by}.")


def _grouped_by(found: Sequence[Pair]) -> str:
    return "night" if all(" block " not in pair.group for pair in found) else f"blocks of {BLOCK}"


def _held_out(groups: dict[str, list[Pair]], fraction: float, rng: np.random.Generator) -> set[str]:
    if len(groups) < 2:
        return set()
    wanted = fraction * sum(len(members) for members in groups.values())
    order = [sorted(groups)[i] for i in rng.permutation(len(groups))]
    held: set[str] = set()
    count = 0
    for group in order[:-1]:
        if held and abs(count + len(groups[group]) - wanted) > abs(count - wanted):
            continue
        if count >= wanted:
            break
        held.add(group)
        count += len(groups[group])
    return held


@dataclass(frozen=True)
class Example:
    """One resized frame held in memory: image (h, w, 3) uint8, label (h, w) uint8 0/128/255, sha256 of the file.

    print is the fingerprint of the frame as it was, so that no setting changes how frames are split.
    """

    pair: Pair
    image: images.Image
    label: mask.Label
    sha256: str
    print: NDArray[np.float32]


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def short_side(shape_hw: tuple[int, int], side: int) -> tuple[int, int]:
    """(h, w) scaled so that the shorter side is `side` px, the other in proportion; side 0 changes nothing."""
    height, width = shape_hw
    if side <= 0 or min(shape_hw) == side:
        return height, width
    scale = side / min(shape_hw)
    return max(1, round(height * scale)), max(1, round(width * scale))


def load(found: Sequence[Pair], side: int, progress: Callable[[int, int], None] | None = None) -> list[Example]:
    """Read pairs and resize them to a shorter side of `side` px (0: as they are). Labels by nearest neighbour."""
    import cv2

    examples = []
    for index, pair in enumerate(found):
        image, label = read_pair(pair)
        out_hw = short_side(image.shape[:2], side)
        small = np.asarray(cv2.resize(label, out_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
        sha256, print_ = sha256_of(pair.image), fingerprint(image)
        examples.append(Example(pair, images.resize(image, out_hw), small, sha256, print_))
        if progress:
            progress(index + 1, len(found))
    return examples


def base_rate(labels: Iterable[mask.Label]) -> float:
    """Share of cloud among all defined pixels; NaN where none is defined."""
    cloud = defined = 0
    for label in labels:
        cloud += int(np.count_nonzero(label == mask.CLOUD))
        defined += int(np.count_nonzero(label != mask.UNDEFINED))
    return cloud / defined if defined else float("nan")


def preflight(folder: Path, fraction: float = 0.2, seed: int = 0) -> Preflight:
    """Look at a sky data folder before a training: sizes, levels, polarity, empty masks, twins across the split."""
    problems: list[str] = []
    notes: list[str] = []
    try:
        found = pairs(folder)
    except DataError as problem:
        return Preflight([str(problem)], [], 0, float("nan"))
    kept, labels, prints, brighter = [], [], [], 0
    for pair in found:
        try:
            image, label = read_pair(pair)
        except (DataError, ImageError) as problem:
            problems.append(f"{pair.stem}: {problem}")
            continue
        kept.append(pair)
        labels.append(label)
        prints.append(fingerprint(image))
        brighter += _cloud_is_brighter(image, label)
    if problems or not kept:
        return Preflight(problems, notes, len(kept), base_rate(labels))
    notes += _about_labels(kept, labels, brighter)
    joined = join_twins(kept, np.stack(prints))
    if moved := sum(a.group != b.group for a, b in zip(kept, joined, strict=True)):
        notes.append(f"{moved} frames look like frames of another group: they are kept on one side of the split.")
    notes.append(split(joined, fraction, seed).note)
    repeated = [stem for stem, count in Counter(pair.stem for pair in kept).items() if count > 1]
    if repeated:
        problems.append(f"{repeated[0]} is listed twice. Keep one row for each frame.")
    return Preflight(problems, notes, len(kept), base_rate(labels))


def _cloud_is_brighter(image: images.Image, label: mask.Label) -> int:
    grey = image.mean(axis=2)
    cloud, sky = grey[label == mask.CLOUD], grey[label == mask.SKY]
    if min(cloud.size, sky.size) < 100:
        return 0
    return 1 if cloud.mean() > sky.mean() else -1


def _about_labels(kept: Sequence[Pair], labels: Sequence[mask.Label], brighter: int) -> list[str]:
    notes = []
    empty = [pair.stem for pair, label in zip(kept, labels, strict=True) if not (label == mask.CLOUD).any()]
    blank = [pair.stem for pair, label in zip(kept, labels, strict=True) if (label == mask.UNDEFINED).all()]
    if empty:
        notes.append(f"{len(empty)} of {len(kept)} frames have no cloud in their mask, the first is {empty[0]}.")
    if blank:
        notes.append(f"{len(blank)} masks are undefined everywhere and teach nothing, the first is {blank[0]}.")
    if brighter < 0:
        notes.append("What is marked cloud is mostly darker than what is marked sky: check that 255 means cloud.")
    return notes


def frames_folder(place: Settings) -> Path:
    """Where the frames are: workspace/images if it holds any, else the remembered folder, else the samples."""
    if place.images.is_dir() and images.list_images(place.images):
        return place.images
    remembered = place.workspace / "frames.json"
    if remembered.is_file():
        try:
            return Path(str(json.loads(remembered.read_text(encoding="utf-8"))["folder"]))
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise DataError(f"{remembered} cannot be read ({problem}). Choose the folder again.") from problem
    return place.samples / "sky" / "images"
