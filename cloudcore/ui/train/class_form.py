"""Data of one class a picture on Train: a folder of classes, their counts, the pictures as the network sees them."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from cloudcore import images
from cloudcore.errors import ImageError
from cloudcore.inside import map_pictures
from cloudcore.learning.batches import photograph_views
from cloudcore.learning.task import Task
from cloudcore.learning.tasks import get_task
from cloudcore.photographs import folders
from cloudcore.ui.shared.library import Library
from cloudcore.ui.shared.widgets import is_dark
from cloudcore.views import figures

SAMPLES, OWN, FOLDER = "Samples", "Labelled here", "Folder"
SIDE_PX = 200
COLUMNS = (6, 5)
"""Pictures in a row: up to six classes stand in one row, more in rows of five."""
SHOWN, TILE_PX = 10, 160
VARIED = ("rotation", "shift", "shear", "zoom", "flips")
"""Settings whose effect is drawn as variants, where a task has them."""


def choose_data(library: Library, task: Task) -> Path | None:
    """Ask for a folder of classes: pictures labelled in this app, the drawn samples, or a folder by its path."""
    own, samples = library.settings.workspace / "photographs", library.settings.samples / task.name
    options = [*([OWN] if _fits(own, samples) else []), SAMPLES, FOLDER]
    source = st.segmented_control(
        "Data",
        options,
        default=options[0],
        required=True,
        key=f"train-data-{task.name}",
        persist_state="session",
        width="stretch",
    )
    if source != FOLDER:
        return own if source == OWN else samples
    text = st.text_input(
        "Data folder", key=f"train-folder-{task.name}", persist_state="session", placeholder="a folder for each class"
    )
    return Path(text).expanduser().absolute() if text.strip() else None


def _fits(own: Path, samples: Path) -> bool:
    """Whether what was labelled here has the classes of this task's samples."""
    if not own.is_dir() or not samples.is_dir():
        return False
    known = {path.name for path in samples.iterdir() if path.is_dir()}
    return any(path.name in known for path in own.iterdir())


def words(n_images: int, base_rate: float) -> str:
    """A preflight in a line: how many pictures, and how often always answering the commonest class is right."""
    return f"{n_images} pictures, the commonest class {100 * base_rate:.0f} %"


@st.cache_data(show_spinner=False, max_entries=256)
def picture(path: Path, task_name: str, changed_ns: int) -> bytes:
    """A picture of a task's data as people look at it, JPEG of at most SIDE_PX px. Raises ImageError."""
    return images.encode_jpeg(images.thumbnail(get_task(task_name).draw(images.read(path)), SIDE_PX))


