"""Inside, Layers: every layer of a model with its maps for a picture, the answer, and where a classifier looked."""

import math
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cloudcore import images, models
from cloudcore.inside import charts, map_pictures
from cloudcore.photographs import class_activation
from cloudcore.settings import Settings
from cloudcore.ui.inside import choices
from cloudcore.ui.shared.models import load_predictor
from cloudcore.ui.shared.widgets import is_dark
from cloudcore.views import figures

MOST_MAPS = 64
COLUMNS = 8
SHEET_PX = 640
SHOWN_PX = 350
SIDE = 288
WORDS = (
    "Each layer turns the maps of the one before into new ones. Early maps keep the picture's edges and brightness; "
    "deeper ones are smaller, and light up where a shape is that the training found useful."
)
CAM_WORDS = (
    "Grad-CAM weighs each map by how much the answer would grow with it. Bright is what spoke for the class; it says "
    "where the network looked, not that it was right."
)
PATCH_WORDS = (
    "CloudNet judges one pixel at a time, from the 32 × 32 px around it: 15 below and to the right, 16 above and to "
    "the left. Click on the frame to ask about another place."
)


def show(left: DeltaGenerator, right: DeltaGenerator, settings: Settings) -> None:
    """Draw the whole view, or say that there is no model or picture."""
    with right:
        entry = choices.choose_model(settings)
        if entry is None:
            return
        network = choices.opened(entry)
        picture = choices.choose_picture(settings, "layers", entry.task, SIDE)
        if picture is None:
            choices.say_no_picture(left)
            return
    found, layers = choices.answered(entry, picture)
    names = [layer.name for layer in layers if layer.name in found]
    with right:
        name = _choose_layer(layers, names)
        st.caption(WORDS)
        if network.is_class:
            _show_answer(entry, network, picture)
    with left:
        if found[name].ndim > 1:
            _show_maps(name, found[name].reshape(-1, *found[name].shape[-2:]), picture, entry)
        else:
            _show_vector(name, found[name], network.classes if name == names[-1] else ())
        if network.is_class:
            _show_cam(entry, network, picture, layers)
        if network.is_cloudnet:
            _show_patch(network, picture)
        _show_table(layers)


def _choose_layer(layers: list[Any], names: list[str]) -> str:
    kinds = {layer.name: layer.kind for layer in layers}
    if st.session_state.get("layers_layer") not in names:
        st.session_state["layers_layer"] = names[0]
    return str(
        st.selectbox(
            "Layer",
            names,
            key="layers_layer",
            persist_state="session",
            format_func=lambda name: f"{name} · {kinds[name]}",
        )
    )


def _show_maps(name: str, maps: NDArray[np.float32], picture: choices.Picture, entry: models.ModelEntry) -> None:
    """Draw the picture, a sheet of maps and the chosen map large; a click on the sheet chooses."""
    shown = maps[:MOST_MAPS]
    key = f"layers_map_{entry.name}_{name}"
    number = min(int(st.session_state.get(key, 0)), len(shown) - 1)
    first, second, third = st.columns(3, gap="small")
    choices.picture(first, picture.shown, f"{picture.path.stem} as it is", picture.path.stem)
    columns = math.ceil(math.sqrt(len(shown)))
    tile_px = SHEET_PX // columns
    sheet = map_pictures.sheet([map_pictures.of_map(one) for one in shown], columns, number, tile_px)
    height = round(SHOWN_PX * sheet.picture.shape[0] / sheet.picture.shape[1])
    alts = [f"map {index}" for index in range(len(shown))]
    figure = charts.clickable(sheet.picture, sheet.centres, 0.7 * tile_px * SHOWN_PX / SHEET_PX, height, alts)
    with second:
        chosen = choices.clicked(figure, f"{key}_sheet", f"{len(shown)} maps of {name}; number {number} is framed")
        left_out = f", the first {MOST_MAPS}" if len(maps) > MOST_MAPS else ""
        st.caption(f"{len(maps)} maps of {maps.shape[1]} × {maps.shape[2]}{left_out}. Choose one to enlarge it.")
    if chosen is not None and st.session_state.get(f"{key}_taken") != chosen:
        st.session_state[f"{key}_taken"] = st.session_state[key] = chosen
        st.rerun()
    one = shown[number]
    caption = f"Map {number}: {one.min():.3g} to {one.max():.3g}, mean {one.mean():.3g}".replace("-", "−")
    large = map_pictures.enlarged(map_pictures.of_map(one), SHEET_PX)
    choices.picture(third, large, f"Map {number} of {name}", caption)


def _show_vector(name: str, values: NDArray[np.float32], names: tuple[str, ...]) -> None:
    st.subheader(f"{len(values)} numbers of {name}", anchor=False)
    st.plotly_chart(
        charts.bars(values, names, is_dark(), 240, "output"),
        theme=None,
        config=figures.CONFIG,
        key="layers_vector",
        alt=f"{name}: {len(values)} numbers from {values.min():.2f} to {values.max():.2f}",
    )
    silent = int((values == 0).sum())
    st.caption(f"{silent} of {len(values)} are 0. No place is left here: a dense layer weighs every number of before.")


