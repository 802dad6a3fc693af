"""What Train asks and shows where one class a picture is learnt: a folder of classes, their counts, what is seen."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from cloudcore import charts, genus_data, genus_light, images
from cloudcore.errors import ImageError
from cloudcore.task import Task, get_task
from cloudcore.ui import widgets

SAMPLES, OWN, FOLDER = "Samples", "Labelled here", "Folder"
SIDE_PX = 200
COLUMNS = (6, 5)
"""Pictures in a row: up to six classes stand in one row, more in rows of five."""
SHOWN = 10


def choose_data(library: widgets.Library, task: Task) -> Path | None:
    """A folder for each class: pictures labelled in this app, the drawn samples, or a folder by its path."""
    own, samples = library.settings.workspace / "photographs", library.settings.samples / task.name
    options = [*([OWN] if _fits(own, samples) else []), SAMPLES, FOLDER]
    source = st.segmented_control(
        "Data", options, default=options[0], required=True, key=f"train-data-{task.name}", persist_state="session",
        width="stretch",
    )  # fmt: skip
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
    """Counts of the classes, and pictures as the network will see them with these settings."""
    classes = genus_data.list_classes(folder)
    photos = genus_data.list_photos(folder, classes)
    counts = [sum(photo.label == k for photo in photos) for k in range(len(classes))]
    st.subheader("To learn from", anchor=False)
    figure = charts.figure(widgets.is_dark(), 200, yaxis_title="pictures", showlegend=False)
    figure.add_bar(x=list(classes), y=counts, marker={"color": charts.palette(widgets.is_dark())["colours"][0]})
    st.plotly_chart(
        figure, theme=None, config=charts.CONFIG, height=200, width="stretch", key=f"counts-{folder}",
        alt=f"{len(photos)} pictures in {len(classes)} classes",
    )  # fmt: skip
    count = min(SHOWN, len(photos))
    picked = [photos[k * len(photos) // count] for k in range(count)]
    try:
        if task.variants is None:
            st.caption(f"A batch as the network sees it: {config.size} × {config.size} px, cropped and lit at random.")
            mark = (config.size, config.crop, config.augment, config.seed, config.presize)
            views = _batch(tuple(photo.path for photo in picked), mark)
        else:
            views = [picture(photo.path, task.name, photo.path.stat().st_mtime_ns) for photo in picked]
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
    _show_variants(picked[0].path, task, config)


@st.cache_data(show_spinner=False, max_entries=32)
def _batch(paths: tuple[Path, ...], mark: tuple[int, float, float, int, int]) -> list[bytes]:
    side, crop, strength, seed, presize = mark
    pictures = [images.thumbnail(images.read(path), 2 * presize) for path in paths]
    seen = genus_light.augmented(pictures, side, crop, strength, np.random.default_rng([seed, 0]))
    return [images.encode_jpeg(np.rint(view).astype(np.uint8)) for view in seen]


def _show_variants(path: Path, task: Task, config: Any, count: int = 9) -> None:
    """What the settings above make of one picture, where the task varies what it learns from."""
    if task.variants is None:
        return
    st.subheader("Nine variants as the settings draw them", anchor=False)
    pictures = task.variants(config, images.read(path), count)
    for cell, picture in zip(st.columns(count, gap="xsmall", wrap=False), pictures, strict=True):
        cell.image(images.encode_jpeg(picture), alt="The picture turned, shifted, sheared or mirrored", width="stretch")
