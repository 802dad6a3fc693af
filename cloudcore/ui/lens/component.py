"""The lens: a probability looked at in the browser, with threshold and min_size under one's fingers.

Frame, truth and a uint8 *level* of every pixel go to the browser once. The level counts the slider's thresholds below
the probability, so that "level > k" there is exactly "probability > thresholds[k]" here, and the mask shown equals
`mask.clean` pixel for pixel at every slider step. Python hears of the sliders when they are let go.
"""

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cloudcore import images
from cloudcore.errors import MaskError
from cloudcore.masks.mask import CLOUD, Label, Mask
from cloudcore.views import render

Levels = NDArray[np.uint8]

THRESHOLDS: tuple[float, ...] = tuple(k / 100 for k in range(1, 100))
MIN_SIZES: tuple[int, ...] = (
    *(0, 5, 10, 20, 30, 40, 50, 60, 75, 100, 125, 150, 200, 250, 300, 400, 500, 600, 800, 1000),
    *(1250, 1500, 1750, 2000),
)
MILLION = 1_000_000  # Dice travels as whole millionths
MOST_STEPS = 255  # a level fits one byte

_HERE = Path(__file__).parent


def _text(*names: str) -> str:
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)


PANELS = {"html": _text("stage.html"), "css": _text("lens.css"), "js": _text("core.js", "paint.js", "stage.js")}
"""Sources of the panels; the js is a module whose default export draws them, in a bare page too."""

CORE = _text("core.js")
"""Source of the pure functions behind the panels: levels to mask, checksum, run lengths."""

_stage = st.components.v2.component("cloudcore_lens_stage", html=PANELS["html"], css=PANELS["css"], js=PANELS["js"])
_controls = st.components.v2.component(
    "cloudcore_lens_controls", html=_text("controls.html"), css=_text("lens.css"), js=_text("core.js", "controls.js")
)
_THUMBS = '<div class="thumbs" role="group"></div>'
_thumbs = st.components.v2.component(
    "cloudcore_lens_thumbs", html=_THUMBS, css=_text("lens.css"), js=_text("thumbs.js")
)


@dataclass(frozen=True)
class Grid:
    """The sliders' steps: thresholds 0..1 ascending (255 at most), smallest sizes in px ascending."""

    thresholds: tuple[float, ...] = THRESHOLDS
    min_sizes: tuple[int, ...] = MIN_SIZES

    def with_step(self, threshold: float, min_size: int) -> "Grid":
        """This grid with one more step on each slider, where it is not there yet."""
        return Grid(
            tuple(sorted({*self.thresholds, float(threshold)})), tuple(sorted({*self.min_sizes, int(min_size)}))
        )

    def nearest(self, threshold: float, min_size: float) -> tuple[int, int]:
        """Index of the nearest step on each slider: (k, m)."""
        k = int(np.argmin(np.abs(np.asarray(self.thresholds) - threshold)))
        return k, int(np.argmin(np.abs(np.asarray(self.min_sizes) - min_size)))


@dataclass(frozen=True)
class LensValue:
    """Where the sliders were let go: a step of each."""

    threshold: float
    min_size: int


@dataclass(frozen=True)
class Names:
    """What the lens calls things: the model, what it is held against, the parts of the error map, what is looked for.

    oktas says whether a share is also told in oktas; ink (r, g, b) is the colour of what is found, None by the light;
    black takes the picture away from behind the masks; iou shows IoU by Dice, which a mean over images has none of.
    """

    model: str = "Model"
    truth: str = "Truth"
    hit: str = "hit"
    wrong: str = "false cloud"
    missed: str = "missed"
    dice: str = "Dice"
    set: str = "Set"
    thing: str = "cloud"
    nothing: str = "sky"
    smallest: str = "Smallest cloud, px"
    oktas: bool = True
    ink: tuple[int, int, int] | None = None
    black: bool = False
    iou: bool = True


@dataclass(frozen=True)
class Picture:
    """One frame to look at: image (H, W, 3), levels (H, W) made by `levels`, truth label (H, W), valid (H, W) or None.

    doc names exactly these pixels: what was packed or sent under the same name is not packed or sent again.
    """

    doc: str
    image: images.Image
    levels: Levels
    truth: Label
    valid: Mask | None
    caption: str


@dataclass(frozen=True)
class Tables:
    """Dice of every slider step, float (T, M): of what is shown, and of a whole set where there is one."""

    shown: NDArray[np.float64]
    whole: NDArray[np.float64] | None = None


