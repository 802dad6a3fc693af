"""Inside, Pooling: three 5x5 patches of a picture, each pooled to one number that a neuron answers to."""

from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore.inside import charts, map_pictures, neuron
from cloudcore.settings import Settings
from cloudcore.ui.inside import choices
from cloudcore.ui.shared.widgets import is_dark
from cloudcore.views import figures

PLACES = ("A", "B", "C")
SIDE = 136
STEP = 3
HEIGHT = 360
WORDS = (
    "Pooling keeps one number of a neighbourhood: the picture gets smaller, and a storm may move a little without "
    "changing the answer. The maximum asks whether anything strong is there; the mean asks how much there is. "
    "The neuron behind it fires where that number, weighed, lies above the threshold."
)


def show(left: DeltaGenerator, right: DeltaGenerator, settings: Settings) -> None:
    """Draw the whole view: a picture with three squares, each patch with its numbers, pools and answer."""
    with right:
        picture = choices.choose_picture(settings, "pooling", side=SIDE)
        if picture is None:
            choices.say_no_picture(left)
            return
        kind = str(
            st.segmented_control(
                "Pool",
                neuron.POOLS,
                default="max",
                required=True,
                key="pooling_pool",
                persist_state="session",
                width="stretch",
                format_func={"max": "Maximum", "mean": "Mean"}.__getitem__,
            )
        )
        most, start = (80.0, 40.0) if picture.is_radar else (255.0, 128.0)
        threshold = st.slider(
            f"Threshold, {picture.unit.split(',')[0]}",
            0.0,
            most,
            start,
            1.0,
            format="%.0f",
            key=f"pooling_threshold_{picture.is_radar}",
            persist_state="session",
        )
        weight = st.slider("Weight", -2.0, 2.0, 1.0, 0.1, key="pooling_weight", format="%.1f", persist_state="session")
        bias = st.slider("Bias", -40.0, 40.0, 0.0, 1.0, key="pooling_bias", format="%.0f", persist_state="session")
        _choose_place(picture.values)
        st.caption(WORDS)
    places = [_place(name, picture.values) for name in PLACES]
    with left:
        with st.container(horizontal=True, gap="small"):
            with st.container(width=HEIGHT):
                _show_picture(picture, places)
            _show_pooled(st.container(width=HEIGHT), picture, kind)
        for column, name, (row, at) in zip(st.columns(3, gap="small"), PLACES, places, strict=True):
            patch = neuron.patch_at(picture.values, row, at)
            with column:
                found = neuron.pool_patch(patch, kind, threshold, weight, bias)
                numbers = f"{weight:.1f} × {found.value:.1f} + {bias:.0f} − {threshold:.0f}"
                words = f"{kind} {found.value:.1f}; z = {numbers} = {found.z:.1f}; ReLU(z) = {found.a:.1f}"
                _show_patch(name, patch, kind, found, most, words.replace("-", "−"))


def _place(name: str, values: neuron.Floats) -> tuple[int, int]:
    """Where a square's middle is, its 5x5 patch inside the picture; at first a strong, a middling and a weak place."""
    height, width = values.shape
    moved = st.session_state.get(f"pooling_at_{name}")
    row, column = (
        (moved[0] * (height - 1), moved[1] * (width - 1))
        if moved
        else neuron.place_like(values, {"A": 1.0, "B": 0.5, "C": 0.0}[name])
    )
    half = neuron.PATCH // 2
    return min(max(round(row), half), height - 1 - half), min(max(round(column), half), width - 1 - half)


def _choose_place(values: neuron.Floats) -> None:
    """Ask which square moves, and its row and column; a click on the picture moves it too."""
    name = str(
        st.segmented_control(
            "Square to move",
            PLACES,
            default="A",
            required=True,
            key="pooling_name",
            persist_state="session",
            width="stretch",
        )
    )
    (height, width), (row, column) = values.shape, _place(name, values)
    keys = f"pooling_row_{name}", f"pooling_column_{name}"
    st.session_state[keys[0]], st.session_state[keys[1]] = row, column
    take = partial(_take_sliders, name, height, width)
    half = neuron.PATCH // 2
    st.slider("Row", half, height - 1 - half, key=keys[0], on_change=take)
    st.slider("Column", half, width - 1 - half, key=keys[1], on_change=take)


def _take_sliders(name: str, height: int, width: int) -> None:
    row, column = (st.session_state[f"pooling_{axis}_{name}"] for axis in ("row", "column"))
    st.session_state[f"pooling_at_{name}"] = (row / (height - 1), column / (width - 1))


def _show_picture(picture: choices.Picture, places: list[tuple[int, int]]) -> None:
    height, width = picture.values.shape
    grid = [(row, column) for row in range(2, height - 2, STEP) for column in range(2, width - 2, STEP)]
    figure = charts.clickable(picture.shown, grid, STEP * HEIGHT / height, HEIGHT)
    charts.mark(figure, places, neuron.PATCH, PLACES)
    name = st.session_state.get("pooling_name", "A")
    key = f"pooling_chart_{picture.path.stem}_{name}"
    number = choices.clicked(figure, key, f"{picture.path.stem} with the squares A, B and C")
    if number is None or st.session_state.get("pooling_taken") == (key, number):
        return
    st.session_state["pooling_taken"] = (key, number)
    row, column = grid[number]
    st.session_state[f"pooling_at_{name}"] = (row / (height - 1), column / (width - 1))
    st.rerun()


def _show_pooled(place: DeltaGenerator, picture: choices.Picture, kind: str) -> None:
    """Draw the whole picture with each 5x5 square pooled to one pixel."""
    level = neuron.pool(picture.values, kind, neuron.PATCH)
    small = choices.Picture(
        picture.path, picture.kind, np.repeat(np.rint(level).astype(np.uint8)[..., None], 3, axis=2)
    )
    before, after = (
        "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}".join(str(side) for side in values.shape)
        for values in (picture.values, level)
    )
    choices.picture(
        place,
        map_pictures.enlarged(small.shown, HEIGHT),
        f"{picture.path.stem}, pooled",
        f"Pooled in squares of 5 × 5: {before} become {after}",
    )


def _show_patch(name: str, patch: neuron.Floats, kind: str, found: neuron.Pooled, most: float, words: str) -> None:
    st.markdown(f"**{name}** · {'fires' if found.a > 0 else 'silent'}")
    st.plotly_chart(
        charts.squares(patch, is_dark(), 190, span=(0, most)),
        theme=None,
        config=figures.CONFIG,
        key=f"pooling_patch_{name}",
        alt=f"Patch {name}: 5 by 5 numbers, largest {patch.max():.0f}",
    )
    st.caption(words)
    smaller = " / ".join(" ".join(f"{value:.0f}" for value in row) for row in neuron.pool(patch, kind))
    st.caption(f"In squares of 2 × 2, the odd rim left out: {smaller}")
