"""What Train asks and shows for photographs: the folder of classes, their counts, a batch as the network sees it."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from cloudcore import charts, genus_data, genus_light, images
from cloudcore.task import Task
from cloudcore.ui import widgets

SAMPLES, OWN, FOLDER = "Samples", "Labelled here", "Folder"
SHOWN = 10


def choose_data(library: widgets.Library, task: Task) -> Path | None:
    """A folder for each class: photographs labelled on Cloud type, the drawn samples, or a folder by its path."""
    own = library.settings.workspace / "photographs"
    options = [*([OWN] if own.is_dir() else []), SAMPLES, FOLDER]
    source = st.segmented_control(
        "Data", options, default=options[0], required=True, key=f"train-data-{task.name}", persist_state="session",
        width="stretch",
    )  # fmt: skip
    if source != FOLDER:
        return own if source == OWN else library.settings.samples / task.name
    text = st.text_input(
        "Data folder", key=f"train-folder-{task.name}", persist_state="session", placeholder="a folder for each class"
    )
    return Path(text).expanduser().absolute() if text.strip() else None


def show_data(folder: Path, config: Any) -> None:
    """Counts of the classes, and a batch as the network will see it with these settings."""
    classes = genus_data.list_classes(folder)
    photos = genus_data.list_photos(folder, classes)
    counts = [sum(photo.label == k for photo in photos) for k in range(len(classes))]
    st.subheader("To learn from", anchor=False)
    figure = charts.figure(widgets.is_dark(), 200, yaxis_title="photographs", showlegend=False)
    figure.add_bar(x=list(classes), y=counts, marker={"color": charts.palette(widgets.is_dark())["colours"][0]})
    st.plotly_chart(
        figure, theme=None, config=charts.CONFIG, height=200, width="stretch", key=f"counts-{folder}",
        alt=f"{len(photos)} photographs in {len(classes)} classes",
    )  # fmt: skip
    st.caption(f"A batch as the network sees it: {config.size} × {config.size} px, cropped and lit at random.")
    picked = [photos[k * len(photos) // SHOWN] for k in range(min(SHOWN, len(photos)))]
    mark = (config.size, config.crop, config.augment, config.seed, config.presize)
    views = _batch(tuple(photo.path for photo in picked), mark)
    for start in range(0, len(picked), 5):
        cells = st.columns(5, gap="xsmall", wrap=False)
        for cell, photo, view in zip(cells, picked[start : start + 5], views[start : start + 5], strict=False):
            cell.image(view, alt=f"{photo.stem} as the network sees it", width="stretch")
            cell.caption(classes[photo.label])


@st.cache_data(show_spinner=False, max_entries=32)
def _batch(paths: tuple[Path, ...], mark: tuple[int, float, float, int, int]) -> list[bytes]:
    side, crop, strength, seed, presize = mark
    pictures = [images.thumbnail(images.read(path), 2 * presize) for path in paths]
    seen = genus_light.augmented(pictures, side, crop, strength, np.random.default_rng([seed, 0]))
    return [images.encode_jpeg(np.rint(view).astype(np.uint8)) for view in seen]
