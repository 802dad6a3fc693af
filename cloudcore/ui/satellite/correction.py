"""Correct the labels of an image on a canvas: labelled boxes, as the real labels were made."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore import images
from cloudcore.masks.mask import CLOUD, Mask
from cloudcore.satellite import table
from cloudcore.satellite.boxes import SMALLEST_PX, Box
from cloudcore.satellite.table import PATTERNS
from cloudcore.ui.satellite import box_session, gallery, pictures
from cloudcore.ui.satellite.box_session import SESSION, BoxSession, of_pattern
from cloudcore.ui.satellite.dataset import Dataset, label_set, nearest, stem_of

CORRECTING = "satellite_correcting"
"""Key of the image that is being corrected."""
SIZES = {"Small": 720, "Large": 1056}
"""Width of the canvas, CSS px."""


def show(dataset: Dataset, image: str, inspector: DeltaGenerator) -> None:
    """Draw the canvas on the stage; class, list, saving and leaving in the inspector."""
    session: BoxSession | None = st.session_state.get(SESSION)
    if session is None or session.image != image:
        session = st.session_state[SESSION] = box_session.open_session(dataset, image)
    with inspector:
        pattern = _choose_pattern()
        size = st.segmented_control(
            "Canvas", list(SIZES), default="Small", required=True, key="satellite_canvas_size", persist_state="session"
        )
    _canvas(dataset, session, pattern, SIZES[str(size)])
    with inspector:
        _state(session)
        if session.conflicts:
            _settle(dataset, session)
        else:
            _buttons(dataset, session)


def _choose_pattern() -> str:
    st.subheader("Correct the boxes", anchor=False)
    pattern = st.segmented_control(
        "Draw",
        PATTERNS,
        default=PATTERNS[0],
        required=True,
        key="satellite_draw",
        persist_state="session",
        help="Drag from corner to corner. The pencil on the canvas moves, sizes and deletes boxes.",
    )
    return str(pattern)


def _canvas(dataset: Dataset, session: BoxSession, pattern: str, width: int) -> None:
    # imported here: under bare Python the module refuses to load
    from streamlit_drawable_canvas import st_canvas

    path = dataset.image_path(session.image)
    if path is None:
        st.error(f"{session.image} is missing. Put its file beside the others, then correct it.")
        return
    content, shape_hw = pictures.large(path)
    table.check_shape(dataset.table, session.image, shape_hw)
    scale = width / shape_hw[1]
    colour = pictures.colour(pattern)
    first = st.session_state.setdefault(f"satellite_first_{session.doc}_{width}", drawing(session.boxes, scale))
    result: Any = st_canvas(
        fill_color=f"{colour}29",
        stroke_width=3,
        stroke_color=colour,
        background_image=content,
        width=width,
        height=round(width * shape_hw[0] / shape_hw[1]),
        drawing_mode="labeled_rect",
        label=pattern,
        font_size=14,
        initial_drawing=first,
        key=f"satellite_canvas_{session.doc}_{width}",
    )
    st.caption("Drag from corner to corner. The pencil on the canvas moves, sizes and deletes boxes; labels are boxes.")
    if result.json_data:
        box_session.take(dataset, session, read_canvas(result.boxes, scale, shape_hw))


def drawing(boxes: Sequence[Box], scale: float) -> dict[str, Any]:
    """The first objects on the canvas: boxes in px of the image, at `scale` CSS px each, in their patterns' colours."""
    objects = []
    for box in boxes:
        sides = {"left": box.left, "top": box.top, "width": box.right - box.left, "height": box.bottom - box.top}
        colour = pictures.colour(box.pattern)
        objects.append(
            {"type": "LabeledRect", "label": box.pattern, **{name: side * scale for name, side in sides.items()}}
            | {"originX": "left", "originY": "top", "scaleX": 1, "scaleY": 1, "angle": 0, "lockRotation": True}
            | {"stroke": colour, "strokeWidth": 3, "strokeUniform": True, "fill": f"{colour}29", "fontSize": 14}
        )
    return {"objects": objects}


def read_canvas(objects: Sequence[dict[str, Any]], scale: float, shape_hw: tuple[int, int]) -> list[Box]:
    """Boxes, px of the image, from the objects on the canvas, cut at the image's edge; slips are left out."""
    found = []
    for one in objects:
        left, top = (max(0, round(float(one[side]) / scale)) for side in ("left", "top"))
        right = min(shape_hw[1], round((float(one["left"]) + float(one["width"])) / scale))
        bottom = min(shape_hw[0], round((float(one["top"]) + float(one["height"])) / scale))
        if one["label"] in PATTERNS and right - left >= SMALLEST_PX and bottom - top >= SMALLEST_PX:
            found.append(Box(str(one["label"]), left, top, right, bottom))
    return found


def _state(session: BoxSession) -> None:
    counts = ", ".join(f"{p} {len(of_pattern(session.boxes, p))}" for p in PATTERNS if of_pattern(session.boxes, p))
    changed = session.changed()
    words = f"changed: {', '.join(changed)}, draft kept" if changed else "as before"
    st.caption(f"Boxes: {counts or 'none'}; {words}.")
    if loose := [pattern for pattern in session.loose if pattern in changed]:
        st.caption(f"The old outline of {', '.join(loose)} is made of no boxes: saving puts boxes in its place.")
    if session.problem:
        st.error(session.problem)


def _buttons(dataset: Dataset, session: BoxSession) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        if st.button("Save", type="primary", key="satellite_save", disabled=not session.changed()):
            box_session.save(dataset, session)
            st.rerun()
        st.button("Back", key="satellite_back", on_click=leave, help="Your draft is kept.")
        if st.button("Drop draft", key="satellite_drop", disabled=not session.changed()):
            box_session.drop(dataset, session)
            st.rerun()


def leave() -> None:
    """Go back to the image; the draft stays in the store."""
    st.session_state.pop(SESSION, None)
    st.session_state.pop(CORRECTING, None)


def _settle(dataset: Dataset, session: BoxSession) -> None:
    """Draw both versions of a pattern and ask which one stays on top; nothing is written before."""
    for pattern, theirs in list(session.conflicts.items()):
        mine = gallery.share(float(session.mask(pattern).mean()))
        other = gallery.share(float((theirs.mask == CLOUD).mean()))
        st.warning(
            f"{pattern} has two versions: yours covers {mine}, revision {theirs.revision} of {theirs.saved_at:%H:%M} "
            "UTC covers " + other + ". The other stays in the history."
        )
        st.image(_both(session.mask(pattern), np.asarray(theirs.mask == CLOUD)), alt=f"{pattern}: mine and theirs")
        with st.container(horizontal=True, gap="xsmall"):
            if st.button("Keep mine", key=f"satellite_mine_{pattern}"):
                session.base[pattern] = theirs.revision
                del session.conflicts[pattern]
                box_session.save(dataset, session)
                st.rerun()
            if st.button("Take theirs", key=f"satellite_theirs_{pattern}"):
                dataset.store.drop_draft(label_set(pattern), stem_of(session.image), session.author)
                st.session_state.pop(SESSION, None)
                st.rerun()


def _both(mine: Mask, theirs: Mask) -> bytes:
    """PNG of two masks side by side: mine left, theirs right."""
    sides = [nearest(mask, (90, 135)).astype(np.uint8) * 200 + 30 for mask in (mine, theirs)]
    gap = np.full((90, 6), 110, np.uint8)
    return images.encode_png(np.concatenate([sides[0], gap, sides[1]], axis=1).astype(np.uint8))
