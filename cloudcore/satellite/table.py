"""The satellite label table: Kaggle's train.csv read strictly as a stream, kept small, written back, submissions.

A row is an image and a pattern with its run lengths. Runs are kept as packed differences: boxes repeat the same step
column after column, so half a million runs take some fifty kilobytes.
"""

import hashlib
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from cloudcore import images as pictures
from cloudcore.errors import CloudcoreError, DataError, RLEError
from cloudcore.masks import rle
from cloudcore.masks.mask import Mask
from cloudcore.satellite import label_csv

PATTERNS = ("Fish", "Flower", "Gravel", "Sugar")
SHAPE_HW = (1400, 2100)
"""Height and width of the satellite images, px."""
GRID_HW = (350, 525)
"""Height and width of the grid that submissions are written and scored on, px."""
MAX_CELL = 32 * 2**20
"""Characters of one row's run lengths; the busiest mask of 1400 x 2100 needs 15 million."""
_TABLE = "train.csv"
_IMAGE_FOLDERS = ("train_images", "images")
_BELOW_ONE = re.compile(r"Got '?(\S+?)'? as the (start|length) of run (\d+); wanted 1 or more")
_Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """A label table: images in file order, and of each image and pattern the area in px and the number of runs.

    area_px and run_counts are int64 (n, 4), patterns in the order of PATTERNS; 0 where a pattern is absent. notes holds
    a sentence for each thing that was normalised. key names the content: equal tables have equal keys.
    """

    images: tuple[str, ...]
    area_px: _Ints
    run_counts: _Ints
    shape_hw: tuple[int, int]
    notes: tuple[str, ...]
    key: str
    _packed: tuple[bytes, ...] = field(repr=False)
    _place: Mapping[str, int] = field(repr=False)

    def index(self, image: str) -> int:
        """The place of an image in `images`. Raises DataError for one the table does not have."""
        if image not in self._place:
            raise DataError(f"The table has no row of {image!r}. Choose one of its {len(self.images):,} images.")
        return self._place[image]

    def runs(self, image: str, pattern: str) -> _Ints:
        """Runs, int64 (N, 2): first pixel and the pixel after the last, 0-based, column-major."""
        return _unpacked(self._packed[4 * self.index(image) + pattern_index(pattern)])

    def text(self, image: str, pattern: str) -> str:
        """The run lengths, empty for an empty mask; numbers as read, one space between."""
        return rle.from_runs(self.runs(image, pattern))

    def mask(self, image: str, pattern: str, out_hw: tuple[int, int] | None = None) -> Mask:
        """The mask, bool (H, W) of `shape_hw`, or of out_hw as cv2 INTER_NEAREST would resize it."""
        text = self.text(image, pattern)
        return rle.decode(text, self.shape_hw) if out_hw is None else rle.decode_to(text, self.shape_hw, out_hw)

    def masks(self, image: str, out_hw: tuple[int, int] | None = None) -> Mask:
        """All four masks, bool (4, H, W)."""
        return np.stack([self.mask(image, pattern, out_hw) for pattern in PATTERNS])

    def present(self, image: str) -> tuple[str, ...]:
        """The patterns that cover at least one pixel of the image."""
        areas = self.area_px[self.index(image)]
        return tuple(pattern for pattern, area in zip(PATTERNS, areas, strict=True) if area > 0)

    def missing(self, folder: Path | None) -> list[str]:
        """Images of the table that the folder does not hold (INPUTS row 61), in file order; all where it is None."""
        if folder is None or not folder.is_dir():
            return list(self.images)
        return [image for image in self.images if not (folder / image).is_file()]


def pattern_index(pattern: str) -> int:
    """The place of a pattern in PATTERNS. Raises DataError for another name."""
    if pattern not in PATTERNS:
        raise DataError(f"Got the pattern {pattern!r}; wanted {', '.join(PATTERNS)}.")
    return PATTERNS.index(pattern)


def find(folder: Path) -> tuple[Path, Path]:
    """(train.csv, folder of the images) of a task's data folder. Raises DataError naming what is missing."""
    table, found = locate(folder)
    if found is None:
        raise DataError(f"{folder} has no folder {' or '.join(_IMAGE_FOLDERS)}. Put the images of {_TABLE} into one.")
    return table, found


def locate(path: Path) -> tuple[Path, Path | None]:
    """(table, folder of the images or None) of a data folder, or of a table itself. Raises DataError without a table.

    The images may be missing: a table alone can be browsed.
    """
    if path.is_file():
        table, folder = path, path.parent
    elif path.is_dir():
        table, folder = path / _TABLE, path
    else:
        raise DataError(f"Cannot read {path}: there is no such file or folder. Choose another.")
    if not table.is_file():
        raise DataError(f"{folder} has no {_TABLE}. Choose a folder that holds one, or name the table itself.")
    return table, next((folder / name for name in _IMAGE_FOLDERS if (folder / name).is_dir()), None)


