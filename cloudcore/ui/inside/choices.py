"""What the views of Inside share: which view, picture and model; the model opened; a picture to click on."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cloudcore import images, models
from cloudcore.errors import ImageError
from cloudcore.learning.tasks import get_task
from cloudcore.radar import folders, variants
from cloudcore.radar.variants import SCALE_DBZ
from cloudcore.settings import Settings
from cloudcore.views import figures

NEURON, POOLING, KERNELS, LAYERS = "Neuron", "Pooling", "Kernels", "Layers"
VIEWS = (NEURON, POOLING, KERNELS, LAYERS)
EMPTY = "No model yet. Train one."
RADAR, SKY, SATELLITE, PHOTOGRAPH, OWN = "radar", "sky", "patterns", "genus", "own"
KIND_WORDS = {
    RADAR: "Radar",
    SKY: "Sky frame",
    SATELLITE: "Satellite image",
    PHOTOGRAPH: "Photograph",
    OWN: "Own picture",
}
PICTURES_SHOWN = 24
OWN_PICTURE = "inside_own"

Outputs = dict[str, NDArray[np.float32]]
"""What each layer of a network answers, by the layer's name."""


@dataclass(frozen=True)
class Picture:
    """A sample picture: where it is, what task it belongs to, the array itself (H, W, 3)."""

    path: Path
    kind: str
    image: images.Image

    @property
    def is_radar(self) -> bool:
        """Whether its values are dBZ."""
        return self.kind == RADAR

    @property
    def shown(self) -> images.Image:
        """The picture as people see it."""
        return variants.shown(self.image) if self.is_radar else self.image

    @property
    def values(self) -> NDArray[np.float64]:
        """One number a pixel: dBZ on radar, the mean of red, green and blue (0..255) elsewhere."""
        return self.image[..., 0].astype(np.float64) if self.is_radar else self.image.mean(axis=2)

    @property
    def unit(self) -> str:
        """What those numbers are."""
        return "dBZ" if self.is_radar else "grey level, 0 to 255"


def choose_view() -> str:
    """Ask for Neuron, Pooling, Kernels or Layers, in the head row."""
    return str(
        st.segmented_control(
            "View",
            VIEWS,
            default=NEURON,
            required=True,
            key="inside_view",
            persist_state="session",
            label_visibility="collapsed",
        )
    )


@st.cache_data(show_spinner=False, max_entries=64)
def _read(path: Path, changed_ns: int, side: int) -> images.Image:
    return _shrunk(images.read(path), side)


def _shrunk(image: images.Image, side: int) -> images.Image:
    scale = side / min(image.shape[:2])
    size_hw = (round(image.shape[0] * scale), round(image.shape[1] * scale))
    return images.resize(image, size_hw) if scale < 1 else image