def _show_answer(entry: models.ModelEntry, network: Any, picture: choices.Picture) -> None:
    """Draw the softmax: the logits as shares that add up to 1."""
    from cloudcore.inside import activations

    shares = activations.probabilities(network, activations.fit(network, picture.image))
    order = np.argsort(-shares)[:6]
    st.markdown("**Softmax**")
    table = pd.DataFrame({"class": [network.classes[k] for k in order], "share": [float(shares[k]) for k in order]})
    bar = st.column_config.ProgressColumn("Probability", min_value=0.0, max_value=1.0, format="%.2f")
    st.dataframe(table, hide_index=True, height="content", column_config={"class": "Class", "share": bar})
    st.caption(f"exp(logit) of each class over their sum, at temperature {entry.info.temperature:.2g}.")
    if entry.info.joined:
        whole = load_predictor(entry.folder)(picture.image)
        best = int(whole.argmax())
        several = len(entry.info.joined)
        st.caption(f"This network alone. All {several} together say {network.classes[best]}, {float(whole[best]):.2f}.")


def _show_cam(entry: models.ModelEntry, network: Any, picture: choices.Picture, layers: list[Any]) -> None:
    """Draw Grad-CAM of a class over the picture, from the deepest maps that still tell places apart."""
    from cloudcore.inside import activations

    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Where it looked", anchor=False, width="content")
        shares = activations.probabilities(network, activations.fit(network, picture.image))
        number = int(
            st.selectbox(
                "Class",
                range(len(shares)),
                index=int(shares.argmax()),
                format_func=network.classes.__getitem__,
                key=f"layers_class_{entry.name}_{picture.path.stem}",
                label_visibility="collapsed",
                width=200,
            )
        )
    place = activations.deepest_maps(layers)
    x = activations.fit(network, picture.image)
    seen = activations.grad_cam(network, x, number, place)
    levels = images.resize(np.rint(seen * 255).astype(np.uint8), picture.shown.shape[:2])
    sized = (levels / 255).astype(np.float32)
    first, second, third = st.columns(3, gap="small")
    choices.picture(
        first,
        class_activation.over(picture.shown, sized),
        f"Where it looked for {network.classes[number]}",
        f"For {network.classes[number]} ({shares[number]:.2f}), maps of {place}",
    )
    choices.picture(
        second,
        map_pictures.enlarged(map_pictures.of_map(seen), SHEET_PX),
        "Grad-CAM alone",
        f"{seen.shape[0]} × {seen.shape[1]} places",
    )
    third.caption(CAM_WORDS)
    if not seen.any():
        third.caption("Here it is dark all over: nothing in these maps speaks for this class.")


def _show_patch(network: Any, picture: choices.Picture) -> None:
    """Draw CloudNet's 32x32 patch under a point, with the activations of its layers."""
    from cloudcore.inside import activations

    st.subheader("The patch under a point", anchor=False)
    height, width = picture.image.shape[:2]
    grid = [(row, column) for row in range(4, height, 8) for column in range(4, width, 8)]
    first, second, third = st.columns((5, 3, 4), gap="small")
    middle = min(range(len(grid)), key=lambda i: math.dist(grid[i], (height / 2, width / 2)))
    key = f"layers_point_{height}x{width}"
    number = int(st.session_state.get(key, middle))
    row, column = grid[number]
    figure = charts.clickable(picture.shown, grid, 10, 340)
    charts.mark(figure, [(row, column)], 32, ["patch"])
    with first:
        chosen = choices.clicked(figure, f"layers_points_{picture.path.stem}", "The frame with the patch outlined")
    if chosen is not None and chosen != number:
        st.session_state[key] = chosen
        st.rerun()
    view = activations.patch_under(network, picture.image, row, column)
    large = map_pictures.enlarged(view.image, 320)
    choices.picture(
        second, large, "The patch of 32 by 32 px", f"row {row}, column {column}: cloud {view.probability:.2f}"
    )
    with third:
        st.caption(PATCH_WORDS)
        for name in ("conv1", "conv2", "conv3"):
            maps = [map_pictures.of_map(one) for one in view.outputs[name][:16]]
            alt = f"The first 16 maps of {name} for this patch"
            st.image(images.encode_png(map_pictures.sheet(maps, COLUMNS, None, 40).picture), alt=alt, width="stretch")
            st.caption(f"{name}: {view.outputs[name].shape[0]} maps, the first 16")
    st.plotly_chart(
        charts.bars(view.outputs["fc2"], (), is_dark(), 160, "fc2"),
        theme=None,
        config=figures.CONFIG,
        key="layers_fc2",
        alt="The 192 numbers before the answer",
    )


def _show_table(layers: list[Any]) -> None:
    total = sum(layer.parameters for layer in layers)
    rows = {
        "Layer": [layer.name for layer in layers],
        "Kind": [layer.kind for layer in layers],
        "Output": [" × ".join(str(side) for side in layer.shape) or "–" for layer in layers],
        "Parameters": [layer.parameters for layer in layers],
    }
    st.subheader(f"{len(layers)} layers, {total:,} parameters", anchor=False)
    columns = {"Parameters": st.column_config.NumberColumn(format="localized")}
    st.dataframe(pd.DataFrame(rows), hide_index=True, height=min(420, 38 + 35 * len(layers)), column_config=columns)
