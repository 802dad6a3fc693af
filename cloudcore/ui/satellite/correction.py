"""Correct the labels of an image: labelled boxes, as the real labels were made, kept beside the table."""

import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore import images
from cloudcore.errors import DataError, LabelError
from cloudcore.labels import Conflict, Revision
from cloudcore.masks import rle
from cloudcore.masks.mask import CLOUD, Mask
from cloudcore.satellite import boxes as satellite_boxes
from cloudcore.satellite import table
from cloudcore.satellite.boxes import SMALLEST_PX, Box
from cloudcore.satellite.table import PATTERNS
from cloudcore.ui.satellite import boxes_in_view, gallery, pictures
from cloudcore.ui.satellite import shelf as satellite_shelf
from cloudcore.ui.satellite.shelf import Shelf
from cloudcore.ui.shared import author, notices

DESK = "satellite_desk"
CORRECTING = "satellite_correcting"
"""Key of the image that is being corrected."""
SIZES = {"Small": 720, "Large": 1056}
"""Width of the canvas, CSS px."""


@dataclass
class BoxSession:
    """The image being corrected: boxes as they stand, what they were, the revisions they were drawn on.

    masks bool (4, H, W) are the labels before; loose are patterns whose old outline is made of no boxes.
    """

    image: str
    boxes: list[Box]
    before: list[Box]
    masks: Mask
    base: dict[str, int]
    loose: tuple[str, ...]
    author: str
    doc: str = field(default_factory=lambda: secrets.token_hex(6))
    problem: str = ""
    conflicts: dict[str, Revision] = field(default_factory=dict)

    def changed(self) -> tuple[str, ...]:
        """Patterns whose boxes are others than before."""
        return tuple(p for p in PATTERNS if _of(self.boxes, p) != _of(self.before, p))

    def mask(self, pattern: str) -> Mask:
        """The mask, bool (H, W), that the boxes of a pattern make; the old one where they are as before."""
        if pattern not in self.changed():
            return np.asarray(self.masks[PATTERNS.index(pattern)])
        shape_hw = (self.masks.shape[1], self.masks.shape[2])
        return satellite_boxes.union([box for box in self.boxes if box.pattern == pattern], shape_hw)


def _of(boxes: Sequence[Box], pattern: str) -> set[Box]:
    return {box for box in boxes if box.pattern == pattern}


def open_desk(shelf: Shelf, image: str) -> BoxSession:
    """The labels of an image as boxes; drafts of this author come back."""
    who, stem = author.current(), satellite_shelf.stem_of(image)
    masks = shelf.masks(image)
    boxes, drawn = boxes_in_view.boxes_for(shelf, image, masks)
    loose = () if drawn else tuple(p for k, p in enumerate(PATTERNS) if not satellite_boxes.boxes_of(masks[k], p)[1])
    before = list(boxes)
    base = {pattern: shelf.revision(image, pattern) for pattern in PATTERNS}
    for pattern in PATTERNS:
        draft = shelf.store.draft(satellite_shelf.label_set(pattern), stem, who)
        if draft is not None and draft.mask.shape == shelf.table.shape_hw:
            kept = satellite_boxes.boxes_of(np.asarray(draft.mask == CLOUD), pattern)[0]
            boxes = [box for box in boxes if box.pattern != pattern] + kept
            base[pattern] = draft.base_revision
    return BoxSession(image, list(boxes), before, masks, base, loose, who)


def show(shelf: Shelf, image: str, inspector: DeltaGenerator) -> None:
    """The canvas on the stage; class, list, saving and leaving in the inspector."""
    desk: BoxSession | None = st.session_state.get(DESK)
    if desk is None or desk.image != image:
        desk = st.session_state[DESK] = open_desk(shelf, image)
    with inspector:
        pattern = _choose_pattern()
        size = st.segmented_control(
            "Canvas", list(SIZES), default="Small", required=True, key="satellite_canvas_size", persist_state="session"
        )
    _canvas(shelf, desk, pattern, SIZES[str(size)])
    with inspector:
        _state(desk)
        if desk.conflicts:
            _settle(shelf, desk)
        else:
            _buttons(shelf, desk)


def _choose_pattern() -> str:
    st.subheader("Correct the boxes", anchor=False)
    pattern = st.segmented_control(
        "Draw", PATTERNS, default=PATTERNS[0], required=True, key="satellite_draw", persist_state="session",
        help="Drag from corner to corner. The pencil on the canvas moves, sizes and deletes boxes.",
    )  # fmt: skip
    return str(pattern)


