"""The settings of a new run: preset, what its weights begin as, and the form that a task's Config describes."""

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from cloudcore import models
from cloudcore.learning.options import make_config, option_types
from cloudcore.learning.task import Task
from cloudcore.settings import Settings
from cloudcore.ui.shared.words import title

NOTHING = "nothing"


def choose_preset(task: Task) -> dict[str, Any]:
    """Ask for a named preset and return its field values; empty where the task has none."""
    if not task.presets:
        return {}
    return dict(task.presets[st.selectbox("Preset", list(task.presets), key="train-preset", persist_state="session")])


def choose_start(task: Task, preset: Mapping[str, Any], settings: Settings) -> models.ModelEntry | None:
    """Ask what the weights begin as: the shipped model (the default), nothing, or any other model that fits.

    A model fits when its network is the preset's: weights of another architecture would be refused at the start.
    """
    network = {item.name: item.default for item in dataclasses.fields(task.Config)} | dict(preset)
    entries = [
        entry
        for entry in models.available(settings)
        if entry.task == task.name and entry.info.options.get("network") == network.get("network")
    ]
    shipped = [entry for entry in entries if entry.shipped]
    own = [entry for entry in entries if not entry.shipped]
    return st.selectbox(
        "Start from",
        [*shipped, None, *own],
        format_func=_start_words,
        key=f"train-start-{task.name}-{network.get('network')}",
        persist_state="session",
        help="A model to go on from decides the network, its encoder and the frames' size.",
    )


def _start_words(entry: models.ModelEntry | None) -> str:
    if entry is None:
        return NOTHING
    return f"{entry.name}, shipped" if entry.shipped else title(entry.name, entry.task)


def start_name(entry: models.ModelEntry) -> str:
    """The name that finds the model again: a run's model stands in the run's folder, and the run's id is unique."""
    return entry.folder.parent.name if entry.folder.name == "model" else entry.name


def form(task: Task, preset: Mapping[str, Any], fixed: Mapping[str, Any]) -> Any:
    """Draw a widget for each field of the task's Config and return one checked Config.

    fixed holds fields that the model to start from decides: they are shown, and cannot be changed.
    """
    start, mark = {**preset, **fixed}, group(task, preset, fixed)
    fields = dataclasses.fields(task.Config)
    kinds = option_types(task.Config)
    values = {}
    cells = st.columns(2, gap="small", wrap=False)
    plain = [item for item in fields if not item.metadata.get("advanced")]
    for number, item in enumerate(plain):
        with cells[number % 2]:
            values[item.name] = _widget(item, kinds[item.name], start, mark, item.name in fixed)
    with st.expander("More settings", type="compact"):
        for item in fields:
            if item.metadata.get("advanced"):
                values[item.name] = _widget(item, kinds[item.name], start, mark, item.name in fixed)
    return make_config(task, values)


def group(task: Task, preset: Mapping[str, Any], fixed: Mapping[str, Any]) -> str:
    """The part that the keys of a form's fields share: another task, preset or start brings its own values."""
    start = {**preset, **fixed}
    return hashlib.sha256(repr((task.name, sorted(start.items()), sorted(fixed))).encode()).hexdigest()[:8]


def _widget(item: "dataclasses.Field[Any]", kind: type[Any], start: Mapping[str, Any], group: str, fixed: bool) -> Any:
    """Draw one field as a widget; the key holds the preset, so another preset brings its own values."""
    about, value = item.metadata, start.get(item.name, item.default)
    unit = f", {about['unit']}" if about.get("unit") else ""
    label = item.name.replace("_", " ").capitalize() + unit
    always: dict[str, Any] = {
        "help": about.get("help"),
        "key": f"train-{group}-{item.name}",
        "disabled": fixed,
        "persist_state": "session",
    }
    if about.get("choices"):
        options = list(about["choices"])
        return st.selectbox(label, options, index=options.index(value) if value in options else 0, **always)
    if kind is bool:
        return st.checkbox(label, value=bool(value), **always)
    if kind not in (int, float):
        return st.text_input(label, value=str(value), **always)
    bounds = {f"{end}_value": kind(about[end]) for end in ("min", "max") if about.get(end) is not None}
    step = 1 if kind is int else 10.0 ** math.floor(math.log10(value)) if value else 0.1
    shown = "%d" if kind is int else "%g"
    return st.number_input(label, value=kind(value), step=step, format=shown, **bounds, **always)
