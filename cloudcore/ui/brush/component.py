"""Our brush canvas: a frame with its paint, drawn and edited in the browser, sent to Python after every stroke.

The picture goes to the browser once per document; strokes come back as run lengths. A rerun never touches what was
painted: the canvas loads a label only when the document is new to it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from cloudcore import images
from cloudcore.errors import CloudcoreError
from cloudcore.images import Image
from cloudcore.masks import rle
from cloudcore.masks.mask import CLOUD, SKY, UNDEFINED, Label, Mask
from cloudcore.sky.dome import Dome
from cloudcore.views import render

HERE = Path(__file__).parent
SCRIPTS = ("mask.js", "stage.js", "brush.js")
EXACT_PX = 2_000_000
"""Pictures up to this size are sent without loss; larger ones as JPEG."""
HORIZON_COLOUR = (0xFF, 0x5C, 0x8A)


@dataclass(frozen=True)
class Sheet:
    """One document on the canvas: what is sent to the browser, the pixels (H, W) that may be painted, labels laid."""

    doc: str
    valid: Mask
    payload: dict[str, Any]
    laid: int = 0

    @property
    def shape_hw(self) -> tuple[int, int]:
        """Height and width of the frame, px."""
        return self.valid.shape[0], self.valid.shape[1]


@dataclass(frozen=True)
class BrushValue:
    """The browser's newest label (H, W), uint8 0/128/255, its counter `rev` and the number of strokes that made it."""

    doc: str
    rev: int
    strokes: int
    label: Label


def sheet(
    image: Image,
    label: Label,
    valid: Mask,
    *,
    doc: str,
    night: bool,
    dome: Dome | None = None,
    horizon: Mask | None = None,
    rev: int = 0,
) -> Sheet:
    """A frame (H, W, 3) with its label (H, W) for painting clouds; `rev` is where the label's counter starts.

    Only `valid` pixels (H, W) can be painted, all others are undefined. `night` chooses the colour of the paint; dome
    and horizon (H, W, True = never sky) are drawn over.
    """
    payload = _payload(image, doc, render.cloud_colour(night), "Cloud", dome) | runs(label, valid)
    drawn = None if horizon is None else rle.encode(horizon)
    payload |= {"valid": None if valid.all() else rle.encode(valid), "horizon": drawn, "rev": rev}
    return Sheet(doc, valid, payload)


def horizon_sheet(image: Image, horizon: Mask, dome: Dome, *, doc: str) -> Sheet:
    """A frame (H, W, 3) for setting its dome by two handles and painting what never is sky, horizon (H, W)."""
    valid = np.ones(horizon.shape, np.bool_)
    payload = _payload(image, doc, HORIZON_COLOUR, "Never sky", dome)
    payload |= {"cloud": rle.encode(horizon), "undefined": "", "valid": None, "horizon": None, "rev": 0}
    return Sheet(doc, valid, payload | {"edit": "dome", "low": True})


def with_dome(sheet: Sheet, dome: Dome) -> Sheet:
    """The sheet with another circle drawn over it; the paint stays."""
    circle = {"y": dome.centre_yx[0], "x": dome.centre_yx[1], "radius": dome.radius}
    return replace(sheet, payload=sheet.payload | {"dome": circle})


def lay(sheet: Sheet, label: Label) -> Sheet:
    """The sheet with a whole new label laid over it, as one stroke that the person can undo."""
    number = sheet.laid + 1
    payload = sheet.payload | {"lay": {"id": number} | runs(label, sheet.valid)}
    return replace(sheet, payload=payload, laid=number)


def renewed(sheet: Sheet, label: Label, rev: int) -> Sheet:
    """The sheet for a canvas that comes back: the browser's own strokes win unless they are older than `rev`."""
    return replace(sheet, payload=sheet.payload | runs(label, sheet.valid) | {"rev": rev, "lay": None})


