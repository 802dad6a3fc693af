"""What the Train page asks and shows where one class a picture is learnt: a folder per class."""

from pathlib import Path
from typing import Any

import streamlit as st

from cloudcore import genus_data, images
from cloudcore.errors import ImageError
from cloudcore.settings import Settings
from cloudcore.task import Task, get_task

SAMPLES, FOLDER = "Samples", "Folder"
SIDE_PX = 200
COLUMNS = (6, 5)
"""Pictures in a row: up to six classes stand in one row, more in rows of five."""
SHOWN = 10


def choose_data(settings: Settings, task: Task) -> Path | None:
    """The data folder to learn from: the sample pictures, or a folder by its path."""
    source = st.segmented_control(
        "Data", (SAMPLES, FOLDER), default=SAMPLES, required=True, key="train-class-data", persist_state="session",
        width="stretch",
    )  # fmt: skip
    if source == SAMPLES:
        return settings.samples / task.name
    text = st.text_input(
        "Data folder", key="train-class-folder", persist_state="session", placeholder="a folder per class"
    )
    return Path(text).expanduser().absolute() if text.strip() else None


def words(n_images: int, base_rate: float) -> str:
    """A preflight in a line: how many pictures, and how often always answering the commonest class is right."""
    return f"{n_images} pictures, the commonest class {100 * base_rate:.0f} %"


@st.cache_data(show_spinner=False, max_entries=256)
def _picture(path: Path, task_name: str, changed_ns: int) -> bytes:
    return images.encode_jpeg(images.thumbnail(get_task(task_name).draw(images.read(path)), SIDE_PX))


def show_data(folder: Path, task: Task) -> None:
    """A picture or two of each class, as people see them."""
    classes = genus_data.list_classes(folder)
    each = max(1, SHOWN // len(classes))
    picked = [(name, path) for name in classes for path in images.list_images(folder / name)[:each]]
    st.subheader("To learn from", anchor=False)
    columns = COLUMNS[0] if len(classes) <= COLUMNS[0] else COLUMNS[1]
    for first in range(0, len(picked), columns):
        cells = st.columns(columns, gap="xsmall", wrap=False)
        for cell, (name, path) in zip(cells, picked[first : first + columns], strict=False):
            try:
                picture = _picture(path, task.name, path.stat().st_mtime_ns)
            except ImageError:
                continue  # said among the preflight's notes
            with cell.container(gap=None):
                st.image(picture, alt=f"{name}: {path.stem}", width="stretch")
                st.caption(name)


def show_variants(folder: Path, task: Task, config: Any, count: int = 9) -> None:
    """What the settings above make of one picture, where the task varies what it learns from."""
    if task.variants is None:
        return
    paths = [path for name in genus_data.list_classes(folder) for path in images.list_images(folder / name)[:1]]
    st.subheader("Nine variants as the settings draw them", anchor=False)
    try:
        pictures = task.variants(config, images.read(paths[0]), count)
    except ImageError as problem:
        st.caption(str(problem))
        return
    for cell, picture in zip(st.columns(count, gap="xsmall", wrap=False), pictures, strict=True):
        cell.image(images.encode_jpeg(picture), alt="The picture turned, shifted, sheared or mirrored", width="stretch")
