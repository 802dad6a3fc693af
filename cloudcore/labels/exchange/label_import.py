"""What every way in and out shares: frames found by name, labels saved with a report, the heads to write."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from cloudcore import images
from cloudcore.errors import CloudcoreError, DataError, LabelError
from cloudcore.files.opening import sha256_of
from cloudcore.frames import listing
from cloudcore.labels.names import check_stem, disk_name, shown
from cloudcore.labels.store import LabelStore
from cloudcore.masks import mask as masks
from cloudcore.masks.mask import Label, Mask

LABEL_CLASSES = ("cloud", "undefined")
Progress = Callable[[float, str], None]
_TRUTH_MARK = "_GT"


@dataclass(frozen=True)
class ImportReport:
    """Stems saved, stems whose label was the same already, (name, sentence) of what was refused, and notes."""

    saved: tuple[str, ...]
    unchanged: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportReport:
    """How many labels were written, and a sentence for each that was left out."""

    written: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A label on its way in: read() gives the label (H, W) or raises a CloudcoreError.

    frame is the file of the picture it belongs to, None where no frames are at hand.
    """

    name: str
    stem: str
    read: Callable[[], Label]
    operation_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    frame: Path | None = None

    @property
    def picture(self) -> str:
        """The hash of the frame's file, "" without one. Raises DataError where it cannot be read."""
        try:
            return "" if self.frame is None else sha256_of(self.frame)
        except OSError as problem:
            raise DataError(f"The frame of {shown(self.stem)} cannot be read ({problem.strerror}).") from problem


class FrameIndex:
    """Frames by stem, by the name their files have in an export, and by last part where that is unique.

    The last part alone serves only masks that lie in no folder: another folder may mean another night.
    """

    def __init__(self, frames: Sequence[listing.Frame]) -> None:
        self.count = len(frames)
        self.by_path = {frame.path.absolute(): frame for frame in frames}
        self.by_stem = {frame.stem: frame for frame in frames}
        self.by_disk = {disk_name(frame.stem): frame for frame in frames if _accepted(frame.stem)}
        last = Counter(frame.stem.split("/")[-1] for frame in frames)
        self.by_last = {name: frame for frame in frames if last[name := frame.stem.split("/")[-1]] == 1}

    def find(self, stem: str) -> listing.Frame | None:
        """The frame a mask of this stem is for, or None."""
        below = stem.rsplit("masks/", 1)[-1]
        for wanted in (stem, below, stem.removesuffix(_TRUTH_MARK), below.removesuffix(_TRUTH_MARK)):
            if frame := self.by_stem.get(wanted) or self.by_disk.get(wanted):
                return frame
        if "/" in below:
            return None
        return self.by_last.get(below) or self.by_last.get(below.removesuffix(_TRUTH_MARK))

    def missing(self, stem: str) -> str:
        """The sentence for a stem no frame has."""
        return f"The mask has no frame: none of {self.count} images is called {shown(stem)}. Name it like its image."

    def path(self, stem: str) -> Path | None:
        """The file of the frame of this very stem, or None."""
        frame = self.by_stem.get(stem)
        return None if frame is None else frame.path

    def shape_hw(self, stem: str) -> tuple[int, int]:
        """Height and width in px of the frame of this very stem. Raises ImageError where the image cannot be read."""
        return images.shape_hw(self.by_stem[stem].path)


def _accepted(stem: str) -> bool:
    try:
        return bool(check_stem(stem))
    except LabelError:
        return False


@dataclass(frozen=True)
class ImportTarget:
    """Where imported labels go: a label set of a store, saved by an author with a note on where they come from."""

    store: LabelStore
    label_set: str
    author: str
    note: str

    def save(self, one: Candidate, label: Label) -> bool:
        """Save a label on top of its picture's head, unless that is the same; True where it was saved."""
        picture = one.picture
        head = self.store.head(self.label_set, one.stem, picture)
        if head is not None and np.array_equal(head.mask, label):
            return False
        self.store.save(
            self.label_set,
            one.stem,
            label,
            base_revision=0 if head is None else head.revision,
            author=self.author,
            operation_id=one.operation_id,
            note=self.note[:200],
            picture=picture,
        )
        return True


def save_all(
    target: ImportTarget, candidates: Iterable[Candidate], total: int, progress: Progress | None
) -> ImportReport:
    """Save labels, each on top of its frame's head; total is their count, for progress.

    A label equal to the head makes no revision. A second label for a frame is refused, and so is one whose frame
    somebody else saves at this very time.
    """
    saved: list[str] = []
    unchanged: list[str] = []
    refused: list[tuple[str, str]] = []
    for place, one in enumerate(candidates):
        try:
            label = one.read()
            if one.stem in saved or one.stem in unchanged:
                raise DataError(f"The mask is the second for {shown(one.stem)}. Keep one of the two.")
            (saved if target.save(one, label) else unchanged).append(one.stem)
        except CloudcoreError as problem:
            refused.append((one.name, str(problem)))
        if progress is not None:
            progress((place + 1) / total, one.name)
    return ImportReport(tuple(saved), tuple(unchanged), tuple(refused))


def joined(parts: Mapping[str, Mask]) -> Label:
    """The label of a cloud mask and, if any, an undefined one. Raises DataError where both claim a pixel."""
    if "cloud" not in parts:
        raise DataError("The frame has undefined pixels but no cloud mask. Add one, empty for a clear sky.")
    undefined = parts.get("undefined")
    if undefined is None:
        return masks.to_label(parts["cloud"])
    if (parts["cloud"] & undefined).any():
        raise DataError("The frame has pixels that are both cloud and undefined. Decide for one.")
    return masks.to_label(parts["cloud"], ~undefined)


def stem_for(stem: str, known: FrameIndex | None) -> tuple[str, str]:
    """(stem, problem): the stem of the frame meant, and a sentence where there is none."""
    try:
        check_stem(stem)
    except LabelError as problem:
        return stem, str(problem)
    if known is None:
        return stem, ""
    frame = known.find(stem)
    return (frame.stem, "") if frame else (stem, known.missing(stem))


def without_suffix(name: str) -> str:
    """A file name without the suffix of an image; other suffixes belong to the stem."""
    path = PurePosixPath(name)
    return name[: -len(path.suffix)] if path.suffix.lower() in images.SUFFIXES else name


def heads_of(store: LabelStore, label_set: str) -> Iterator[tuple[str, Label]]:
    """(stem, label) of every labelled frame, sorted by stem, one at a time."""
    for stem in store.heads(label_set):
        if head := store.head(label_set, stem):
            yield stem, head.mask
