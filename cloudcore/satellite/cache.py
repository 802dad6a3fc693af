"""What the pattern networks learn from: images and masks resized once into a memory-mapped cache, split by image.

The cache of a table and a size is a folder of its own: images.npy uint8 (N, h, w, 3), masks.npy uint8
(N, 4, h, w / 8), eight pixels a byte, and rows.jsonl with a line for each image that is whole: its file's size, time of
change and sha256, and its fingerprint. An image whose line is missing or whose file has changed is read again.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import images as cloud_images
from cloudcore.errors import DataError
from cloudcore.files import locks, opening
from cloudcore.frames import labelled, near_duplicates
from cloudcore.frames import preflight as frames_preflight
from cloudcore.satellite import table as satellite_table
from cloudcore.satellite.table import PATTERNS, Table

Bytes = NDArray[np.uint8]
Progress = Callable[[int, int], None]
_ROWS = "rows.jsonl"
_FEW = 64  # images between two writes to disk while the cache is built


@dataclass(frozen=True)
class Cache:
    """Resized images and masks of a folder, on disk: images uint8 (N, h, w, 3), packed masks uint8 (N, 4, h, w / 8).

    names, hashes (sha256 of the files) and prints float32 (N, 768) have one entry an image, in the table's order.
    """

    folder: Path
    names: tuple[str, ...]
    images: Bytes
    packed: Bytes
    hashes: tuple[str, ...]
    prints: NDArray[np.float32]

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of what is cached, px."""
        return int(self.images.shape[1]), int(self.images.shape[2])

    def masks(self, chosen: Sequence[int]) -> Bytes:
        """Masks of some images, uint8 (n, 4, h, w) of 0 and 1."""
        return np.unpackbits(self.packed[list(chosen)], axis=3, count=self.images.shape[2])


def sources(folder: Path) -> tuple[Table, Path, list[str]]:
    """(table, folder of the images, names of the images that are there) of a patterns data folder.

    Raises DataError where the table or every image is missing, or an image has another shape than its labels.
    """
    path, found = satellite_table.find(folder)
    table = satellite_table.read(path, images=found)
    names = [name for name in table.images if (found / name).is_file()]
    if not names:
        raise DataError(f"None of the {len(table.images)} images of {path.name} is in {found}. Put them there.")
    return table, found, names


