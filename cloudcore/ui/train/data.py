"""The data of a new run: the folder to learn from, the look at it before a start, and its frames as pictures."""

import hashlib
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from cloudcore import images, runs
from cloudcore.files import atomic
from cloudcore.frames import labelled as frames_labelled
from cloudcore.frames import preflight as frames_preflight
from cloudcore.labels import HeadInfo, exchange
from cloudcore.learning.task import Task
from cloudcore.learning.tasks import get_task
from cloudcore.masks import mask
from cloudcore.settings import Settings
from cloudcore.ui.shared.library import LABEL_SET, Library
from cloudcore.ui.train import class_form, pattern_form
from cloudcore.views import render

PAINTED, SAMPLES, FOLDER = "Painted", "Samples", "Folder"
LEFT_OUT = "left_out.txt"
STALE_S = 3600
"""Age from which an export that no run uses is removed, s."""


def labelled(library: Library) -> dict[str, HeadInfo]:
    """Stem -> newest revision of the frames here that were painted and not set aside as bad."""
    flags = library.flags()
    return {stem: head for stem, head in library.heads().items() if flags.get(stem) != "bad"}


def choose(library: Library, task: Task) -> Path | None:
    """Ask for the data folder: painted labels (written out first), the samples, or a folder by its path."""
    if task.kind == "masks":
        return pattern_form.choose_data(library.settings)
    if task.kind == "class":
        return class_form.choose_data(library, task)
    painted = labelled(library)
    options = [*([PAINTED] if painted else []), SAMPLES, FOLDER]
    source = st.segmented_control(
        "Data", options, default=options[0], required=True, key="train-data", persist_state="session", width="stretch"
    )
    if source == PAINTED:
        folder = painted_folder(library, painted)
        for sentence in (folder / LEFT_OUT).read_text(encoding="utf-8").splitlines():
            st.caption(sentence)
        return folder
    if source == SAMPLES:
        return library.settings.samples / "sky"
    text = st.text_input(
        "Data folder", key="train-folder", persist_state="session", placeholder="images/ and masks/, or pairs.csv"
    )
    return Path(text).expanduser().absolute() if text.strip() else None


def painted_folder(library: Library, painted: Mapping[str, HeadInfo]) -> Path:
    """Write images/ and masks/ of the painted frames to workspace/data/<hash>, once for each state of the labels.

    A run keeps its own folder, so painting on does not change what a resumed run learns from.
    """
    state = [
        str(library.frames_folder),
        *(f"{stem}\0{painted[stem].picture}\0{painted[stem].revision}" for stem in sorted(painted)),
    ]
    folder = library.settings.workspace / "data" / hashlib.sha256("\n".join(state).encode()).hexdigest()[:16]
    if folder.is_dir():
        return folder
    chosen = [frame for frame in library.frames if frame.stem in painted]
    try:
        with st.spinner(f"Writing {len(chosen)} painted frames"), atomic.new_folder(folder) as building:
            cameras = library.settings.cameras
            report = exchange.export_folder(
                library.store, LABEL_SET, chosen, building, cameras, hash_of=library.hashes.of
            )
            (building / LEFT_OUT).write_text("\n".join(report.left_out), encoding="utf-8")
    except OSError:
        if not folder.is_dir():  # another window has written the same frames meanwhile
            raise
    _drop_stale(folder, library.settings)
    return folder


def _drop_stale(newest: Path, settings: Settings) -> None:
    """Remove exports of painted frames that no run learns from: the labels themselves stay in the store."""
    used = {str(run.config().get("data")) for run in runs.list_runs(settings.runs)} | {str(newest)}
    for folder in newest.parent.iterdir():
        if str(folder.absolute()) not in used and time.time() - folder.stat().st_mtime > STALE_S:
            shutil.rmtree(folder, ignore_errors=True)


@st.cache_data(show_spinner="Looking at the data", max_entries=32, ttl=300)
def _preflight(folder: Path, task_name: str, changed: tuple[int, ...]) -> frames_preflight.Preflight:
    return get_task(task_name).preflight(folder)


def preflight(folder: Path, task: Task) -> frames_preflight.Preflight:
    """Check the folder before a start: problems, notes and counts; kept until the folder changes."""
    parts = (folder, folder / "images", folder / "masks", folder / "pairs.csv", folder / "train.csv")
    return _preflight(folder, task.name, tuple(part.stat().st_mtime_ns for part in parts if part.exists()))


def show_preflight(found: frames_preflight.Preflight, task: Task) -> None:
    """Say what the check found: problems stop the start, notes do not."""
    if found.problems:
        st.error(found.problems[0])
        if len(found.problems) > 1:
            with st.expander(f"{len(found.problems) - 1} more problems", type="compact"):
                for problem in found.problems[1:]:
                    st.caption(problem)
        return
    rate = "–" if found.base_rate != found.base_rate else f"{found.base_rate:.3f}"
    if task.kind == "masks":
        st.caption(pattern_form.words(found.n_images, found.base_rate))
    elif task.kind == "class":
        st.caption(class_form.words(found.n_images, found.base_rate))
    else:
        st.caption(f"{found.n_images} frames, cloud base rate {rate}")
    for note in found.notes:
        st.caption(note)


@st.cache_data(show_spinner=False, max_entries=256)
def _labelled(pair: frames_labelled.Pair, changed_ns: tuple[int, int]) -> bytes:
    image, label = frames_labelled.read_pair(pair)
    cloud, _ = mask.from_label(label)
    side_hw = images.short_side(image.shape[:2], 240)
    small = images.resize(image, side_hw)
    grid = np.ix_(*(np.arange(n) * full // n for n, full in zip(side_hw, cloud.shape, strict=True)))
    return images.encode_jpeg(render.overlay(small, cloud[grid], render.is_night(small)))


def show(folder: Path, task: Task, config: Any, count: int = 10) -> None:
    """Draw what will be learnt from, evenly picked: frames of a data folder with what is marked cloud."""
    if task.kind == "masks":
        pattern_form.show_data(folder)
        return
    if task.kind == "class":
        class_form.show_data(folder, task, config)
        return
    found = frames_labelled.pairs(folder)
    st.subheader("To learn from", anchor=False)
    picked = [found[index * len(found) // min(count, len(found))] for index in range(min(count, len(found)))]
    for first in range(0, len(picked), 5):
        cells = st.columns(5, gap="xsmall", wrap=False)
        for cell, pair in zip(cells, picked[first : first + 5], strict=False):
            picture = _labelled(pair, (pair.image.stat().st_mtime_ns, pair.mask.stat().st_mtime_ns))
            cell.image(picture, alt=f"Frame {pair.stem} with its label", width="stretch")
