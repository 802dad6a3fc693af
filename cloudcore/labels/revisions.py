"""What the label store keeps: a revision, a head, a draft, a class, and the conflict of two saves."""

from dataclasses import dataclass
from datetime import datetime

from cloudcore.errors import LabelError
from cloudcore.masks.mask import Label


@dataclass(frozen=True)
class Revision:
    """One acknowledged save: mask is (H, W) uint8 0 sky, 128 undefined, 255 cloud; saved_at is UTC.

    picture is the sha256 of the frame's file it was painted on, "" where it was saved before pictures were kept.
    """

    revision: int
    mask: Label
    author: str
    saved_at: datetime
    note: str = ""
    picture: str = ""


@dataclass(frozen=True)
class ClassRevision:
    """One acknowledged class of a photograph (its genus); saved_at is UTC."""

    revision: int
    name: str
    author: str
    saved_at: datetime


@dataclass(frozen=True)
class HeadInfo:
    """What is known of a newest revision without its pixels; cloud_fraction (0..1) is NaN where nothing is defined."""

    revision: int
    author: str
    saved_at: datetime
    cloud_fraction: float
    shape_hw: tuple[int, int]
    picture: str = ""


@dataclass(frozen=True)
class Draft:
    """An unsaved mask (H, W) uint8 0/128/255 of one author, and the revision it was painted on (0: none)."""

    mask: Label
    base_revision: int
    author: str
    saved_at: datetime
    picture: str = ""


@dataclass(frozen=True)
class LookAlike:
    """A labelled picture that looks like another one: the stem it was painted as, its hash, and its newest revision."""

    stem: str
    picture: str
    head: HeadInfo


class Conflict(LabelError):
    """Somebody saved first: head is the newest Revision (None: there is none); the refused mask is kept as a draft."""

    def __init__(self, message: str, head: Revision | None) -> None:
        super().__init__(message)
        self.head: Revision | None = head


class ClassConflict(Conflict):
    """Somebody named the class first: head is the newest ClassRevision (None: there is none)."""

    head: ClassRevision | None  # type: ignore[assignment]

    def __init__(self, message: str, head: ClassRevision | None) -> None:
        super().__init__(message, None)
        self.head = head
