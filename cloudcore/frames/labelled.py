"""Frames with their masks: a folder's pairs.csv, or images/ and masks/, and the labels read from them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.errors import DataError
from cloudcore.files import tables
from cloudcore.frames.listing import LAST_NUMBER, camera_of, list_frames, night_of, time_of
from cloudcore.masks import mask as masks_mask

BLOCK = 10
_COLUMNS = ("image", "mask", "source", "mask_values", "time", "sky_type")


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
    """Rows of a pairs.csv as text, read strictly: the columns image and mask are there. Raises DataError."""
    return tables.read_file(path, _COLUMNS[:2], also=_COLUMNS[2:])


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
        number = LAST_NUMBER.search(name)
        block = int(number.group(1)) // BLOCK if number else position // BLOCK
        group = f"{where}/night {night_of(time)}" if time else f"{where}/{camera_of(name)} block {block}"
        grouped.append(replace(pair, group=group))
    return grouped


def read_pair(pair: Pair) -> tuple[images.Image, masks_mask.Label]:
    """(image, label 0/128/255) of a pair, both (H, W). Raises DataError where sizes differ or levels are unknown."""
    image, grey = images.read(pair.image), images.read_label(pair.mask)
    if grey.shape != image.shape[:2]:
        raise DataError(
            f"{pair.mask.name} is {grey.shape[0]} × {grey.shape[1]} (h × w), its image {image.shape[0]} × "
            f"{image.shape[1]}. Give a mask of the image's size; masks are never resized."
        )
    return image, levels_to_label(grey, pair.mask_values, pair.mask.name)


def levels_to_label(grey: NDArray[np.uint8], mask_values: str, name: str) -> masks_mask.Label:
    """Grey values (H, W) of a mask file -> label 0/128/255, by what the table says, else by the levels themselves.

    Understood: 255/0 and 255/128/0; 255=cloud 100=sky 0=undefined; "JPEG binary", cut at 128. Else DataError.
    """
    said = mask_values.replace(" ", "").lower()
    if "255=cloud100=sky0=undefined" in said:
        table = np.full(256, masks_mask.UNDEFINED, np.uint8)
        table[100], table[255] = masks_mask.SKY, masks_mask.CLOUD
        return table[grey]
    if "jpegbinary" in said:
        return np.where(grey >= 128, masks_mask.CLOUD, masks_mask.SKY).astype(np.uint8)
    levels = np.unique(grey)
    if not np.isin(levels, (masks_mask.SKY, masks_mask.UNDEFINED, masks_mask.CLOUD)).all():
        shown = ", ".join(str(level) for level in levels[:6])
        raise DataError(
            f"{name} holds the values {shown}{' …' if len(levels) > 6 else ''}; a label has 0 sky, 128 undefined, "
            "255 cloud. Import it on Paint, which asks what each level means."
        )
    return grey


def base_rate(labels: Iterable[masks_mask.Label]) -> float:
    """Share of cloud among all defined pixels; NaN where none is defined."""
    cloud = defined = 0
    for label in labels:
        cloud += int(np.count_nonzero(label == masks_mask.CLOUD))
        defined += int(np.count_nonzero(label != masks_mask.UNDEFINED))
    return cloud / defined if defined else float("nan")
