"""The Satellite page's shelf: which label table, which of its images, which view; corrections lie over the table."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cloudcore.errors import CloudcoreError, DataError
from cloudcore.files import atomic
from cloudcore.labels import HeadInfo, LabelStore
from cloudcore.labels.exchange import without_suffix
from cloudcore.masks.mask import CLOUD, Mask
from cloudcore.satellite import table as satellite_table
from cloudcore.satellite.table import PATTERNS, Table
from cloudcore.settings import Settings
from cloudcore.ui.shared.library import Library

GALLERY, ONE, STATISTICS = VIEWS = ("Gallery", "One image", "Statistics")
VIEW, IMAGE = "satellite_view", "satellite_image"  # keys of the session's choice
CHOICE = "satellite.json"
"""File in the workspace that remembers the chosen folder or table."""
_REFUSED = "satellite_refused"
EITHER, HERE, MISSING = "all", "here", "missing"


@dataclass(frozen=True)
class Filter:
    """Which images are shown: patterns that must and must not be there, how many, area, name, image file.

    counts empty means any; area is the share of the image, in %, of the largest pattern (of those in `present`, where
    there are any); file is one of EITHER, HERE, MISSING.
    """

    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    area: tuple[int, int] = (0, 100)
    name: str = ""
    file: str = EITHER


@dataclass(frozen=True)
class Shelf:
    """A label table with its images: folder None where there are none; corrected are heads of patterns-<pattern>."""

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


def matching(table: Table, wanted: Filter, missing: frozenset[str]) -> list[str]:
    """Images of a table that a filter lets through, in file order."""
    there = table.area_px > 0
    chosen = np.ones(len(table.images), np.bool_)
    for pattern in wanted.present:
        chosen &= there[:, PATTERNS.index(pattern)]
    for pattern in wanted.absent:
        chosen &= ~there[:, PATTERNS.index(pattern)]
    if wanted.counts:
        chosen &= np.isin(there.sum(axis=1), wanted.counts)
    if wanted.area != (0, 100):
        chosen &= _within(table, wanted)
    found = (table.images[at] for at in np.flatnonzero(chosen))
    name = wanted.name.strip().lower()
    return [
        image
        for image in found
        if name in image.lower() and (wanted.file == EITHER or (image in missing) == (wanted.file == MISSING))
    ]


def _within(table: Table, wanted: Filter) -> NDArray[np.bool_]:
    columns = [PATTERNS.index(pattern) for pattern in wanted.present] or list(range(len(PATTERNS)))
    share = 100 * table.area_px[:, columns].max(axis=1) / (table.shape_hw[0] * table.shape_hw[1])
    return np.asarray((share >= wanted.area[0]) & (share <= wanted.area[1]))


# Which table


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


def shelf(library: Library) -> Shelf | None:
    """The chosen table with its images; None, said in words, where there is none or it is refused."""
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
    return Shelf(settings, library.store, path, table, folder, missing, chosen == samples(settings), corrected)


# The head row and the filters


def choose_view() -> str:
    """Gallery, One image or Statistics; an address with ?image=NAME opens that image, once."""
    asked = st.query_params.get("image")
    if asked and VIEW not in st.session_state:
        st.session_state[VIEW], st.session_state[IMAGE] = ONE, asked
    st.session_state.setdefault(VIEW, GALLERY)  # no default in the widget: a card's click sets it too
    return str(
        st.segmented_control(
            "View", VIEWS, required=True, key=VIEW, persist_state="session",
            label_visibility="collapsed",
        )
    )  # fmt: skip


def choose_patterns() -> tuple[tuple[str, ...], str]:
    """Patterns that must be there, and a part of the name: the filters of the head row."""
    present = st.pills(
        "Patterns present", PATTERNS, selection_mode="multi", key="satellite_present", persist_state="session",
        label_visibility="collapsed", help="Only images with all of these",
    )  # fmt: skip
    name = st.text_input(
        "Name", key="satellite_name", persist_state="session", placeholder="Name holds…",
        label_visibility="collapsed", width=150,
    )  # fmt: skip
    return tuple(present or ()), name


def choose_more(present: Sequence[str], name: str) -> Filter:
    """The other filters, drawn in the inspector."""
    st.session_state.setdefault("satellite_area", (0, 100))
    st.session_state.setdefault("satellite_file", EITHER)
    absent = st.pills(
        "Without", PATTERNS, selection_mode="multi", key="satellite_absent", persist_state="session",
    )  # fmt: skip
    counts = st.pills(
        "How many patterns", range(5), selection_mode="multi", key="satellite_counts", persist_state="session",
    )  # fmt: skip
    area: Any = st.slider(
        "Area of the largest, % of image", 0, 100, key="satellite_area", persist_state="session",
    )  # fmt: skip
    file = st.segmented_control(
        "Image file", (EITHER, HERE, MISSING), required=True, key="satellite_file",
        persist_state="session",
    )  # fmt: skip
    return Filter(tuple(present), tuple(absent or ()), tuple(counts or ()), (area[0], area[1]), name, str(file))


FILTERS = ("present", "absent", "counts", "area", "name", "file")


def kept_filter() -> Filter:
    """The filter as it stands in the session, for views that do not draw it."""
    found = {name: st.session_state.get(f"satellite_{name}") for name in FILTERS}
    present, absent, counts = (tuple(found[name] or ()) for name in ("present", "absent", "counts"))
    low, high = found["area"] or (0, 100)
    return Filter(present, absent, counts, (low, high), found["name"] or "", found["file"] or EITHER)


def clear_filters() -> None:
    """Let every image through again."""
    clear = {"present": [], "absent": [], "counts": [], "area": (0, 100), "name": "", "file": EITHER}
    for name, value in clear.items():
        st.session_state[f"satellite_{name}"] = value


def open_image(image: str) -> None:
    """Show one image large, from wherever the page stands."""
    st.session_state[VIEW], st.session_state[IMAGE] = ONE, image


def choose_data(library: Library, place: DeltaGenerator) -> None:
    """The Data popover: a folder or table by its path; refusals stand in words."""
    settings = library.settings
    with place.popover("Data…", key="satellite_data"):
        st.caption(f"Read from {_shown(source(settings))}")
        with st.form("satellite-folder", border=False):
            st.text_input(
                "Folder or table", key="satellite_path", placeholder="/data/clouds",
                help="A folder with train.csv and train_images/ or images/, or a table alone.",
            )  # fmt: skip
            st.form_submit_button("Use folder", on_click=_use_typed, args=(settings,))
        if refused := st.session_state.pop(_REFUSED, ""):
            st.error(refused)
        if source(settings) != samples(settings) and samples(settings).is_dir():
            st.button("Use the samples", on_click=_use_samples, args=(settings,))


def _use_typed(settings: Settings) -> None:
    try:
        remember(settings, typed(st.session_state.get("satellite_path", "")))
    except CloudcoreError as problem:
        st.session_state[_REFUSED] = str(problem)
    else:
        _forget_image()


def _use_samples(settings: Settings) -> None:
    remember(settings, samples(settings))
    _forget_image()


def _forget_image() -> None:
    st.session_state.pop(IMAGE, None)
    clear_filters()


def _shown(path: Path) -> str:
    return re.sub(r"([\\`*_\[\]$])", r"\\\1", str(path))
