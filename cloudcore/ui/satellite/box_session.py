"""The correction of an image's labels: boxes as they stand, their drafts and revisions in the label store."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from cloudcore.errors import LabelError
from cloudcore.labels import Conflict, Revision
from cloudcore.masks.mask import CLOUD, Mask
from cloudcore.satellite import boxes as satellite_boxes
from cloudcore.satellite.boxes import Box
from cloudcore.satellite.table import PATTERNS
from cloudcore.ui.satellite import boxes_in_view
from cloudcore.ui.satellite.dataset import Dataset, label_set, stem_of
from cloudcore.ui.shared import author, notices

SESSION = "satellite_session"
"""Key of the session's BoxSession."""


@dataclass
class BoxSession:
    """The image being corrected: its boxes now and before, and the revision `base` that each pattern was drawn on.

    `masks`, bool (4, H, W), are the labels before. `loose` are patterns whose old outline is made of no boxes.
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
        return tuple(p for p in PATTERNS if of_pattern(self.boxes, p) != of_pattern(self.before, p))

    def mask(self, pattern: str) -> Mask:
        """The mask, bool (H, W), that the boxes of a pattern make; the old one where they are as before."""
        if pattern not in self.changed():
            return np.asarray(self.masks[PATTERNS.index(pattern)])
        shape_hw = (self.masks.shape[1], self.masks.shape[2])
        return satellite_boxes.union([box for box in self.boxes if box.pattern == pattern], shape_hw)


def of_pattern(boxes: Sequence[Box], pattern: str) -> set[Box]:
    """Those boxes that are of one pattern."""
    return {box for box in boxes if box.pattern == pattern}


def open_session(dataset: Dataset, image: str) -> BoxSession:
    """Read the labels of an image as boxes, with the drafts of this author in their place."""
    who, stem = author.current(), stem_of(image)
    masks = dataset.masks(image)
    boxes, drawn = boxes_in_view.boxes_for(dataset, image, masks)
    loose = () if drawn else tuple(p for k, p in enumerate(PATTERNS) if not satellite_boxes.boxes_of(masks[k], p)[1])
    before = list(boxes)
    base = {pattern: dataset.revision(image, pattern) for pattern in PATTERNS}
    for pattern in PATTERNS:
        draft = dataset.store.draft(label_set(pattern), stem, who)
        if draft is not None and draft.mask.shape == dataset.table.shape_hw:
            kept = satellite_boxes.boxes_of(np.asarray(draft.mask == CLOUD), pattern)[0]
            boxes = [box for box in boxes if box.pattern != pattern] + kept
            base[pattern] = draft.base_revision
    return BoxSession(image, list(boxes), before, masks, base, loose, who)


def take(dataset: Dataset, session: BoxSession, drawn: Sequence[Box]) -> None:
    """Take the boxes from the canvas into the session and keep their drafts; unmoved boxes keep their exact corners."""
    near = [next((b for b in [*session.boxes, *session.before] if _same(b, box)), box) for box in drawn]
    if near == session.boxes:
        return
    touched = [p for p in PATTERNS if of_pattern(near, p) != of_pattern(session.boxes, p)]
    session.boxes = near
    stem, changed = stem_of(session.image), session.changed()
    try:
        for pattern in touched:
            name = label_set(pattern)
            if pattern in changed:
                dataset.store.save_draft(name, stem, session.mask(pattern), session.base[pattern], session.author)
            else:
                dataset.store.drop_draft(name, stem, session.author)
        session.problem = ""
    except LabelError as problem:
        session.problem = f"{problem} The boxes are still in this window."


def _same(one: Box, other: Box) -> bool:
    sides = ((one.left, other.left), (one.top, other.top), (one.right, other.right), (one.bottom, other.bottom))
    return one.pattern == other.pattern and all(abs(a - b) <= 2 for a, b in sides)


def save(dataset: Dataset, session: BoxSession) -> None:
    """Save every changed pattern as a revision of patterns-<pattern>; a conflict keeps the draft and is shown."""
    for sentence in [_save(dataset, session, pattern) for pattern in session.changed()]:
        if sentence:
            notices.tell(sentence)


def _save(dataset: Dataset, session: BoxSession, pattern: str) -> str:
    """Save one pattern; a sentence about it, or "" where it was not saved: the session holds the reason."""
    name, stem, boxes = label_set(pattern), stem_of(session.image), of_pattern(session.boxes, pattern)
    try:
        revision = dataset.store.save(
            name,
            stem,
            session.mask(pattern),
            base_revision=session.base[pattern],
            author=session.author,
            operation_id=f"{session.doc}-{pattern}-{session.base[pattern]}-{hash(frozenset(boxes))}",
        )
        dataset.store.drop_draft(name, stem, session.author)
    except Conflict as conflict:
        if conflict.head is None:
            session.problem = str(conflict)
        else:
            session.conflicts[pattern] = conflict.head
        return ""
    except LabelError as problem:
        session.problem = f"{problem} Your draft is kept."
        return ""
    session.base[pattern] = revision
    session.masks[PATTERNS.index(pattern)] = session.mask(pattern)
    session.before = [b for b in session.before if b.pattern != pattern] + sorted(boxes, key=repr)
    return f"{pattern}: saved, revision {revision}"


def drop(dataset: Dataset, session: BoxSession) -> None:
    """Forget this author's drafts of the image and start again from what is saved."""
    for pattern in PATTERNS:
        dataset.store.drop_draft(label_set(pattern), stem_of(session.image), session.author)
    st.session_state.pop(SESSION, None)