def show_data(folder: Path, task: Task, config: Any) -> None:
    """Draw the counts of the classes, and pictures as the network will see them with these settings."""
    classes = folders.list_classes(folder)
    photos = folders.list_photos(folder, classes)
    if photos:
        _show_variants(photos[0].path, task, config)
    st.subheader("To learn from", anchor=False)
    _show_counts(folder, classes, photos)
    count = min(SHOWN, len(photos))
    picked = [photos[k * len(photos) // count] for k in range(count)]
    try:
        views = _views(picked, task, config)
    except ImageError as problem:
        st.caption(str(problem))
        return
    columns = COLUMNS[0] if len(classes) <= COLUMNS[0] else COLUMNS[1]
    for start in range(0, len(picked), columns):
        cells = st.columns(columns, gap="xsmall", wrap=False)
        for cell, photo, view in zip(cells, picked[start : start + columns], views[start:], strict=False):
            with cell.container(gap=None):
                st.image(view, alt=f"{classes[photo.label]}: {photo.stem}", width="stretch")
                st.caption(classes[photo.label])


def _show_counts(folder: Path, classes: Sequence[str], photos: Sequence[folders.Photo]) -> None:
    counts = [sum(photo.label == k for photo in photos) for k in range(len(classes))]
    figure = figures.figure(is_dark(), 200, yaxis_title="pictures", showlegend=False)
    figure.add_bar(x=list(classes), y=counts, marker={"color": figures.palette(is_dark())["colours"][0]})
    st.plotly_chart(
        figure,
        theme=None,
        config=figures.CONFIG,
        height=200,
        width="stretch",
        key=f"counts-{folder}",
        alt=f"{len(photos)} pictures in {len(classes)} classes",
    )


def _views(picked: Sequence[folders.Photo], task: Task, config: Any) -> list[bytes]:
    """JPEGs of pictures as the network sees them, where a task has no variants of its own. Raises ImageError."""
    if task.variants is not None:
        return [picture(photo.path, task.name, photo.path.stat().st_mtime_ns) for photo in picked]
    st.caption(f"A batch as the network sees it: {config.size} × {config.size} px, cropped and lit at random.")
    mark = (config.size, config.crop, config.augment, config.seed, config.presize)
    return _batch(tuple(photo.path for photo in picked), mark)


@st.cache_data(show_spinner=False, max_entries=32)
def _batch(paths: tuple[Path, ...], mark: tuple[int, float, float, int, int]) -> list[bytes]:
    side, crop, strength, seed, presize = mark
    pictures = [images.thumbnail(images.read(path), 2 * presize) for path in paths]
    seen = photograph_views.augmented(pictures, side, crop, strength, np.random.default_rng([seed, 0]))
    return [images.encode_jpeg(np.rint(view).astype(np.uint8)) for view in seen.transpose(0, 2, 3, 1)]


def _show_variants(path: Path, task: Task, config: Any, count: int = 9) -> None:
    """Draw what the settings make of one picture, under sliders, where the task varies what it learns from."""
    if task.variants is None:
        return
    st.subheader("Nine variants as the settings draw them", anchor=False)
    _vary(task, config)
    try:
        pictures = task.variants(config, images.read(path), count)
    except ImageError as problem:
        st.caption(str(problem))
        return
    strip = map_pictures.sheet(pictures, count, tile_px=TILE_PX).picture
    st.image(
        images.encode_jpeg(strip, 90), alt=f"{count} variants, turned, shifted, sheared or mirrored", width="stretch"
    )
    st.caption(f"Of {path.stem}, with seed {config.seed}. A slider changes the same setting of the run at the right.")


def _vary(task: Task, config: Any) -> None:
    """Draw sliders over the form's own fields: one setting, in two places."""
    fields = [item for item in dataclasses.fields(task.Config) if item.name in VARIED]
    for cell, item in zip(st.columns(len(fields), gap="small", vertical_alignment="bottom"), fields, strict=True):
        about, key = item.metadata, f"variants-{item.name}"
        if st.session_state.get(key) != getattr(config, item.name):  # else a slider being dragged would jump back
            st.session_state[key] = getattr(config, item.name)
        label = f"{item.name.capitalize()}, {about['unit']}" if about["unit"] else item.name.capitalize()
        take: dict[str, Any] = {"key": key, "help": about["help"], "on_change": _take, "args": (config, item.name, key)}
        if about["max"] is None:
            cell.toggle(label, **take)
        else:
            step = 1.0 if about["max"] > 1 else 0.01
            cell.slider(label, about["min"], about["max"], step=step, format="%.0f" if step == 1.0 else "%.2f", **take)


def _take(config: Any, name: str, key: str) -> None:
    """Put a slider's value into the form's field of that name.

    The form calls its fields train-<group>-<name>, the group standing for task, preset and model to start from. The
    form in view is the one whose fields hold what the config was made of, those under sliders apart: while one of them
    is dragged the config is older than the form.
    """
    ends = re.compile(rf"(train-[0-9a-f]+-){name}")
    groups = [found[1] for word in st.session_state if (found := ends.fullmatch(str(word)))]
    wanted = {field: value for field, value in dataclasses.asdict(config).items() if field not in VARIED}
    for group in groups:
        held = {field: st.session_state[group + field] for field in wanted if group + field in st.session_state}
        if held == {field: wanted[field] for field in held}:
            st.session_state[group + name] = st.session_state[key]
