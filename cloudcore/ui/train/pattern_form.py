"""Data of satellite patterns on Train: the folder to learn from, and its images with their labels."""

from pathlib import Path

import numpy as np
import streamlit as st

from cloudcore import images
from cloudcore.satellite import table as satellite_table
from cloudcore.settings import Settings
from cloudcore.views import render

SAMPLES, FOLDER = "Samples", "Folder"


def choose_data(settings: Settings) -> Path | None:
    """Ask for the data folder: the sample images, or a folder by its path."""
    source = st.segmented_control(
        "Data",
        (SAMPLES, FOLDER),
        default=SAMPLES,
        required=True,
        key="train-pattern-data",
        persist_state="session",
        width="stretch",
    )
    if source == SAMPLES:
        return settings.samples / "patterns"
    text = st.text_input(
        "Data folder", key="train-pattern-folder", persist_state="session", placeholder="train.csv and train_images/"
    )
    return Path(text).expanduser().absolute() if text.strip() else None


@st.cache_data(show_spinner=False, max_entries=256)
def _labelled(path: Path, source: Path, changed_ns: tuple[int, int]) -> tuple[bytes, str]:
    rows = table(source, changed_ns[1])
    small = images.resize(images.read(path), (160, 240))
    masks = np.asarray(rows.masks(path.name, (160, 240)), np.bool_)
    return images.encode_jpeg(render.patterns(small, masks)), ", ".join(rows.present(path.name))


@st.cache_resource(show_spinner=False, max_entries=4)
def table(path: Path, changed_ns: int) -> satellite_table.Table:
    """The label table of a file, kept until it changes. Raises DataError."""
    return satellite_table.read(path)


def show_data(folder: Path, count: int = 8) -> None:
    """Draw what will be learnt from, evenly picked: images of a data folder with their labels."""
    path, place = satellite_table.find(folder)
    changed = path.stat().st_mtime_ns
    found = [place / name for name in table(path, changed).images if (place / name).is_file()]
    st.subheader("To learn from", anchor=False)
    picked = [found[index * len(found) // min(count, len(found))] for index in range(min(count, len(found)))]
    for first in range(0, len(picked), 4):
        for cell, file in zip(st.columns(4, gap="xsmall", wrap=False), picked[first : first + 4], strict=False):
            picture, present = _labelled(file, path, (file.stat().st_mtime_ns, changed))
            with cell.container(gap=None):
                st.image(picture, alt=f"Image {file.stem} with its labels: {present or 'none'}", width="stretch")
                st.caption(present or "no pattern")


def words(n_images: int, base_rate: float) -> str:
    """A preflight in a line: how many images, and how often a pattern is there at all."""
    return f"{n_images} images, a pattern in {100 * base_rate:.0f} % of image and class pairs"