def _canvas(shelf: Shelf, desk: BoxSession, pattern: str, width: int) -> None:
    # imported here: under bare Python the module refuses to load
    from streamlit_drawable_canvas import st_canvas

    path = shelf.image_path(desk.image)
    if path is None:
        st.error(f"{desk.image} is missing. Put its file beside the others, then correct it.")
        return
    content, shape_hw = pictures.large(path)
    table.check_shape(shelf.table, desk.image, shape_hw)
    scale = width / shape_hw[1]
    colour = pictures.colour(pattern)
    first = st.session_state.setdefault(f"satellite_first_{desk.doc}_{width}", drawing(desk.boxes, scale))
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
        key=f"satellite_canvas_{desk.doc}_{width}",
    )
    st.caption("Drag from corner to corner. The pencil on the canvas moves, sizes and deletes boxes; labels are boxes.")
    if result.json_data:
        take(shelf, desk, read_canvas(result.boxes, scale, shape_hw))


def drawing(boxes: Sequence[Box], scale: float) -> dict[str, Any]:
    """What the canvas begins with: the boxes, px of the image, at `scale` CSS px each, in their patterns' colours."""
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


def read_canvas(told: Sequence[dict[str, Any]], scale: float, shape_hw: tuple[int, int]) -> list[Box]:
    """Boxes in px of the image out of what the canvas told, cut at the image's edge; slips of the hand are left out."""
    found = []
    for one in told:
        left, top = (max(0, round(float(one[side]) / scale)) for side in ("left", "top"))
        right = min(shape_hw[1], round((float(one["left"]) + float(one["width"])) / scale))
        bottom = min(shape_hw[0], round((float(one["top"]) + float(one["height"])) / scale))
        if one["label"] in PATTERNS and right - left >= SMALLEST_PX and bottom - top >= SMALLEST_PX:
            found.append(Box(str(one["label"]), left, top, right, bottom))
    return found


def take(shelf: Shelf, desk: BoxSession, told: Sequence[Box]) -> None:
    """Take the canvas' boxes to the desk; those that nobody moved keep their exact corners. Drafts are kept at once."""
    near = [next((b for b in [*desk.boxes, *desk.before] if _same(b, box)), box) for box in told]
    if near == desk.boxes:
        return
    touched = [p for p in PATTERNS if _of(near, p) != _of(desk.boxes, p)]
    desk.boxes = near
    stem, changed = satellite_shelf.stem_of(desk.image), desk.changed()
    try:
        for pattern in touched:
            name = satellite_shelf.label_set(pattern)
            if pattern in changed:
                shelf.store.save_draft(name, stem, desk.mask(pattern), desk.base[pattern], desk.author)
            else:
                shelf.store.drop_draft(name, stem, desk.author)
        desk.problem = ""
    except LabelError as problem:
        desk.problem = f"{problem} The boxes are still in this window."


def _same(one: Box, other: Box) -> bool:
    sides = ((one.left, other.left), (one.top, other.top), (one.right, other.right), (one.bottom, other.bottom))
    return one.pattern == other.pattern and all(abs(a - b) <= 2 for a, b in sides)


def _state(desk: BoxSession) -> None:
    counts = ", ".join(f"{p} {len(_of(desk.boxes, p))}" for p in PATTERNS if _of(desk.boxes, p))
    changed = desk.changed()
    words = f"changed: {', '.join(changed)}, draft kept" if changed else "as before"
    st.caption(f"Boxes: {counts or 'none'}; {words}.")
    if loose := [pattern for pattern in desk.loose if pattern in changed]:
        st.caption(f"The old outline of {', '.join(loose)} is made of no boxes: saving puts boxes in its place.")
    if desk.problem:
        st.error(desk.problem)


def _buttons(shelf: Shelf, desk: BoxSession) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        if st.button("Save", type="primary", key="satellite_save", disabled=not desk.changed()):
            save(shelf, desk)
            st.rerun()
        st.button("Back", key="satellite_back", on_click=leave, help="Your draft is kept.")
        if st.button("Drop draft", key="satellite_drop", disabled=not desk.changed()):
            drop(shelf, desk)
            st.rerun()


