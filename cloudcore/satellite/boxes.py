"""Boxes of satellite labels: those that people drew, those found in a mask, and the mask that boxes make."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import DataError
from cloudcore.files import opening, tables
from cloudcore.masks.mask import Mask
from cloudcore.satellite.table import PATTERNS

SMALLEST_PX = 8
"""A box narrower or lower than this, px, is a slip of the hand."""
MOST_EDGES = 60
_COLUMNS = ("path", "x1", "y1", "x2", "y2", "label")


@dataclass(frozen=True)
class Box:
    """A labelled box, px of the image; right and bottom are exclusive."""

    pattern: str
    left: int
    top: int
    right: int
    bottom: int


def read_boxes(path: Path) -> dict[str, tuple[Box, ...]]:
    """Boxes by image name of a boxes.csv (path, x1, y1, x2, y2, label; x2 and y2 exclusive).

    A box narrower than SMALLEST_PX is left out. Raises DataError, naming the row, for a column that is missing, a
    corner that is no number, or another label.
    """
    found: dict[str, list[Box]] = defaultdict(list)
    lines = tables.lines(path.name, opening.read_file(path, DataError, "a CSV file"))
    header = tables.header_of(path.name, lines, _COLUMNS)
    for number, cells in lines[1:]:
        row = dict(zip(header, cells, strict=False))  # a short row is refused for the corner it lacks
        box = _box(path.name, number, row)
        if min(box.right - box.left, box.bottom - box.top) >= SMALLEST_PX:
            found[PurePosixPath(row["path"]).name].append(box)
    return {image: tuple(boxes) for image, boxes in found.items()}


def _box(name: str, row: int, cells: Mapping[str, str]) -> Box:
    try:
        left, top, right, bottom = (int(float(cells[side])) for side in ("x1", "y1", "x2", "y2"))
    except (KeyError, ValueError, OverflowError):
        raise DataError(f"{name}, row {row}: a corner is no number. Correct it.") from None
    if cells.get("label") not in PATTERNS:
        raise DataError(f"{name}, row {row}: the label must be one of {', '.join(PATTERNS)}. Correct it.")
    return Box(cells["label"], left, top, right, bottom)


def union(boxes: Iterable[Box], shape_hw: tuple[int, int]) -> Mask:
    """The mask, bool (H, W), that boxes cover together; what lies outside the image is cut off."""
    mask = np.zeros(shape_hw, np.bool_)
    for box in boxes:
        mask[max(0, box.top) : max(0, box.bottom), max(0, box.left) : max(0, box.right)] = True
    return mask


def boxes_of(mask: Mask, pattern: str) -> tuple[list[Box], bool]:
    """(boxes, exact): the largest boxes that cover a mask (H, W) and nothing else, where it is made of boxes.

    Pinholes below 5 px, which the published labels have, are passed over. Where the mask is made of no boxes (painted,
    cut by the edge of the swath), the bounding box of every component is given, and exact is False.
    """
    solid = cv2.morphologyEx(np.ascontiguousarray(mask).view(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    mask = solid > 0
    rows = np.flatnonzero(np.any(np.diff(np.pad(solid, ((1, 1), (0, 0))).view(np.int8), axis=0), axis=1))
    columns = np.flatnonzero(np.any(np.diff(np.pad(solid, ((0, 0), (1, 1))).view(np.int8), axis=1), axis=0))
    if not len(rows):
        return [], True
    if len(rows) + len(columns) <= MOST_EDGES:
        cells = mask[np.ix_(rows[:-1], columns[:-1])]
        found = [
            Box(pattern, int(columns[left]), int(rows[top]), int(columns[right]), int(rows[bottom]))
            for left, top, right, bottom in _cover(cells, np.outer(np.diff(rows), np.diff(columns)))
        ]
        return found, True
    _, _, statistics, _ = cv2.connectedComponentsWithStats(solid, connectivity=8, ltype=cv2.CV_32S)
    sides = [tuple(int(side) for side in one[:4]) for one in statistics[1:] if min(one[2:4]) >= SMALLEST_PX]
    return [Box(pattern, left, top, left + width, top + height) for left, top, width, height in sides], False


def _cover(cells: Mask, area: NDArray[np.int64]) -> list[tuple[int, int, int, int]]:
    """Rectangles (left, top, right, bottom) of true cells, greedily the one that covers most new area first."""
    left_over, found = cells.copy(), []
    while left_over.any():
        best, chosen = 0, (0, 0, 0, 0)
        new = np.where(left_over, area, 0).cumsum(axis=0).cumsum(axis=1)
        new = np.pad(new, ((1, 0), (1, 0)))
        for top in range(cells.shape[0]):
            open_columns = np.ones(cells.shape[1], np.bool_)
            for bottom in range(top + 1, cells.shape[0] + 1):
                open_columns &= cells[bottom - 1]
                if not open_columns.any():
                    break
                edges = np.flatnonzero(np.diff(np.pad(open_columns.astype(np.int8), 1)))
                for left, right in edges.reshape(-1, 2):
                    gain = new[bottom, right] - new[top, right] - new[bottom, left] + new[top, left]
                    if gain > best:
                        best, chosen = int(gain), (int(left), top, int(right), bottom)
        left, top, right, bottom = chosen
        left_over[top:bottom, left:right] = False
        found.append(chosen)
    return found
