"""The open frame of the Paint page: image, camera, label, draft and revision, as one object in the session state."""

import re
import secrets
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.errors import LabelError
from cloudcore.frames import listing
from cloudcore.images import Image
from cloudcore.labels import Draft, HeadInfo, LabelStore, LookAlike, Revision, of_frames
from cloudcore.masks.mask import CLOUD, UNDEFINED, Label, Mask
from cloudcore.settings import Settings
from cloudcore.sky import cameras, cloud_amount, dome_search
from cloudcore.sky.cameras import Camera
from cloudcore.sky.dome import Dome
from cloudcore.ui import brush
from cloudcore.ui.shared import author
from cloudcore.ui.shared.library import LABEL_SET, Library, open_library
from cloudcore.views import render

CANVAS = "paint_canvas"
"""Key of the canvas."""
SESSION = "paint_session"
_EXPOSURE = re.compile(r"(?:^|[_-])(\d+(?:[.p]\d+)?)\s?s(?:ec)?(?=[_.-]|$)")


@dataclass
class PaintSession:
    """The open frame: image (H, W, 3), camera, the label (H, W) as Python holds it, and its place in the label store.

    `base` is the revision that the label was painted on (0: none) and `saved` the label of that revision. `rev` is the
    number of the newest stroke from the canvas. `shown` is the state that the page around the canvas was drawn from.
    `picture` is the hash of the frame's file. `elsewhere` are the newest labels of other pictures of the same name,
    `look_alike` is the label of this picture under another name. `is_unbound` is True where the label was saved before
    pictures were kept. Quick strokes may run in two threads for a moment; the lock keeps an older draft from replacing
    a newer one.
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
    picture: str = ""
    elsewhere: tuple[HeadInfo, ...] = ()
    look_alike: LookAlike | None = None
    is_unbound: bool = False
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
        before = inside(np.zeros_like(self.label), self.valid) if self.saved is None else self.saved
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
    return dome_search.find(_image)


def open_session(library: Library, frame: listing.Frame, camera: Camera | None = None) -> PaintSession:
    """Read a frame with its draft or newest revision. Raises CloudcoreError where one of them cannot be read."""
    normalised: list[str] = []
    image = images.read(frame.path, normalised)
    night = render.is_night(image)
    camera = camera or camera_of(library.settings, frame, image, night)
    valid = camera.valid((image.shape[0], image.shape[1]))
    name = author.current()
    picture, store = library.picture(frame), library.store
    head = store.head(LABEL_SET, frame.stem, picture)
    start = _starting_label(head, store.draft(LABEL_SET, frame.stem, name, picture), valid)
    elsewhere = tuple(of_frames.of_other_pictures(store, LABEL_SET, frame.stem, picture))
    alike = None if start.base or not picture else _look_alike(store, frame.stem, picture, image)
    sheet = brush.sheet(
        image, start.label, valid, doc=secrets.token_hex(8), night=night, dome=camera.dome, horizon=camera.horizon
    )
    return PaintSession(
        frame,
        image,
        night,
        camera,
        start.label,
        sheet,
        start.base,
        saved=start.saved,
        author=name,
        picture=picture,
        elsewhere=elsewhere,
        look_alike=alike,
        is_unbound=bool(head and picture and not head.picture),
        note=start.note,
        restored=start.restored,
        normalised=normalised,
    )


def look_of(image: Image) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """How an image looks, uint8 (16, 16, 3), and its height and width: by these a copy saved anew is recognised."""
    return images.resize(image, (16, 16)), (image.shape[0], image.shape[1])


def _look_alike(store: LabelStore, stem: str, picture: str, image: Image) -> LookAlike | None:
    """The label of this picture under another name, or of a copy of it saved anew."""
    found = store.look_alikes(LABEL_SET, picture, *look_of(image))
    return next((one for one in found if (one.stem, one.picture) != (stem, picture)), None)


@dataclass(frozen=True)
class _Start:
    """What painting starts from: a label (H, W), the revision below it, that revision's label, a draft's time."""

    label: Label
    base: int
    saved: Label | None
    restored: datetime | None = None

    @property
    def note(self) -> str:
        """The line below the canvas."""
        if self.restored:
            return f"draft of {self.restored:%H:%M:%S} UTC restored"
        return f"revision {self.base}" if self.base else ""


def _starting_label(head: Revision | None, draft: Draft | None, valid: Mask) -> _Start:
    """The draft where it differs from the newest revision, else that revision, else bare sky. Raises LabelError."""
    saved = None if head is None else fitting(head.mask, valid, "label")
    label = inside(np.zeros(valid.shape, np.uint8), valid) if saved is None else saved
    if draft is not None:
        painted = fitting(draft.mask, valid, "draft")
        if not np.array_equal(painted, label):
            return _Start(painted, draft.base_revision, saved, draft.saved_at)
    return _Start(label, 0 if head is None else head.revision, saved)


def session_of(library: Library, frame: listing.Frame) -> PaintSession:
    """The session of this frame; opened anew where another frame or painter was there."""
    session = current_session()
    if session is None or session.frame != frame or session.author != author.current():
        st.session_state.pop(SESSION, None)  # should the frame not open, no button may act on the one before
        session = open_session(library, frame)
        st.session_state[SESSION] = session
    elif CANVAS not in st.session_state and session.rev:
        # The canvas comes back after another page: should the browser have lost its strokes, these are the newest.
        session.sheet = brush.renewed(session.sheet, session.label, session.rev)
    return session


def reopen(camera: Camera | None = None) -> None:
    """Open the open frame anew, with the camera as it is now; its draft comes back."""
    session = current_session()
    if session is not None:
        st.session_state[SESSION] = open_session(open_library(), session.frame, camera)


def current_session() -> PaintSession | None:
    """The session of the open frame, or None before a frame was opened."""
    found: PaintSession | None = st.session_state.get(SESSION)
    return found


def inside(label: Label, valid: Mask) -> Label:
    """The label with everything outside valid undefined."""
    return np.where(valid, label, np.uint8(UNDEFINED))


def fitting(label: Label, valid: Mask, what: str) -> Label:
    """A stored label on this frame, undefined outside valid. Raises LabelError for another size."""
    if label.shape != valid.shape:
        raise LabelError(
            f"The {what} is {label.shape[0]} × {label.shape[1]}, the frame {valid.shape[0]} × {valid.shape[1]} px. "
            "Labels are never resized: put the original frame back, or rename this one."
        )
    return inside(label, valid)
