"""Loaded models: a model folder in, its predictor out, one cache for every page and visitor."""

from pathlib import Path

import streamlit as st

from cloudcore import models
from cloudcore.settings import Settings

MOST_LOADED = 8
"""Predictors kept in memory."""


def load_predictor(folder: Path) -> models.Predictor:
    """The predictor of a model folder, kept until model.json or model.onnx changes. Raises ModelError."""
    return _load(folder, file_marks(folder))


def find_predictor(name: str, settings: Settings) -> models.Predictor:
    """The predictor of a model by its name. Raises ModelError."""
    return load_predictor(models.find_folder(name, settings))


def file_marks(folder: Path) -> tuple[tuple[int, int], ...]:
    """(time of change in ns, size in bytes) of the files that make a model folder's answers."""
    files = [folder / name for name in ("model.json", "model.onnx")]
    return tuple((status.st_mtime_ns, status.st_size) for file in files if file.is_file() for status in [file.stat()])


@st.cache_resource(show_spinner=False, max_entries=MOST_LOADED)
def _load(folder: Path, marks: tuple[tuple[int, int], ...]) -> models.Predictor:
    return models.load(folder)
