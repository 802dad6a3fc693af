"""Rectangle, circle and polygon on the same mask as the brush, by streamlit-drawable-canvas."""

from typing import Any

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.masks.mask import CLOUD, SKY, UNDEFINED, Label, Mask
from cloudcore.ui.paint import strokes
from cloudcore.ui.paint.paint_session import PaintSession
from cloudcore.ui.shared import error_boundary
from cloudcore.views import render

MODES = {"Rectangle": "rect", "Circle": "circle", "Polygon": "polygon"}
ACTIONS = {"Add cloud": CLOUD, "Cut out": SKY, "Undefined": UNDEFINED}
HINTS = {
    "Rectangle": "Drag from corner to corner.",
    "Circle": "Drag from the rim to the other side.",
    "Polygon": "Click corner after corner; click the first again to close it.",
}
MOST_WH = (660, 560)
"""The canvas is at most this wide and high, CSS px."""
FILL_ALPHA = 153
"""Opacity of a drawn shape, 0..255: the picture stays visible below it."""


def offer(session: PaintSession) -> None:
    """Offer the dialog of shapes."""
    with st.expander("Shapes", type="compact"):
        st.caption("Rectangles, circles and polygons, added to the paint or cut out of it.")
        if st.button("Draw shapes", key="paint_shapes_open"):
            draw(session)


@st.dialog("Shapes", width="large")
@error_boundary.in_words
def draw(session: PaintSession) -> None:
    """Draw shapes over the frame, then add them to its paint or cut them from it as one stroke."""
    picture, controls = st.columns([2.4, 1], gap="medium")
    with controls:
        mode = st.segmented_control("Shape", list(MODES), default="Rectangle", required=True, key="paint_shape_mode")
        action = st.segmented_control("Does", list(ACTIONS), default="Add cloud", required=True, key="paint_shape_does")
    with picture:
        drawn = _canvas(session, MODES[str(mode)])
    covered = int(np.count_nonzero(drawn & session.valid))
    with controls:
        st.caption(HINTS[str(mode)])
        st.caption(f"{covered:,} px drawn inside the dome")
        apply = st.button(str(action), key="paint_shape_apply", type="primary", disabled=not covered)
    if apply:
        strokes.keep_stroke()
        strokes.lay(session, applied(session.label, drawn, ACTIONS[str(action)]))
        st.rerun()


def applied(label: Label, drawn: Mask, value: int) -> Label:
    """The label (H, W) with `value` (0, 128 or 255) where shapes were drawn, bool (H, W)."""
    return np.where(drawn, np.uint8(value), label)


def drawn_mask(rgba: NDArray[np.uint8] | None, shape_hw: tuple[int, int]) -> Mask:
    """What shapes cover, bool (H, W), from the canvas' RGBA picture (h, w, 4); None is an empty canvas.

    The edges are anti-aliased: a pixel counts from half the opacity of a shape on. Another size is brought to the
    frame's by nearest neighbour, so that an edge stays an edge.
    """
    if rgba is None:
        return np.zeros(shape_hw, np.bool_)
    covered = (rgba[..., 3] > FILL_ALPHA // 2).astype(np.uint8)
    return cv2.resize(covered, (shape_hw[1], shape_hw[0]), interpolation=cv2.INTER_NEAREST) > 0


def display_wh(shape_hw: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the canvas for a frame: its own size where there is room, never enlarged."""
    scale = min(1.0, MOST_WH[0] / shape_hw[1], MOST_WH[1] / shape_hw[0])
    return max(1, round(shape_hw[1] * scale)), max(1, round(shape_hw[0] * scale))


def _canvas(session: PaintSession, mode: str) -> Mask:
    # imported here: under bare Python the module refuses to load
    from streamlit_drawable_canvas import st_canvas

    width, height = display_wh(session.valid.shape)
    red, green, blue = render.cloud_colour(session.night)
    result: Any = st_canvas(
        fill_color=f"rgba({red}, {green}, {blue}, {FILL_ALPHA / 255:.2f})",
        stroke_width=0,  # a stroke would make the shape larger than what was drawn
        stroke_color="#ffffff",
        background_image=_background(session, (height, width)),
        width=width,
        height=height,
        drawing_mode=mode,
        return_image_data=True,
        key=f"paint_shapes_{session.sheet.doc}_{session.sheet.laid}",
    )
    return drawn_mask(result.image_data, (session.valid.shape[0], session.valid.shape[1]))


def _background(session: PaintSession, out_hw: tuple[int, int]) -> bytes:
    painted = render.overlay(session.image, session.cloud, session.night)
    return images.encode_jpeg(images.resize(painted, out_hw), 90)
