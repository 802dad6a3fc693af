"""Inside, Kernels: weights slid over a picture, those people wrote by hand and those a network learnt."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cloudcore import images, models
from cloudcore.inside import charts, map_pictures, neuron
from cloudcore.settings import Settings
from cloudcore.ui.inside import choices
from cloudcore.ui.shared.widgets import is_dark
from cloudcore.views import figures

BY_HAND, LEARNT = "By hand", "Learnt"
COLUMNS = 16
SIDE = 288
WORDS = {
    "Identity": "One weight of 1 in the middle: the picture stays.",
    "Edge": "The weights add up to 0: where all is alike nothing is left, where it changes much is.",
    "Blur": "Nine equal weights: each pixel becomes the mean of its neighbourhood.",
    "Sharpen": "The pixel five times, less its four neighbours: differences grow.",
    "Gaussian": "Near pixels count more than far ones: a blur without corners of its own.",
}
LEARNT_WORDS = (
    "Nobody wrote these weights: training found them. The first layer slides each filter over the picture, as the "
    "kernels by hand are, and passes the results on as maps. Filters of three channels are shown as colours about "
    "grey; others in orange (above 0) and blue (below)."
)

LAYER_WORDS = "Every convolution of the network. A filter of a deeper one reads the maps of the layer before it."
DEEPER_WORDS = (
    "A filter of a deeper layer has weights for each map of the layer before it; their mean is shown. What it makes of "
    "the picture is its own map, as coarse as the layer is deep."
)
MOST_FILTERS = 256


def show(left: DeltaGenerator, right: DeltaGenerator, settings: Settings) -> None:
    """Draw the whole view: picture, kernel and result, and a gallery of the filters where they are learnt."""
    with right:
        source = st.segmented_control(
            "Kernels",
            (BY_HAND, LEARNT),
            default=BY_HAND,
            required=True,
            key="kernels_source",
            persist_state="session",
            width="stretch",
        )
        if source == BY_HAND:
            _by_hand(left, settings)
            return
        entry = choices.choose_model(settings)
        if entry is not None:
            _learnt(left, settings, entry)


def _by_hand(left: DeltaGenerator, settings: Settings) -> None:
    name = st.selectbox("Kernel", list(neuron.KERNELS), index=1, key="kernels_name", persist_state="session")
    picture = choices.choose_picture(settings, "kernels", side=SIDE)
    if picture is None:
        choices.say_no_picture(left)
        return
    relu = st.checkbox("ReLU after it", key="kernels_relu", persist_state="session")
    st.caption(WORDS[name])
    kernel = neuron.KERNELS[name]
    result = neuron.slide(picture.values, kernel)
    result = np.maximum(result, 0) if relu else result
    _show(left, picture, _Slid(name, kernel, result, abs(kernel.sum()) < 1e-9, _scale(picture)))


def _scale(picture: choices.Picture) -> float:
    return 80.0 if picture.is_radar else 255.0


def _learnt(left: DeltaGenerator, settings: Settings, entry: models.ModelEntry) -> None:
    from cloudcore.inside import activations

    network = choices.opened(entry)
    picture = choices.choose_picture(settings, "learnt", entry.task, SIDE)
    if picture is None:
        choices.say_no_picture(left)
        return
    found, layers = choices.answered(entry, picture)
    names = [layer.name for layer in layers if layer.kind.startswith("convolution") and layer.name in found]
    layer = str(
        st.selectbox("Layer", names, key=f"kernels_layer_{entry.name}", persist_state="session", help=LAYER_WORDS)
    )
    filters = activations.filters(network, layer)
    key = f"kernels_number_{entry.name}_{layer}"
    if (chosen := st.session_state.pop(f"kernels_at_{entry.name}_{layer}", None)) is not None:
        st.session_state[key] = chosen  # a click on the gallery, which is drawn after this field
    number = int(
        st.number_input("Filter", 0, len(filters) - 1, key=key, help=f"0 to {len(filters) - 1}; all are drawn below.")
    )
    relu = st.checkbox("ReLU after it", key="kernels_relu", persist_state="session")
    is_first = layer == names[0]
    st.caption(LEARNT_WORDS if is_first else DEEPER_WORDS)
    own_map = np.asarray(found[layer][number], np.float64)
    result = _response(entry, picture, filters[number]) if is_first else own_map
    result = np.maximum(result, 0) if relu else result
    several = f", mean of its {len(filters[number])} channels" if len(filters[number]) > 1 else ""
    _show(left, picture, _Slid(f"filter {number}", filters[number].mean(axis=0), result, note=several))
    with left:
        _gallery(entry.name, layer, filters, number)


def _response(entry: models.ModelEntry, picture: choices.Picture, weights: NDArray[Any]) -> NDArray[np.float64]:
    """A filter (channels, k, k) slid over the picture as its network takes it in, at every pixel."""
    mean, std = (np.asarray(value) * 255 for value in (entry.info.mean, entry.info.std))
    channels = ((picture.image - mean) / std).transpose(2, 0, 1)
    parts = [neuron.slide(channel, kernel) for channel, kernel in zip(channels, weights, strict=False)]
    return np.asarray(np.sum(parts, axis=0), np.float64)


@dataclass(frozen=True)
class _Slid:
    """A kernel (h, w), or the mean of a filter's channels, slid over a picture: what came out, and how it is drawn.

    zero_sum draws orange above 0 and blue below; else `scale` is the highest value of the picture.
    """

    name: str
    kernel: NDArray[Any]
    result: NDArray[np.float64]
    zero_sum: bool = True
    scale: float = 1.0
    note: str = ""


def _show(left: DeltaGenerator, picture: choices.Picture, slid: _Slid) -> None:
    kernel, result, name = slid.kernel, slid.result, slid.name
    with left:
        before, weights, after = st.columns((5, 3, 5), gap="small")
        choices.picture(before, picture.shown, f"{picture.path.stem} as it is", "As it is")
        with weights.container(gap=None):
            tiny = kernel.shape[1] <= 3 and np.abs(kernel).max() < 0.1
            decimals = 0 if np.allclose(kernel, np.rint(kernel)) else 2 + tiny
            st.plotly_chart(
                charts.squares(kernel, is_dark(), 190, decimals),
                theme=None,
                config=figures.CONFIG,
                key="kernels_weights",
                alt=f"The weights of {name}",
            )
            size = f"{kernel.shape[0]}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}{kernel.shape[1]}"
            st.caption(f"Weights of {name}{slid.note}, {size}, sum {kernel.sum():.2g}".replace("-", "−"))
        words = "orange above 0, blue below" if slid.zero_sum else "on the scale of the picture"
        grid = "" if result.shape == picture.values.shape else f", {result.shape[0]} × {result.shape[1]} places"
        found = f"After {name}{grid}: {result.min():.3g} to {result.max():.3g}; {words}".replace("-", "−")
        choices.picture(after, _drawn(picture, slid), f"{picture.path.stem} after {name}", found)


def _drawn(picture: choices.Picture, slid: _Slid) -> images.Image:
    if slid.zero_sum:
        drawn = map_pictures.signed(slid.result, 0.995)
        return drawn if min(drawn.shape[:2]) >= SIDE // 2 else map_pictures.enlarged(drawn, 2 * SIDE)
    level = np.clip(slid.result, 0, slid.scale).astype(np.uint8)[..., None]
    return choices.Picture(picture.path, picture.kind, np.repeat(level, 3, axis=2)).shown


def _gallery(model: str, layer: str, filters: NDArray[Any], number: int) -> None:
    left_out = f", the first {MOST_FILTERS} drawn" if len(filters) > MOST_FILTERS else ""
    st.subheader(f"All {len(filters)} filters of {layer}{left_out}", anchor=False)
    pictures = [map_pictures.of_filter(one) for one in filters[:MOST_FILTERS]]
    found = map_pictures.sheet(pictures, COLUMNS, number, 48)
    height = found.picture.shape[0]
    names = [f"filter {index}" for index in range(len(pictures))]
    figure = charts.clickable(found.picture, found.centres, 44, height, names)
    alt = f"Filters of {layer} of {model}; number {number} is framed"
    chosen = choices.clicked(figure, f"kernels_sheet_{model}_{layer}", alt)
    st.caption(f"Numbered from 0, {COLUMNS} a row; number {number} is framed. Choose another here.")
    taken = f"kernels_taken_{model}_{layer}"
    if chosen is not None and st.session_state.get(taken) != chosen:
        st.session_state[taken] = st.session_state[f"kernels_at_{model}_{layer}"] = chosen
        st.rerun()