def _listed(settings: Settings, kind: str) -> list[Path]:
    """Sample pictures of a task, evenly picked over its classes."""
    folder = settings.samples / kind
    inner = next((folder / name for name in ("images", "train_images") if (folder / name).is_dir()), folder)
    found = images.list_images(inner)
    count = min(PICTURES_SHOWN, len(found))
    return [found[number * len(found) // count] for number in range(count)]


def choose_picture(settings: Settings, key: str, kind: str = RADAR, side: int = 288) -> Picture | None:
    """Ask for a sample picture or one's own, shorter side at most `side` px; says so and returns None without one.

    kind is what is offered first: the pictures a model was made for, though any other may be chosen.
    """
    kinds = list(KIND_WORDS)
    chosen = str(
        st.selectbox(
            "Picture of",
            kinds,
            kinds.index(kind) if kind in kinds else 1,
            key=f"{key}_kind_{kind}",
            format_func=KIND_WORDS.__getitem__,
            persist_state="session",
        )
    )
    if chosen == OWN:
        return _own_picture(side)
    paths = _listed(settings, chosen)
    if not paths:
        st.info("No sample pictures of this kind here. Choose another kind, or write the samples anew.")
        return None
    path = st.selectbox("Picture", paths, format_func=_name, key=f"{key}_picture_{chosen}", persist_state="session")
    return Picture(path, chosen, _read(path, path.stat().st_mtime_ns, side))


def say_no_picture(place: DeltaGenerator) -> None:
    """Fill the stage while no picture is chosen."""
    place.info("Choose a picture at the right; what becomes of it stands here.")


def _own_picture(side: int) -> Picture | None:
    """Ask for a picture from a file and keep it for the session, so that every view has it."""
    given = st.file_uploader("Picture", key="inside_own_file", help="JPEG or PNG. It is kept for this visit alone.")
    if given is not None:
        st.session_state[OWN_PICTURE] = (given.name, given.getvalue())
    if OWN_PICTURE not in st.session_state:
        st.caption("Give a picture; it is only looked at.")
        return None
    name, content = st.session_state[OWN_PICTURE]
    try:
        image = _read_own(content, side)
    except ImageError as error:
        st.error(str(error))
        return None
    if given is None:
        st.caption(name)
    # A name of our own stands before it: two files called alike are two pictures.
    path = Path(hashlib.sha256(content).hexdigest()[:12]) / Path(name).name
    return Picture(path, RADAR if is_radar_picture(image) else OWN, image)


@st.cache_data(show_spinner=False, max_entries=4)
def _read_own(content: bytes, side: int) -> images.Image:
    return _shrunk(images.read(content), side)


def is_radar_picture(image: images.Image) -> bool:
    """Whether a picture (H, W, 3) looks like one of dBZ: 136 x 136, grey, none above 80."""
    grey = bool((image == image[..., :1]).all())
    return image.shape[:2] == (folders.SIDE, folders.SIDE) and grey and int(image.max()) <= SCALE_DBZ


def _name(path: Path) -> str:
    folder = path.parent.name
    return path.stem if folder in ("images", "train_images") else f"{folder}, {path.stem}"


def choose_model(settings: Settings) -> models.ModelEntry | None:
    """Ask for a model whose weights are kept; says so and returns None where there is none yet."""
    entries = [e for e in models.available(settings) if (e.folder / "weights.safetensors").is_file()]
    if not entries:
        st.info(EMPTY)
        st.page_link("pages/train.py", label="Train")
        return None
    named = {entry.name: entry for entry in reversed(entries)}
    names = list(reversed(named))
    if st.session_state.get("inside_model") not in named:
        st.session_state["inside_model"] = st.query_params.get("model", names[0])
    if st.session_state["inside_model"] not in named:
        st.session_state["inside_model"] = names[0]
    name = st.selectbox("Model", names, key="inside_model", persist_state="session")
    entry = named[name]
    st.caption(f"{get_task(entry.task).title}, {entry.info.network.get('name', 'network')}")
    if joined := entry.info.joined:
        st.caption(f"{len(joined)} networks in one: this looks into the first, {joined[0]}.")
    return entry


@st.cache_resource(show_spinner="Opening the network", max_entries=3)
def network_of(folder: Path, changed_ns: int) -> Any:
    """The network of a model folder (explain.Opened), kept until model.json changes. Raises ModelError."""
    from cloudcore.inside import activations

    return activations.open_model(folder)


def opened(entry: models.ModelEntry) -> Any:
    """The model's network with its weights (explain.Opened). Raises ModelError."""
    return network_of(entry.folder, (entry.folder / "model.json").stat().st_mtime_ns)


def answered(entry: models.ModelEntry, picture: Picture) -> tuple[Outputs, list[Any]]:
    """(layer name -> output, layers) of a model for a picture. Raises ModelError."""
    return _answered(entry.folder, (entry.folder / "model.json").stat().st_mtime_ns, picture.path, picture)


@st.cache_resource(show_spinner="Asking every layer", max_entries=2)
def _answered(folder: Path, changed_ns: int, path: Path, _picture: Picture) -> tuple[Outputs, list[Any]]:
    from cloudcore.inside import activations

    network = network_of(folder, changed_ns)
    x = activations.fit(network, _picture.image)
    return activations.outputs(network, x), activations.layers(network, x)


def clicked(figure: Any, key: str, alt: str) -> int | None:
    """Draw a figure of charts that can be clicked on; the number of the square chosen last, if any."""
    event = st.plotly_chart(
        figure,
        theme=None,
        config=figures.CONFIG,
        width="stretch",
        on_select="rerun",
        selection_mode="points",
        key=key,
        alt=alt,
    )
    points = event["selection"]["points"]
    if not points:
        return None
    number = points[0]["customdata"]
    return int(number[0] if isinstance(number, list) else number)


def picture(place: DeltaGenerator, image: images.Image, alt: str, caption: str = "") -> None:
    """Draw a picture as PNG, with a line below it."""
    with place.container(gap=None):
        st.image(images.encode_png(image), alt=alt, width="stretch")
        if caption:
            st.caption(caption)