def levels(probability: NDArray[np.float32], thresholds: Sequence[float], valid: Mask | None = None) -> Levels:
    """How many thresholds lie below each probability, uint8, of the probability's shape; 0 where not valid or NaN.

    Both sides are compared as float32, as in mask.clean: levels > k equals probability > float32(thresholds[k]).
    Raises MaskError for over 255 thresholds or unsorted ones.
    """
    steps = np.asarray(thresholds, np.float32)
    if steps.size > MOST_STEPS or np.any(np.diff(steps) <= 0):
        raise MaskError(f"Got {steps.size} thresholds; the lens takes up to {MOST_STEPS}, ascending. Give such.")
    counted = np.searchsorted(steps, np.asarray(probability, np.float32), side="left").astype(np.uint8)
    counted[np.isnan(probability)] = 0
    return counted if valid is None else np.where(valid, counted, 0).astype(np.uint8)


@dataclass(frozen=True)
class Sliders:
    """Threshold and min_size as steps (k, m) of a grid: where they begin, the model's default, the best step.

    Dice is compared with that of `usual`; a ring marks `best`. The sliders move to `at` only when `order` changes.
    """

    grid: Grid
    at: tuple[int, int]
    usual: tuple[int, int]
    best: tuple[int, int] | None = None
    order: int = 0


def lens(
    picture: Picture | None,
    tables: Tables,
    sliders: Sliders,
    *,
    names: Names | None = None,
    key: str,
    beside: DeltaGenerator | None = None,
) -> LensValue | None:
    """Draw the panels, and the sliders in `beside` (below where None); returns where the sliders were let go.

    Returns None until they move after a change of their order. A picture of None leaves the panels out.
    """
    grid, order = sliders.grid, sliders.order
    called = names or Names()
    if picture is not None:
        _stage(key=f"{key}-stage", data=stage_data(picture, grid, called, key))
    data = {
        "link": key,
        "stage": picture is not None,
        "order": order,
        "names": vars(called),
        "thresholds": list(grid.thresholds),
        "min_sizes": list(grid.min_sizes),
        "table": _packed(tables.shown),
        "set_table": None if tables.whole is None else _packed(tables.whole),
        "at": list(sliders.at),
        "usual": list(sliders.usual),
        "best": list(sliders.best) if sliders.best else None,
    }
    with beside if beside is not None else st.container():
        found = _controls(key=f"{key}-controls", data=data, on_value_change=_nothing)
    value = found.get("value")
    if not isinstance(value, dict) or value.get("order") != order:
        return None
    k, m = grid.nearest(float(value["threshold"]), float(value["min_size"]))
    return LensValue(grid.thresholds[k], grid.min_sizes[m])


@dataclass(frozen=True)
class Thumb:
    """A small picture to open: its name, a data: URL, what it shows in words, a caption and a longer title."""

    name: str
    picture: str
    alt: str
    caption: str
    title: str = ""


def thumbs(
    items: Sequence[Thumb], current: str | None, *, key: str, columns: int = 6, ratio: float = 1.0
) -> str | None:
    """A row of small pictures, width by height `ratio`; returns the name of the one just clicked, once, else None."""
    data = {"items": [vars(item) for item in items], "current": current, "columns": columns, "ratio": ratio}
    found = _thumbs(key=key, data=data, on_open_change=_nothing)
    opened = found.get("open")
    return str(opened) if opened is not None else None


def _nothing() -> None:
    """The rerun is all that is wanted; a callback must exist for the state to be known."""


def _packed(table: NDArray[np.float64]) -> list[int]:
    return [int(value) for value in np.rint(np.asarray(table) * MILLION).ravel()]


@st.cache_data(show_spinner=False, max_entries=16)
def _sent(doc: str, _picture: Picture) -> dict[str, Any]:
    """What the browser needs of a frame, packed: a JPEG to look at, levels and codes exact."""
    height, width = _picture.image.shape[:2]
    zone = render.zones(_picture.valid, (height, width))
    counts = zone == render.VALID
    code = ((_picture.truth == CLOUD) & counts).astype(np.uint8) | (zone << 1).astype(np.uint8)
    return {
        "doc": doc,
        "width": width,
        "height": height,
        "night": render.is_night(_picture.image),
        "image": render.data_url(images.encode_jpeg(_picture.image, quality=92), "image/jpeg"),
        "levels": _deflated(np.where(counts, _picture.levels, 0).astype(np.uint8)),
        "codes": _deflated(code),
    }


def stage_data(picture: Picture, grid: Grid, names: Names, key: str) -> dict[str, Any]:
    """What the panels get; key links them to the sliders of the same lens."""
    return {
        **_sent(picture.doc, picture),
        "link": key,
        "caption": picture.caption,
        "names": vars(names),
        "thresholds": list(grid.thresholds),
    }


def _deflated(array: NDArray[np.uint8]) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 6)).decode("ascii")
