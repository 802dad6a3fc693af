"""The painter's desk: one frame with its paint, its draft, its revisions; what each button of the Paint page does.

Everything a session holds about the open frame is one Desk in the session state. The canvas tells it every stroke; the
store keeps every stroke as a draft, and a save as a revision.
"""

import re
import secrets
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import streamlit as st

from cloudcore import images, models
from cloudcore.errors import CloudcoreError, LabelError
from cloudcore.frames import listing
from cloudcore.images import Image
from cloudcore.labels import Conflict, Revision
from cloudcore.masks import mask
from cloudcore.masks.mask import CLOUD, UNDEFINED, Label, Mask
from cloudcore.settings import Settings
from cloudcore.sky import cameras, cloud_amount, dome, initial_masks
from cloudcore.sky.cameras import Camera
from cloudcore.sky.dome import Dome
from cloudcore.ui import brush
from cloudcore.ui.shared import author, notices
from cloudcore.ui.shared.widgets import LABEL_SET, Library, library
from cloudcore.views import render

CANVAS = "paint_canvas"
DESK = "paint_desk"
COATS = ("Model", "Red/blue", "Bright", "Empty")
_EXPOSURE = re.compile(r"(?:^|[_-])(\d+(?:[.p]\d+)?)\s?s(?:ec)?(?=[_.-]|$)")


@dataclass
class PaintSession:
    """The open frame: image (H, W, 3), camera, the label (H, W) as Python holds it, and what the store knows of it.

    base is the revision it was painted on (0: none) and saved that revision's label; rev counts what the canvas told;
    shown is what the page around the canvas was drawn from.
    Quick strokes can run in two threads for a moment; the lock keeps an older draft from being written after a newer.
    """

    frame: listing.Frame
    image: Image
    night: bool
    camera: Camera
    label: Label
    sheet: brush.Sheet
    base: int = 0
    rev: int = 0
    saved: Label | None = None
    author: str = ""
    note: str = ""
    restored: datetime | None = None
    problem: str = ""
    shown: tuple[object, ...] = ()
    normalised: list[str] = field(default_factory=list)
    conflict: Revision | None = None
    lock: AbstractContextManager[bool] = field(default_factory=threading.RLock, repr=False, compare=False)

    @property
    def valid(self) -> Mask:
        """bool (H, W): what may be painted."""
        return self.sheet.valid

    @property
    def cloud(self) -> Mask:
        """bool (H, W): painted cloud."""
        return np.asarray(self.label == CLOUD)

    @property
    def fraction(self) -> float:
        """Cloud px / defined dome px, 0..1; NaN where nothing is defined."""
        return cloud_amount.cloud_fraction(self.cloud, self.label != UNDEFINED)

    @property
    def state(self) -> tuple[object, ...]:
        """What the page around the canvas is drawn from."""
        return self.problem, self.restored, self.base, self.conflict and self.conflict.revision

    @property
    def is_draft(self) -> bool:
        """Whether the label differs from what was last saved (from bare sky where nothing was)."""
        before = _inside(np.zeros_like(self.label), self.valid) if self.saved is None else self.saved
        return not np.array_equal(before, self.label)


def exposure_of(frame: listing.Frame, night: bool) -> str:
    """The exposure written in a file name ('…_6s.png', '…-0.3s.png') as '6 s'; else 'night' or 'day'."""
    found = _EXPOSURE.search(frame.path.stem)
    return f"{found[1].replace('p', '.')} s" if found else "night" if night else "day"


def camera_of(settings: Settings, frame: listing.Frame, image: Image, night: bool) -> Camera:
    """The camera kept for the frame, else one with the dome found in the image (KPNO's own for KPNO's frames)."""
    exposure, shape_hw = exposure_of(frame, night), (image.shape[0], image.shape[1])
    kept = cameras.camera_for(settings.cameras, frame.camera, exposure, shape_hw)
    if kept is not None:
        return kept
    ours = frame.camera.lower().startswith("kp") and shape_hw == cameras.KPNO.shape_hw
    circle = cameras.KPNO.dome if ours else _found_dome(frame.path, frame.path.stat().st_mtime_ns, image)
    return Camera(frame.camera, exposure, shape_hw, circle)


@st.cache_data(show_spinner=False, max_entries=2000)
def _found_dome(path: Path, changed_ns: int, _image: Image) -> Dome | None:
    return dome.find(_image)


