"""What a label table says as a whole: shares, company, sizes, places, runs; and images that look alike."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore.files import atomic
from cloudcore.frames import near_duplicates
from cloudcore.images import Image
from cloudcore.satellite.table import GRID_HW, PATTERNS, Table

HEAT_HW = (35, 53)
"""Rows and columns of the heat maps."""
Progress = Callable[[int, int], None]
_VERSION = 1


@dataclass(frozen=True, eq=False)
class Statistics:
    """Numbers of a label table of n images; k = 4 patterns in the order of PATTERNS.

    with_pattern int64 (k,): images in which it is present. pixel_share float64 (k,): mean share of the pixels, 0..1,
    over all images. per_image int64 (5,): images with 0..4 patterns. together int64 (k, k): images with both, the
    diagonal being with_pattern. area_share float64 (n, k): share of the image, 0..1. parts int64 (n, k): 8-connected
    components on the 350 x 525 grid. heat float32 (k, 35, 53): share of the images with the pattern in which it covers
    that place. run_counts int64 (n, k).
    """

    with_pattern: NDArray[np.int64]
    pixel_share: NDArray[np.float64]
    per_image: NDArray[np.int64]
    together: NDArray[np.int64]
    area_share: NDArray[np.float64]
    parts: NDArray[np.int64]
    heat: NDArray[np.float32]
    run_counts: NDArray[np.int64]

    @property
    def n_images(self) -> int:
        """Images of the table."""
        return len(self.area_share)


def statistics(table: Table, cache: Path | None = None, progress: Progress | None = None) -> Statistics:
    """The statistics of a table, computed once and kept in the folder `cache` under the table's key.

    progress hears (images done, images). A kept file that cannot be read is computed anew.
    """
    kept = None if cache is None else cache / f"statistics-{_VERSION}-{table.key[:32]}.npz"
    if kept is not None and (found := _read(kept)) is not None:
        return found
    computed = _compute(table, progress)
    if kept is not None:
        _keep(kept, computed)
    return computed


def _compute(table: Table, progress: Progress | None) -> Statistics:
    height, width = table.shape_hw
    present = table.area_px > 0
    area_share = table.area_px / (height * width)
    parts = np.zeros(present.shape, np.int64)
    heat = np.zeros((len(PATTERNS), *HEAT_HW), np.float64)
    for at, image in enumerate(table.images):
        for k in np.flatnonzero(present[at]):
            grid = table.mask(image, PATTERNS[k], GRID_HW).view(np.uint8)
            parts[at, k] = cv2.connectedComponents(np.ascontiguousarray(grid), connectivity=8)[0] - 1
            heat[k] += cv2.resize(grid, HEAT_HW[::-1], interpolation=cv2.INTER_NEAREST)
        if progress is not None:
            progress(at + 1, len(table.images))
    with_pattern = present.sum(axis=0)
    heat /= np.maximum(with_pattern, 1)[:, None, None]
    return Statistics(
        with_pattern=with_pattern.astype(np.int64),
        pixel_share=area_share.mean(axis=0),
        per_image=np.bincount(present.sum(axis=1), minlength=5).astype(np.int64),
        together=(present[:, :, None] & present[:, None, :]).sum(axis=0).astype(np.int64),
        area_share=area_share,
        parts=parts,
        heat=heat.astype(np.float32),
        run_counts=table.run_counts,
    )


def _read(path: Path) -> Statistics | None:
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Statistics(**{field.name: stored[field.name] for field in fields(Statistics)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _keep(path: Path, computed: Statistics) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing(path) as part, part.open("wb") as file:  # given a path, numpy would add .npz to its name
        np.savez(file, **{field.name: getattr(computed, field.name) for field in fields(computed)})


# Images that look alike


def look_alikes(pictures: Sequence[Image], names: Sequence[str], limit: int = 60) -> list[tuple[str, str, float]]:
    """Pairs of images that look alike, (name, name, difference), closest first and at most `limit`.

    pictures are uint8 (h, w, 3) of any size; the difference is the mean over their 16 x 16 fingerprints, of 255, and
    below data.TWIN_DIFFERENCE.
    """
    if len(pictures) < 2:
        return []
    return alike(np.stack([near_duplicates.fingerprint(picture) for picture in pictures]), names, limit)


def alike(prints: NDArray[np.float32], names: Sequence[str], limit: int = 60) -> list[tuple[str, str, float]]:
    """The same from fingerprints, float32 (n, 768), as data.fingerprint gives them.

    The difference of two means bounds the mean difference from below, so only neighbours in mean brightness are held
    against each other: thousands of images take seconds, not an hour.
    """
    order = np.argsort(prints.mean(axis=1), kind="stable")
    means, found = prints.mean(axis=1)[order], []
    for place, one in enumerate(order):
        stop = int(np.searchsorted(means, means[place] + near_duplicates.TWIN_DIFFERENCE))
        others = order[place + 1 : stop]
        if not len(others):
            continue
        difference = np.abs(prints[others] - prints[one]).mean(axis=1)
        for other in np.flatnonzero(difference < near_duplicates.TWIN_DIFFERENCE):
            first, second = sorted((int(one), int(others[other])))
            found.append((names[first], names[second], float(difference[other])))
    return sorted(found, key=lambda pair: pair[2])[:limit]