def read(
    path: Path, *, images: Path | None = None, shape_hw: tuple[int, int] = SHAPE_HW, repair: bool = False
) -> Table:
    """Read a label table as a stream; shape_hw is the shape its run lengths are meant for.

    Strict: a wrong header, field, name or run is refused with its row, the header being row 1. A row that stands twice
    and equal is noted; with repair, unsorted and overlapping runs are sorted and merged, and that is noted. Where a
    folder of images is given, those that are there must have the declared shape. Raises DataError.
    """
    builder = _Builder(shape_hw, repair)
    for row, cell, text in label_csv.rows(Path(path), MAX_CELL):
        builder.add(row, cell, text)
    table = builder.table(Path(path).name)
    if images is not None:
        for image in table.images:
            if (images / image).is_file():
                check_shape(table, image, pictures.shape_hw(images / image))
    return table


def check_shape(table: Table, image: str, shape_hw: tuple[int, int]) -> None:
    """Raises DataError where an image has another shape than its run lengths were made for (INPUTS row 41)."""
    if tuple(shape_hw) != table.shape_hw:
        got, wanted = (f"{height} × {width}" for height, width in (shape_hw, table.shape_hw))
        raise DataError(f"{image} is {got} px (h × w), its labels are for {wanted}. Put the original image there.")


class _Builder:
    """Collects rows into a Table."""

    def __init__(self, shape_hw: tuple[int, int], repair: bool) -> None:
        self.shape_hw, self.repair = shape_hw, repair
        self.place: dict[str, int] = {}
        self.packed: list[bytes | None] = []
        self.areas: list[int] = []
        self.counts: list[int] = []
        self.notes: list[str] = []

    def add(self, row: int, cell: str, text: str) -> None:
        image, pattern = _split(row, cell)
        found = self._runs(row, cell, text)
        packed = _pack(found)
        at = self._slot(image) + PATTERNS.index(pattern)
        if self.packed[at] is not None:
            if self.packed[at] != packed:
                raise DataError(f"Row {row}: {cell} stands in the table already, and differs. Keep one, import again.")
            self.notes.append(f"Row {row}: {cell} stands in the table twice, both alike: taken once.")
            return
        self.packed[at] = packed
        self.areas[at] = int((found[:, 1] - found[:, 0]).sum())
        self.counts[at] = len(found)

    def _slot(self, image: str) -> int:
        if image not in self.place:
            self.place[image] = len(self.place)
            self.packed += [None] * 4
            self.areas += [0] * 4
            self.counts += [0] * 4
        return 4 * self.place[image]

    def _runs(self, row: int, cell: str, text: str) -> _Ints:
        try:
            if self.repair:
                text, changed = rle.repair(text, self.shape_hw)
                if changed:
                    self.notes.append(f"Row {row}: the runs of {cell} were sorted and merged.")
            return rle.runs(text, self.shape_hw)
        except RLEError as problem:
            raise DataError(f"Row {row}: {_run_words(str(problem))}. Correct it, import again.") from problem

    def table(self, name: str) -> Table:
        if not self.place:
            raise DataError(f"{name} has no rows, only a header. Choose a table with labels.")
        if absent := sum(packed is None for packed in self.packed):
            self.notes.append(f"{absent:,} rows of an image and a pattern are not in {name}: taken as empty masks.")
        packed = tuple(one or b"" for one in self.packed)
        digest = hashlib.sha256(repr((self.shape_hw, *self.place)).encode())
        for one in packed:
            digest.update(len(one).to_bytes(8, "big") + one)
        areas, counts = (np.array(values, np.int64).reshape(-1, 4) for values in (self.areas, self.counts))
        return Table(
            tuple(self.place), areas, counts, self.shape_hw, tuple(self.notes), digest.hexdigest(), packed, self.place
        )


def _split(row: int, cell: str) -> tuple[str, str]:
    """(image, pattern) of an Image_Label, cut at its last underscore. Raises DataError."""
    image, _, pattern = cell.rpartition("_")
    shown = repr(cell if len(cell) <= 80 else cell[:77] + "...")
    if pattern not in PATTERNS:
        wanted = f"must be an image, an underscore and one of {', '.join(PATTERNS)}"
        raise DataError(f"Row {row}: Image_Label is {shown}, {wanted}. Correct it, import again.")
    path = PurePosixPath(image.replace("\\", "/"))
    if not image or path.is_absolute() or ".." in path.parts or image[1:2] == ":":
        raise DataError(f"Row {row}: the image of {shown} must be a plain file name. Correct it, import again.")
    return image, pattern