def open_desk(room: Library, frame: listing.Frame, camera: Camera | None = None) -> PaintSession:
    """Reads a frame with its draft or newest revision. Raises CloudcoreError where one of them cannot be read."""
    normalised: list[str] = []
    image = images.read(frame.path, normalised)
    night = render.is_night(image)
    camera = camera or camera_of(room.settings, frame, image, night)
    valid = camera.valid((image.shape[0], image.shape[1]))
    name = author.current()
    head, draft = room.store.head(LABEL_SET, frame.stem), room.store.draft(LABEL_SET, frame.stem, name)
    saved = None if head is None else _fitting(head.mask, valid, "label")
    label = _inside(np.zeros(valid.shape, np.uint8), valid) if saved is None else saved
    base = 0 if head is None else head.revision
    restored = None
    if draft is not None:
        painted = _fitting(draft.mask, valid, "draft")
        if not np.array_equal(painted, label):
            label, base, restored = painted, draft.base_revision, draft.saved_at
    sheet = brush.sheet(
        image, label, valid, doc=secrets.token_hex(8), night=night, dome=camera.dome, horizon=camera.horizon
    )
    desk = PaintSession(frame, image, night, camera, label, sheet, base, saved=saved, author=name, restored=restored)
    desk.normalised = normalised
    desk.note = f"draft of {restored:%H:%M:%S} UTC restored" if restored else f"revision {base}" if base else ""
    return desk


def desk(room: Library, frame: listing.Frame) -> PaintSession:
    """The session's desk with this frame on it; opened anew where another frame or painter was there."""
    here: PaintSession | None = st.session_state.get(DESK)
    if here is None or here.frame != frame or here.author != author.current():
        st.session_state.pop(DESK, None)  # should the frame not open, no button may act on the one before
        here = open_desk(room, frame)
        st.session_state[DESK] = here
    elif CANVAS not in st.session_state and here.rev:
        # The canvas comes back after another page: should the browser have lost its strokes, these are the newest.
        here.sheet = brush.renewed(here.sheet, here.label, here.rev)
    return here


def reopen(camera: Camera | None = None) -> None:
    """Puts the open frame on the desk anew, with the camera as it is now; the draft comes along."""
    here = current()
    if here is not None:
        st.session_state[DESK] = open_desk(library(), here.frame, camera)


def current() -> PaintSession | None:
    """The session's desk, or None before a frame was opened."""
    found: PaintSession | None = st.session_state.get(DESK)
    return found


def show_canvas(here: PaintSession) -> None:
    """The canvas of the desk; every stroke is kept before anything else happens."""
    brush.brush(here.sheet, key=CANVAS, on_stroke=keep_stroke)
    keep_stroke()  # a run that a quicker stroke cut short may have missed its call
    brush.note(here.sheet, here.rev, here.note, key="paint_note")


def keep_stroke() -> None:
    """Takes the newest stroke from the canvas to the desk and keeps it as a draft."""
    here = current()
    if here is None:
        return
    with here.lock:
        told = brush.value(here.sheet, CANVAS) if brush.revision(here.sheet, CANVAS) > here.rev else None
        if told is not None:
            here.label, here.rev, here.restored = told.label, told.rev, None
            keep_draft(here)


def keep_draft(here: PaintSession) -> None:
    """Keeps the desk's label as the painter's draft, or drops the draft where it is what was saved."""
    store = library().store
    with here.lock:
        try:
            if here.is_draft:
                store.save_draft(LABEL_SET, here.frame.stem, here.label, here.base, here.author)
                here.note = f"draft kept {datetime.now(UTC):%H:%M:%S} UTC"
            else:
                store.drop_draft(LABEL_SET, here.frame.stem, here.author)
                here.note = f"as in revision {here.base}" if here.base else "no paint"
            here.problem = ""
        except LabelError as error:
            here.note, here.problem = "draft not kept", f"{error} The paint is still in this window."


def lay(here: PaintSession, label: Label) -> None:
    """Lays a whole new label (H, W) over the paint: one stroke that the person can undo; kept as a draft at once."""
    with here.lock:
        here.label = _inside(label, here.valid)
        here.sheet = brush.lay(here.sheet, here.label)
        here.restored = None
        keep_draft(here)


def lay_cloud(here: PaintSession, cloud: Mask) -> None:
    """Lays a coat of cloud (H, W); what was painted undefined stays so."""
    lay(here, np.where(here.label == UNDEFINED, np.uint8(UNDEFINED), mask.to_label(cloud)))


@st.cache_resource(show_spinner=False, max_entries=3)
def _predictor(folder: Path, changed_ns: int) -> models.Predictor:
    return models.load(folder)


def predictor(name: str, settings: Settings) -> models.Predictor:
    """A model by name, kept in memory until its folder changes. Raises ModelError."""
    folder = models.find_folder(name, settings)
    return _predictor(folder, (folder / "model.json").stat().st_mtime_ns)


