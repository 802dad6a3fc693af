"""The label table that was chosen, with its images; corrections of the label store lie over the table."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import streamlit as st

from cloudcore.errors import CloudcoreError, DataError
from cloudcore.files import atomic
from cloudcore.labels import HeadInfo, LabelStore
from cloudcore.labels.exchange import without_suffix
from cloudcore.masks.mask import CLOUD, Mask
from cloudcore.satellite import table as satellite_table
from cloudcore.satellite.table import PATTERNS, Table
from cloudcore.settings import Settings
from cloudcore.ui.shared.library import Library

CHOICE = "satellite.json"
"""File in the workspace that remembers the chosen folder or table."""


@dataclass(frozen=True)
class Dataset:
    """A label table with its images: folder None without images; corrected holds the heads of patterns-<pattern>."""

    settings: Settings
    store: LabelStore
    path: Path
    table: Table
    folder: Path | None
    missing: frozenset[str]
    is_sample: bool
    corrected: Mapping[str, Mapping[str, HeadInfo]] = field(repr=False)

    def image_path(self, image: str) -> Path | None:
        """The image's file, or None where it is missing."""
        return None if self.folder is None or image in self.missing else self.folder / image

    def revision(self, image: str, pattern: str) -> int:
        """The newest revision of a correction, 0 where the table's own label stands."""
        head = self.corrected[pattern].get(stem_of(image))
        return head.revision if head else 0

    def mask(self, image: str, pattern: str, out_hw: tuple[int, int] | None = None) -> Mask:
        """The label as it stands now, bool (H, W): corrected, else the table's; other grids by nearest neighbour."""
        if not self.revision(image, pattern):
            return self.table.mask(image, pattern, out_hw)
        head = self.store.head(label_set(pattern), stem_of(image))
        if head is None or head.mask.shape != self.table.shape_hw:
            return self.table.mask(image, pattern, out_hw)
        corrected = np.asarray(head.mask == CLOUD)
        return corrected if out_hw is None else nearest(corrected, out_hw)

    def masks(self, image: str, out_hw: tuple[int, int] | None = None) -> Mask:
        """All four, bool (4, H, W)."""
        return np.stack([self.mask(image, pattern, out_hw) for pattern in PATTERNS])


def label_set(pattern: str) -> str:
    """Name of the label set that holds corrections of a pattern."""
    return f"patterns-{pattern}"


def stem_of(image: str) -> str:
    """The stem under which an image's corrections are kept: its name without suffix."""
    return without_suffix(image)


def nearest(mask: Mask, out_hw: tuple[int, int]) -> Mask:
    """A mask (H, W) on another grid by nearest neighbour."""
    rows = (np.arange(out_hw[0]) * mask.shape[0]) // out_hw[0]
    columns = (np.arange(out_hw[1]) * mask.shape[1]) // out_hw[1]
    return mask[np.ix_(rows, columns)]


def source(settings: Settings) -> Path:
    """The folder or table a person chose, else the sample patterns."""
    try:
        return Path(str(json.loads((settings.workspace / CHOICE).read_text(encoding="utf-8"))["folder"]))
    except (OSError, ValueError, KeyError, TypeError):
        return samples(settings)


def samples(settings: Settings) -> Path:
    """The folder of the drawn sample patterns."""
    return settings.samples / "patterns"


def remember(settings: Settings, folder: Path) -> None:
    """Keep the choice of a folder or table for the next visits, whole or not at all."""
    atomic.replace_file(settings.workspace / CHOICE, json.dumps({"folder": str(folder)}).encode())


def typed(text: str) -> Path:
    """The path a person typed, holding a table. Raises DataError in words."""
    if not text.strip() or "\0" in text:
        raise DataError("No folder was named. Type the path of a folder that holds a train.csv, or of a table.")
    path = Path(text.strip().strip("\"'")).expanduser().absolute()
    try:
        satellite_table.locate(path)
    except OSError as problem:
        raise DataError(f"Cannot read {path}: {problem.strerror}. Choose another.") from problem
    return path


@st.cache_resource(show_spinner="Reading the label table", max_entries=3)
def _table(path: Path, changed: tuple[int, int]) -> Table:
    return satellite_table.read(path)


@st.cache_resource(show_spinner=False, max_entries=4, ttl=20)
def _missing(key: str, folder: Path | None, _table: Table) -> frozenset[str]:
    """Images of the table that are not there; one look at the folder instead of one for each image."""
    if folder is None:
        return frozenset(_table.images)
    there = set(os.listdir(folder))
    return frozenset(i for i in _table.images if i not in there and not ("/" in i and (folder / i).is_file()))


def open_dataset(library: Library) -> Dataset | None:
    """Read the chosen table and list its images; says so and returns None where there is none or it is refused."""
    settings = library.settings
    chosen = source(settings)
    if chosen == samples(settings) and not chosen.exists():
        st.info("No labelled images yet. Name a folder with a train.csv, or a table alone, under Data.")
        return None
    try:
        path, folder = satellite_table.locate(chosen)
        status = path.stat()
        table = _table(path, (status.st_mtime_ns, status.st_size))
        missing = _missing(table.key, folder, table)
    except CloudcoreError as problem:
        st.error(str(problem))
        return None
    except OSError as problem:
        st.error(f"Cannot read {chosen}: {(problem.strerror or 'refused').lower()}. Choose another under Data.")
        return None
    corrected = {pattern: library.store.heads(label_set(pattern)) for pattern in PATTERNS}
    return Dataset(settings, library.store, path, table, folder, missing, chosen == samples(settings), corrected)