def brush(
    sheet: Sheet,
    *,
    key: str,
    on_stroke: Callable[[], None] | None = None,
    on_dome: Callable[[], None] | None = None,
) -> None:
    """Show the canvas; `value(sheet, key)` has the label of its last stroke.

    on_stroke is called before the page runs again, whatever page that is.
    on_dome is called likewise when a handle of a `horizon_sheet` was let go; `moved_dome(sheet, key)` has the dome.
    """
    _canvas()(data=sheet.payload, key=key, on_label_change=on_stroke or _nothing, on_dome_change=on_dome or _nothing)


def value(sheet: Sheet, key: str) -> BrushValue | None:
    """The label that the canvas under `key` last sent for this sheet, or None."""
    message = _state(sheet, key, "label")
    if message is None:
        return None
    cloud, hidden = (rle.decode(str(message[name]), sheet.shape_hw) for name in ("cloud", "undefined"))
    label = np.where(cloud, np.uint8(CLOUD), np.uint8(SKY))
    label[hidden | ~sheet.valid] = UNDEFINED
    return BrushValue(sheet.doc, int(message["rev"]), int(message["strokes"]), label)


def revision(sheet: Sheet, key: str) -> int:
    """The counter of the label that `value` would give, 0 before the first stroke; without decoding it."""
    message = _state(sheet, key, "label")
    return 0 if message is None else int(message["rev"])


def first_cloud(sheet: Sheet) -> Mask:
    """What was painted when the sheet was made, bool (H, W)."""
    return rle.decode(str(sheet.payload["cloud"]), sheet.shape_hw)


def moved_dome(sheet: Sheet, key: str) -> Dome | None:
    """The dome as its handles were left on a `horizon_sheet`, or None when they were not touched."""
    message = _state(sheet, key, "dome")
    if message is None:
        return None
    return Dome((round(float(message["y"]), 1), round(float(message["x"]), 1)), round(float(message["radius"]), 1))


def note(sheet: Sheet, rev: int, text: str, *, key: str) -> None:
    """Show `text` in the canvas' status bar, for the label of number `rev`."""
    _note()(data={"doc": sheet.doc, "rev": rev, "text": text}, key=key)


def _payload(image: Image, doc: str, colour: render.Rgb, word: str, dome: Dome | None) -> dict[str, Any]:
    height, width = image.shape[:2]
    exact = height * width <= EXACT_PX
    content, mime = (images.encode_png(image), "image/png") if exact else (images.encode_jpeg(image, 92), "image/jpeg")
    circle = None if dome is None else {"y": dome.centre_yx[0], "x": dome.centre_yx[1], "radius": dome.radius}
    return {
        "doc": doc,
        "shape": [height, width],
        "image": render.data_url(content, mime),
        "colour": "#{:02X}{:02X}{:02X}".format(*colour),
        "word": word,
        "dome": circle,
        "lay": None,
        "edit": None,
        "low": False,
    }


def runs(label: Label, valid: Mask) -> dict[str, str]:
    """Cloud and undefined of a label (H, W) as run lengths, inside valid; the two keys of a sheet's payload."""
    if label.shape != valid.shape:
        sizes = f"The label is {label.shape}, the frame {valid.shape}"
        raise CloudcoreError(f"{sizes}. Labels are never resized: import it anew.")
    return {"cloud": rle.encode((label == CLOUD) & valid), "undefined": rle.encode((label == UNDEFINED) & valid)}


def _state(sheet: Sheet, key: str, name: str) -> dict[str, Any] | None:
    state = st.session_state.get(key) or {}
    message = state.get(name)
    return message if message and message["doc"] == sheet.doc else None


@cache
def _canvas() -> Callable[..., Any]:
    """Register the component once a process, from the files beside this one."""
    script = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    html, css = ((HERE / name).read_text(encoding="utf-8") for name in ("brush.html", "brush.css"))
    return st.components.v2.component("cloudcore.brush", html=html, css=css, js=script)


@cache
def _note() -> Callable[..., Any]:
    return st.components.v2.component("cloudcore.brush_note", js=(HERE / "note.js").read_text(encoding="utf-8"))


def _nothing() -> None:
    """Listen to a state of the canvas: one that nothing listens to is not kept."""