def build(
    table: Table,
    folder: Path,
    names: Sequence[str],
    size_hw: tuple[int, int],
    root: Path,
    progress: Progress | None = None,
) -> Cache:
    """The cache of these images below root, made or completed where need be; progress hears (done, of).

    Interrupted, it goes on where it stopped. Raises ImageError for an image that cannot be read.
    """
    key = json.dumps([table.key, list(names), list(size_hw), str(folder.absolute())])
    place = root / hashlib.sha256(key.encode()).hexdigest()[:24]
    place.mkdir(parents=True, exist_ok=True)
    with locks.hold(place / "lock"):  # a second run waits for the first instead of writing beside it
        pictures = _mapped(place / "images.npy", (len(names), *size_hw, 3))
        packed = _mapped(place / "masks.npy", (len(names), len(PATTERNS), size_hw[0], -(-size_hw[1] // 8)))
        rows = _sound_rows(place / _ROWS, folder, names)
        missing = [index for index in range(len(names)) if index not in rows]
        with (place / _ROWS).open("a", encoding="utf-8") as file, ThreadPoolExecutor(cpu_count() or 1) as pool:
            for start in range(0, len(missing), _FEW):
                some = missing[start : start + _FEW]
                jobs = [pool.submit(_resized, table, folder, names[index], size_hw) for index in some]
                fresh = []
                for index, job in zip(some, jobs, strict=True):
                    pictures[index], packed[index], row = job.result()
                    fresh.append({"index": index, **row})
                    if progress:
                        progress(len(rows) + len(fresh), len(names))
                pictures.flush()
                packed.flush()
                file.write("".join(json.dumps(row) + "\n" for row in fresh))  # only now are these images whole
                file.flush()
                rows |= {row["index"]: row for row in fresh}
    ordered = [rows[index] for index in range(len(names))]
    prints = np.array([np.frombuffer(bytes.fromhex(row["print"]), np.uint8) for row in ordered], np.float32)
    hashes = tuple(str(row["sha256"]) for row in ordered)
    return Cache(place, tuple(names), _read_only(pictures), _read_only(packed), hashes, prints)


def _resized(table: Table, folder: Path, name: str, size_hw: tuple[int, int]) -> tuple[Bytes, Bytes, dict[str, Any]]:
    """(image, packed masks, what is noted) of one image."""
    path = folder / name
    noted = _file_mark(path)
    image = cloud_images.read(path)
    satellite_table.check_shape(table, name, image.shape[:2])
    print_ = np.rint(near_duplicates.fingerprint(image)).astype(np.uint8).tobytes().hex()
    packed = np.packbits(table.masks(name, size_hw), axis=2)
    return cloud_images.resize(image, size_hw), packed, {**noted, "sha256": opening.sha256_of(path), "print": print_}


def _file_mark(path: Path) -> dict[str, int]:
    file = path.stat()
    return {"bytes": file.st_size, "changed_ns": file.st_mtime_ns}


def _mapped(path: Path, shape: tuple[int, ...]) -> Any:
    """A uint8 array on disk of that shape; one that is there and fits is kept, any other is begun anew."""
    if path.is_file():
        try:
            found = np.lib.format.open_memmap(path, mode="r+")
            if found.shape == shape and found.dtype == np.uint8:
                return found
        except ValueError:
            pass  # cut short or no array: begun anew below
    path.with_name(_ROWS).unlink(missing_ok=True)
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)


def _read_only(mapped: Any) -> Bytes:
    mapped.flush()
    return np.asarray(np.load(mapped.filename, mmap_mode="r"), np.uint8)


def _sound_rows(path: Path, folder: Path, names: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Noted images by index whose files have neither changed nor gone; a line cut short does not count."""
    rows: dict[int, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            row = json.loads(line)
            rows[int(row["index"])] = row
        except (ValueError, KeyError, TypeError):
            continue
    keys = ("bytes", "changed_ns")
    marks = {index: _file_mark(folder / names[index]) for index in rows if index < len(names)}
    return {index: rows[index] for index, mark in marks.items() if all(rows[index].get(k) == mark[k] for k in keys)}


@dataclass(frozen=True)
class Held:
    """Places (in Cache.names) of the images learnt from and of those held out, and a sentence about it."""

    train: tuple[int, ...]
    valid: tuple[int, ...]
    note: str


def hold_out(cache: Cache, fraction: float, seed: int, folds: int = 0, fold: int = 0) -> Held:
    """Hold out a share of the images (0..1), or with folds >= 2 the fold-th part of so many; twins stay together.

    Seeded. Raises DataError for a fold that is not there.
    """
    if folds >= 2 and not 0 <= fold < folds:
        raise DataError(f"Got fold {fold} of {folds}; folds are counted from 0 to {folds - 1}. Choose one of those.")
    groups = _groups(cache)
    twins = f" {len(cache.names) - len(groups)} near-duplicates stay with their twins." * (
        len(groups) < len(cache.names)
    )
    every = tuple(range(len(cache.names)))
    if (fraction <= 0 and folds < 2) or len(groups) < 2:
        why = "." if len(groups) >= 2 else ", as they are one image or its twins."
        return Held(every, (), f"No validation: all {len(every)} images are learnt from{why}{twins}")
    order = [groups[place] for place in np.random.default_rng([seed, 11]).permutation(len(groups))]
    if folds >= 2:
        held = {index for place, group in enumerate(order) for index in group if place % folds == fold}
        words = f"fold {fold} of {folds}"
    else:
        held = _share(order, fraction * len(every))
        words = f"{100 * fraction:.0f} % by image"
    train = tuple(index for index in every if index not in held)
    if not train or not held:
        raise DataError(f"{len(groups)} images cannot be dealt into {folds} folds. Choose fewer.")
    note = f"{len(train)} images to learn from, {len(held)} held out, {words}.{twins}"
    return Held(train, tuple(sorted(held)), note)


def _share(order: Iterable[Sequence[int]], wanted: float) -> set[int]:
    """Whole groups until about that many images are held out: one at least, and never the last group."""
    held: set[int] = set()
    for group in list(order)[:-1]:
        if held and len(held) + len(group) / 2 > wanted:
            break
        held |= set(group)
    return held


def _groups(cache: Cache) -> list[list[int]]:
    """Places of the images, near-duplicates together."""
    pairs = [
        labelled.Pair(name, cache.folder / name, cache.folder, "", "", "", "", group=f"{index:08d}")
        for index, name in enumerate(cache.names)
    ]
    groups: dict[str, list[int]] = {}
    for index, pair in enumerate(near_duplicates.join_twins(pairs, cache.prints)):
        groups.setdefault(pair.group, []).append(index)
    return list(groups.values())


def preflight(folder: Path) -> frames_preflight.Preflight:
    """Look at a patterns data folder before a training: what is missing, and how much of it is empty.

    base_rate is the share of image and pattern pairs that hold the pattern.
    """
    try:
        table, found, names = sources(folder)
    except DataError as problem:
        return frames_preflight.Preflight([str(problem)], [], 0, float("nan"))
    present = np.array([[pattern in table.present(name) for pattern in PATTERNS] for name in names])
    notes = list(table.notes)
    if gone := table.missing(found):
        notes.append(f"{len(gone)} of {len(table.images)} labelled images are not there, the first is {gone[0]}.")
    shares = ", ".join(
        f"{pattern} {100 * share:.0f} %" for pattern, share in zip(PATTERNS, present.mean(0), strict=True)
    )
    notes.append(f"Images that hold each pattern: {shares}. An all-empty answer scores {1 - present.mean():.3f}.")
    return frames_preflight.Preflight([], notes, len(names), float(present.mean()))
