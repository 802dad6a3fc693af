"""What the views of Inside share: which view, picture and model; the model opened; a picture to click on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cloudcore import charts, images, models, radar_variants
from cloudcore.settings import Settings
from cloudcore.task import get_task

NEURON, POOLING, KERNELS, LAYERS = "Neuron", "Pooling", "Kernels", "Layers"
VIEWS = (NEURON, POOLING, KERNELS, LAYERS)
EMPTY = "No model yet. Train one."
RADAR, SKY, PHOTOGRAPH = "radar", "sky", "genus"
KIND_WORDS = {RADAR: "Radar", SKY: "Sky frame", PHOTOGRAPH: "Photograph"}
OF_TASK = {"patterns": "patterns", **{name: name for name in KIND_WORDS}}
PICTURES_SHOWN = 24


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
        return radar_variants.shown(self.image) if self.is_radar else self.image

    @property
    def values(self) -> NDArray[np.float64]:
        """One number a pixel: dBZ on radar, the mean of red, green and blue (0..255) elsewhere."""
        return self.image[..., 0].astype(np.float64) if self.is_radar else self.image.mean(axis=2)

    @property
    def unit(self) -> str:
        """What those numbers are."""
        return "dBZ" if self.is_radar else "grey level, 0 to 255"


def choose_view() -> str:
    """Neuron, Pooling, Kernels or Layers, from the head row."""
    return str(
        st.segmented_control(
            "View", VIEWS, default=NEURON, required=True, key="inside_view", persist_state="session",
            label_visibility="collapsed",
        )
    )  # fmt: skip


@st.cache_data(show_spinner=False, max_entries=64)
def _read(path: Path, changed_ns: int, side: int) -> images.Image:
    image = images.read(path)
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


def choose_picture(settings: Settings, key: str, kind: str | None = None, side: int = 288) -> Picture | None:
    """A sample picture, of the kind asked for or of any; shorter side at most `side` px. None where there is none."""
    if kind is None:
        kind = str(
            st.segmented_control(
                "Picture of", list(KIND_WORDS), default=RADAR, required=True, key=f"{key}_kind", width="stretch",
                format_func=KIND_WORDS.__getitem__, persist_state="session",
            )
        )  # fmt: skip
    paths = _listed(settings, kind)
    if not paths:
        st.info("No sample pictures of this kind here. Choose another kind, or write the samples anew.")
        return None
    path = st.selectbox("Picture", paths, format_func=_name, key=f"{key}_picture_{kind}", persist_state="session")
    return Picture(path, kind, _read(path, path.stat().st_mtime_ns, side))


def _name(path: Path) -> str:
    folder = path.parent.name
    return path.stem if folder in ("images", "train_images") else f"{folder}, {path.stem}"


def choose_model(settings: Settings) -> models.ModelEntry | None:
    """Any model of the house whose weights are kept; None, said in words, where there is none yet."""
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
    st.caption(f"{get_task(entry.task).title}, {entry.info.get('network', {}).get('name', 'network')}")
    return entry


@st.cache_resource(show_spinner="Opening the network", max_entries=3)
def network_of(folder: Path, changed_ns: int) -> Any:
    """The network of a model folder (explain.Opened), kept until model.json changes. Raises ModelError."""
    from cloudcore import explain

    return explain.open_model(folder)


def opened(entry: models.ModelEntry) -> Any:
    """The model's network with its weights (explain.Opened). Raises ModelError."""
    return network_of(entry.folder, (entry.folder / "model.json").stat().st_mtime_ns)


def clicked(figure: Any, key: str, alt: str) -> int | None:
    """Draw a figure of charts that can be clicked on; the number of the square chosen last, if any."""
    event = st.plotly_chart(
        figure, theme=None, config=charts.CONFIG, width="stretch", on_select="rerun", selection_mode="points", key=key,
        alt=alt,
    )  # fmt: skip
    points = event["selection"]["points"]
    if not points:
        return None
    number = points[0]["customdata"]
    return int(number[0] if isinstance(number, list) else number)


def picture(place: DeltaGenerator, image: images.Image, alt: str, caption: str = "") -> None:
    """A picture with a line below it, sharp: PNG."""
    with place.container(gap=None):
        st.image(images.encode_png(image), alt=alt, width="stretch")
        if caption:
            st.caption(caption)
