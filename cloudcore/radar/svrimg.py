"""SVRIMG's radar pictures into a folder per class: a folder of PNG, or one array, beside the table of classes.

SVRIMG (Haberlie, Ashley, Karpinski 2021) names each picture by its UNID; the table gives code and class of each.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.errors import DataError, ImageError, LabelError
from cloudcore.labels.names import check_stem
from cloudcore.radar import folders

ZIP = b"PK\x03\x04"
PICKLE = b"\x80"


@dataclass(frozen=True)
class Report:
    """What an import did: pictures written a class, in the table's order of codes, and what was left out and why."""

    counts: dict[str, int]
    left_out: tuple[str, ...]


def import_folder(source: Path, table: Path, out: Path, progress: Callable[[int, int], None] | None = None) -> Report:
    """Write out/<Class>/<UNID>.png of a folder of PNG or of an array (.npy), the classes as the table names them.

    An array's pictures belong to the table's rows one by one. Raises DataError where nothing fits, where out holds
    something already, and for a pickled array, which is never opened.
    """
    codes, classes = folders.read_table(table)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} holds something already. Choose an empty or new folder.")
    listed = _array_items(source, classes) if source.is_file() else _folder_items(source)
    counts, left_out = dict.fromkeys((codes[code] for code in sorted(codes)), 0), []
    for number, (event, read) in enumerate(listed, 1):
        try:
            if event not in classes:
                raise ImageError(f"{event} has no row in {table.name}. Give the table that belongs to it.")
            picture = read()
            path = out / check_stem(f"{classes[event]}/{event}")
            path.parent.mkdir(parents=True, exist_ok=True)
            images.write_png(path.parent / f"{path.name}.png", picture)
            counts[classes[event]] += 1
        except (ImageError, LabelError) as problem:
            left_out.append(str(problem))
        if progress:
            progress(number, len(listed))
    if not any(counts.values()):
        shutil.rmtree(out, ignore_errors=True)
        raise DataError(f"No picture of {source.name} could be taken. {left_out[0] if left_out else 'It is empty.'}")
    return Report(counts, tuple(left_out))


_Items = list[tuple[str, Callable[[], NDArray[np.uint8]]]]


def _folder_items(source: Path) -> _Items:
    """Every picture below a folder by its name without suffix."""
    if not source.is_dir():
        raise DataError(f"There is no {source}. Give a folder of PNG files, or a .npy file.")
    return [(path.stem, partial(_field, path)) for path in images.list_images(source)]


def _field(path: Path) -> NDArray[np.uint8]:
    return folders.read_picture(path)[..., 0]


def _array_items(source: Path, classes: dict[str, str]) -> _Items:
    """The pictures of an array uint8 (N, 136, 136), one for each row of the table."""
    stack = read_array(source)
    if len(stack) != len(classes):
        raise DataError(
            f"{source.name} holds {len(stack)} pictures, the table {len(classes)} rows, so none can be told by its "
            "place. Give PNG files named by their UNID."
        )
    return [(event, partial(np.asarray, field)) for event, field in zip(classes, stack, strict=True)]


def read_array(source: Path) -> NDArray[np.uint8]:
    """A .npy of radar pictures, uint8 (N, 136, 136) in dBZ. Raises DataError for anything else, pickles unopened."""
    with source.open("rb") as file:
        head = file.read(6)
    if head[:1] == PICKLE or head[:4] == ZIP:
        raise DataError(
            f"{source.name} is a {'pickle' if head[:1] == PICKLE else 'zip archive'}, not one plain array, and is not "
            "opened. Load it where it was made and save the numbers with numpy.save, or as PNG."
        )
    try:
        stack = np.load(source, allow_pickle=False)
    except (ValueError, EOFError, OSError) as problem:
        pickled = "Object arrays" in str(problem)
        what = "holds pickled objects" if pickled else "cannot be read as a numpy array"
        raise DataError(
            f"{source.name} {what} and is not opened. Load it where it was made and save the numbers with "
            "numpy.save, or as PNG."
        ) from problem
    shape_hw = (folders.SIDE, folders.SIDE)
    if stack.dtype != np.uint8 or stack.ndim != 3 or stack.shape[1:] != shape_hw:
        raise DataError(f"{source.name} is {stack.dtype} {stack.shape}, wanted uint8 (N, 136, 136) of dBZ. Convert it.")
    if stack.size and stack.max() > folders.LARGEST_DBZ:
        raise DataError(f"{source.name} holds values to {stack.max()}, wanted dBZ. Export it unstretched.")
    return np.asarray(stack, np.uint8)