def save(shelf: Shelf, desk: BoxSession) -> None:
    """Save every changed pattern as a revision of patterns-<pattern>; a conflict keeps the draft and is shown."""
    stem, told = satellite_shelf.stem_of(desk.image), []
    for pattern in desk.changed():
        name = satellite_shelf.label_set(pattern)
        try:
            revision = shelf.store.save(
                name, stem, desk.mask(pattern), base_revision=desk.base[pattern], author=desk.author,
                operation_id=f"{desk.doc}-{pattern}-{desk.base[pattern]}-{hash(frozenset(_of(desk.boxes, pattern)))}",
            )  # fmt: skip
            shelf.store.drop_draft(name, stem, desk.author)
        except Conflict as conflict:
            if conflict.head is None:
                desk.problem = str(conflict)
            else:
                desk.conflicts[pattern] = conflict.head
            continue
        except LabelError as problem:
            desk.problem = f"{problem} Your draft is kept."
            continue
        told.append(f"{pattern}: saved, revision {revision}")
        desk.base[pattern] = revision
        desk.masks[PATTERNS.index(pattern)] = desk.mask(pattern)
        desk.before = [b for b in desk.before if b.pattern != pattern] + sorted(_of(desk.boxes, pattern), key=repr)
    for sentence in told:
        notices.tell(sentence)


def drop(shelf: Shelf, desk: BoxSession) -> None:
    """Forget this author's drafts of the image and start again from what is saved."""
    for pattern in PATTERNS:
        shelf.store.drop_draft(satellite_shelf.label_set(pattern), satellite_shelf.stem_of(desk.image), desk.author)
    st.session_state.pop(DESK, None)


def leave() -> None:
    """Back to the image; the draft stays in the store."""
    st.session_state.pop(DESK, None)
    st.session_state.pop(CORRECTING, None)


def _settle(shelf: Shelf, desk: BoxSession) -> None:
    """Two versions of a pattern: both in words and numbers, and the choice; nothing is written before it."""
    for pattern, theirs in list(desk.conflicts.items()):
        mine = gallery.share(float(desk.mask(pattern).mean()))
        other = gallery.share(float((theirs.mask == CLOUD).mean()))
        st.warning(
            f"{pattern} has two versions: yours covers {mine}, revision {theirs.revision} of {theirs.saved_at:%H:%M} "
            "UTC covers " + other + ". The other stays in the history."
        )
        st.image(_both(desk.mask(pattern), np.asarray(theirs.mask == CLOUD)), alt=f"{pattern}: mine and theirs")
        with st.container(horizontal=True, gap="xsmall"):
            if st.button("Keep mine", key=f"satellite_mine_{pattern}"):
                desk.base[pattern] = theirs.revision
                del desk.conflicts[pattern]
                save(shelf, desk)
                st.rerun()
            if st.button("Take theirs", key=f"satellite_theirs_{pattern}"):
                shelf.store.drop_draft(
                    satellite_shelf.label_set(pattern), satellite_shelf.stem_of(desk.image), desk.author
                )
                st.session_state.pop(DESK, None)
                st.rerun()


def _both(mine: Mask, theirs: Mask) -> bytes:
    """Mine left, theirs right, small."""
    sides = [satellite_shelf.nearest(mask, (90, 135)).astype(np.uint8) * 200 + 30 for mask in (mine, theirs)]
    gap = np.full((90, 6), 110, np.uint8)
    return images.encode_png(np.concatenate([sides[0], gap, sides[1]], axis=1).astype(np.uint8))


# Out


def offer_downloads(shelf: Shelf) -> None:
    """The table with its corrections, and an empty submission that is valid; made when asked for."""
    count = sum(len(heads) for heads in shelf.corrected.values())
    with st.expander("Download", type="compact"):
        st.caption(f"train.csv with {count:,} corrected {'label' if count == 1 else 'labels'}; it reads back the same.")
        st.download_button(
            "train.csv", data=lambda: table_bytes(shelf), file_name="train.csv", mime="text/csv", on_click="ignore",
            key="satellite_table",
        )  # fmt: skip
        n = 4 * len(shelf.table.images)
        st.caption(f"sample_submission.csv: {n:,} rows, all empty, checked before it is handed out.")
        st.download_button(
            "sample_submission.csv", data=lambda: submission_bytes(shelf), file_name="sample_submission.csv",
            mime="text/csv", on_click="ignore", key="satellite_submission",
        )  # fmt: skip


def table_bytes(shelf: Shelf) -> bytes:
    """The table as train.csv with every correction in it; corrections of another shape are left out."""
    replaced = {}
    for pattern in PATTERNS:
        for image in shelf.table.images:
            if shelf.revision(image, pattern):
                replaced[image, pattern] = rle.encode(shelf.mask(image, pattern))
    with tempfile.TemporaryDirectory() as folder:
        table.write_table(Path(folder) / "train.csv", shelf.table, replaced)
        return (Path(folder) / "train.csv").read_bytes()


def submission_bytes(shelf: Shelf) -> bytes:
    """An empty submission for the table's images. Raises DataError where the check finds anything wrong."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample_submission.csv"
        table.sample_submission(path, shelf.table.images)
        if problems := table.check_submission(path, shelf.table.images):
            raise DataError(problems[0])
        return path.read_bytes()