def coat(here: PaintSession, kind: str, model: str | None, settings: Settings) -> Mask:
    """A first coat of cloud, bool (H, W), of one of COATS. Raises ModelError where the model cannot answer."""
    if kind == "Model":
        if model is None:
            raise CloudcoreError("There is no model yet. Train one, or choose another first coat.")
        return predictor(model, settings).mask(here.image, here.valid)
    if kind == "Red/blue":
        return initial_masks.from_ratio(here.image, here.valid)
    if kind == "Bright":
        return initial_masks.from_brightness(here.image, here.valid)
    return np.zeros(here.valid.shape, np.bool_)


def lay_coat(kind: str, model: str | None) -> None:
    """What Lay coat does: computes the coat and lays it, or tells why not."""
    here = current()
    if here is None:
        return
    keep_stroke()
    try:
        lay_cloud(here, coat(here, kind, model, library().settings))
    except CloudcoreError as error:
        here.problem = f"No coat laid: {error}"


def save() -> bool:
    """Saves the desk's label as a revision; False where it was not saved, which the desk then explains."""
    keep_stroke()
    here = current()
    if here is None:
        return False
    return _save(here, here.base, f"{here.sheet.doc}-{here.rev}-{here.sheet.laid}")


def _save(here: PaintSession, base: int, operation: str) -> bool:
    store = library().store
    try:
        revision = store.save(
            LABEL_SET, here.frame.stem, here.label, base_revision=base, author=here.author, operation_id=operation
        )
        store.drop_draft(LABEL_SET, here.frame.stem, here.author)
    except Conflict as conflict:
        here.conflict = conflict.head
        here.problem = "" if conflict.head else str(conflict)
        return False
    except LabelError as error:
        here.problem = f"{error} Your draft is kept."
        return False
    here.base, here.saved, here.problem, here.restored, here.conflict = revision, here.label, "", None, None
    here.note = f"saved, revision {revision}"
    notices.tell(f"Saved, revision {revision}")
    return True


def put_conflict_off() -> None:
    """The dialog was closed without a choice: the draft stays, and the next save asks again."""
    here = current()
    if here is not None:
        here.conflict = None


def is_stale(here: PaintSession) -> bool:
    """Whether the page around the canvas is no longer true: another frame was asked for, or something is to be told.

    A click right after a stroke may reach Python in one message with it, and then runs the canvas alone.
    """
    elsewhere = current() is not here or st.query_params.get("frame", here.frame.stem) != here.frame.stem
    return elsewhere or here.shown != here.state or bool(st.session_state.get(notices.TOLD))


def keep_mine() -> bool:
    """Saves the desk's label on top of the revision that came in between."""
    here = current()
    if here is None or here.conflict is None:
        return False
    head = here.conflict.revision
    return _save(here, head, f"{here.sheet.doc}-{here.rev}-over-{head}")


def take_theirs() -> None:
    """Puts the other's revision on the desk and lets the own draft go."""
    here = current()
    if here is None or here.conflict is None:
        return
    library().store.drop_draft(LABEL_SET, here.frame.stem, here.author)
    notices.tell(f"Taken: revision {here.conflict.revision} by {here.conflict.author}")
    reopen()


def drop_draft() -> None:
    """Lets the draft go and starts from the newest revision, or from bare sky."""
    here = current()
    if here is not None:
        library().store.drop_draft(LABEL_SET, here.frame.stem, here.author)
        reopen()


def bring_back(revision: Revision) -> None:
    """Saves an old revision again as the newest; the paint of before is one undo away."""
    here = current()
    if here is None:
        return
    keep_stroke()
    operation = f"{here.sheet.doc}-{here.rev}-back-{revision.revision}-{here.base}"
    try:
        number = library().store.bring_back(
            LABEL_SET, here.frame.stem, revision.revision, author=here.author, operation_id=operation
        )
    except LabelError as error:
        here.problem = str(error)
        return
    here.base, here.saved = number, _fitting(revision.mask, here.valid, "label")
    lay(here, here.saved)
    here.note = f"saved, revision {number}"
    notices.tell(f"Revision {revision.revision} is back. Saved, revision {number}")


def sky_models(settings: Settings) -> Sequence[str]:
    """Names of the models that answer with one mask."""
    return [entry.name for entry in models.available(settings) if entry.kind == "mask"]


def _inside(label: Label, valid: Mask) -> Label:
    """The label with everything outside valid undefined."""
    return np.where(valid, label, np.uint8(UNDEFINED))


def _fitting(label: Label, valid: Mask, what: str) -> Label:
    """A stored label as it lies on this frame, undefined outside valid. Raises LabelError for another size."""
    if label.shape != valid.shape:
        raise LabelError(
            f"The {what} is {label.shape[0]} × {label.shape[1]}, the frame {valid.shape[0]} × {valid.shape[1]} px. "
            "Labels are never resized: put the original frame back, or rename this one."
        )
    return _inside(label, valid)