def _run_words(problem: str) -> str:
    """What is wrong with run lengths, as it may stand after 'Row 812: '."""
    found = _BELOW_ONE.match(problem)
    if found and found[2] == "start":
        return f"a run starts at {found[1]}, must be 1 or more"
    if found:
        return f"run {found[3]} has the length {found[1]}, must be 1 or more"
    return problem[:1].lower() + problem[1:].removesuffix(".").removesuffix(": import with --repair")


def _pack(found: _Ints) -> bytes:
    """Steps between starts, then lengths, int32, deflated; b"" for no run."""
    if not len(found):
        return b""
    starts, lengths = np.diff(found[:, 0], prepend=0), found[:, 1] - found[:, 0]
    return zlib.compress(np.concatenate([starts, lengths]).astype(np.int32).tobytes(), 1)


def _unpacked(packed: bytes) -> _Ints:
    if not packed:
        return np.empty((0, 2), np.int64)
    starts, lengths = np.frombuffer(zlib.decompress(packed), np.int32).astype(np.int64).reshape(2, -1)
    starts = np.cumsum(starts)
    return np.stack([starts, starts + lengths], axis=1)


# Tables and submissions out


def write_table(path: Path, table: Table, replaced: Mapping[tuple[str, str], str] | None = None) -> int:
    """Write a table as train.csv, four rows an image; `replaced` holds new texts by (image, pattern). Returns rows.

    What is written reads back the same. Raises DataError for a text that is not valid for the table's shape.
    """
    changed = dict(replaced or {})
    for (image, pattern), text in changed.items():
        pattern_index(pattern)
        table.index(image)
        _checked(f"{image}_{pattern}", text, table.shape_hw)
    return label_csv.write(
        path,
        (
            (f"{image}_{pattern}", changed.get((image, pattern), table.text(image, pattern)))
            for image in table.images
            for pattern in PATTERNS
        ),
    )


def write_submission(path: Path, rows: Iterable[tuple[str, str, Mask | str]]) -> int:
    """Write (image, pattern, mask bool of GRID_HW or its run lengths) as a submission; returns how many rows.

    Written as a stream, whole or not at all. Raises DataError for a mask of another grid and for a bad text.
    """
    return label_csv.write(path, (_submission_row(*row) for row in rows))


def sample_submission(path: Path, images: Sequence[str]) -> int:
    """Write a submission with an empty mask for every image and class; returns how many rows."""
    return write_submission(path, ((image, pattern, "") for image in images for pattern in PATTERNS))


def check_submission(path: Path, images: Sequence[str]) -> list[str]:
    """Sentences about what is wrong with a submission, none where it can be handed in.

    Every image and class must stand in it once, nothing else, with run lengths valid on the 350 x 525 grid.
    """
    wanted = {f"{image}_{pattern}" for image in images for pattern in PATTERNS}
    seen: set[str] = set()
    problems: list[str] = []
    try:
        for row, cell, text in label_csv.rows(Path(path), MAX_CELL):
            if cell not in wanted:
                problems.append(f"Row {row}: {cell[:80]!r} is no image and class that were asked for. Take it out.")
            elif cell in seen:
                problems.append(f"Row {row}: {cell} stands there a second time. Keep one.")
            seen.add(cell)
            try:
                _checked(cell, text, GRID_HW)
            except DataError as problem:
                problems.append(f"Row {row}: {problem}")
    except CloudcoreError as problem:
        return [*problems, str(problem)]
    left = [name for name in sorted(wanted) if name not in seen]
    problems += [f"{name} is missing. Add a row, empty where there is nothing." for name in left[:20]]
    if len(left) > 20:
        problems.append(f"{len(left) - 20:,} more rows are missing, {len(wanted):,} are wanted.")
    return problems


def _submission_row(image: str, pattern: str, content: Mask | str) -> tuple[str, str]:
    pattern_index(pattern)
    name = f"{image}_{pattern}"
    if isinstance(content, str):
        _checked(name, content, GRID_HW)
        return name, content
    if content.shape != GRID_HW:
        got = " × ".join(map(str, content.shape))
        raise DataError(f"{name} has a mask of {got} px, wanted {GRID_HW[0]} × {GRID_HW[1]}: resize it first.")
    return name, rle.encode(content)


def _checked(name: str, text: str, shape_hw: tuple[int, int]) -> None:
    try:
        rle.runs(text, shape_hw)
    except RLEError as problem:
        grid = f"{shape_hw[0]} × {shape_hw[1]}"
        raise DataError(f"{name}: {_run_words(str(problem))}. It must hold runs of the {grid} grid.") from problem
