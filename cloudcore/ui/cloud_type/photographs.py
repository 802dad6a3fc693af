"""Photographs a person gave since the page was opened: read, judged, kept small, and labelled in the store."""

import csv
import hashlib
import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cloudcore import images, models
from cloudcore.errors import CloudcoreError, ImageError
from cloudcore.files import atomic, tables
from cloudcore.labels import LabelStore
from cloudcore.photographs import class_activation
from cloudcore.photographs.genera import find

LABEL_SET = "genus"
SHOWN = 40
"""Photographs of a session whose picture is kept; of older ones the row of results stays."""
SIDE_PX = 1280
THUMB_PX = 224
ALL, REFUSED, ROUND = "genus_photographs", "genus_refused", "genus_round"
CLEAR, OTHER = "Clear sky", "Not a cloud photograph"
PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt")
NO_PICKLE = (
    "{name} is a pickle and is not opened: opening one runs what is written in it. Where it was trained, call "
    "torch.onnx.export on learn.model, write classes, size, mean and std into model.json, and put both files into a "
    "folder below workspace/models."
)


@dataclass
class Photograph:
    """One photograph and the model's answer: probability (K,), verdict, JPEGs of picture and thumbnail."""

    stem: str
    name: str
    shape_hw: tuple[int, int]
    model: str
    classes: tuple[str, ...]
    probability: NDArray[np.float32]
    accepted: bool
    clear: bool
    verdict: models.ClassPrediction | None
    picture: bytes
    thumb: bytes
    notes: tuple[str, ...]

    @property
    def top(self) -> list[tuple[str, float]]:
        """The three likeliest classes with their probabilities."""
        order = np.argsort(-self.probability, kind="stable")[:3]
        return [(self.classes[i], float(self.probability[i])) for i in order]

    @property
    def answer(self) -> str:
        """The answer: a genus, a clear sky, or no cloud photograph."""
        return CLEAR if self.clear else self.top[0][0] if self.accepted else OTHER

    @property
    def code(self) -> str:
        """Two letters and the confidence: 'Ac 54 %'; words where the answer is no genus."""
        if self.answer in (CLEAR, OTHER):
            return "Clear" if self.clear else "No cloud"
        genus = find(self.top[0][0])
        return f"{genus.code if genus else self.top[0][0]} {100 * self.top[0][1]:.0f} %"


def kept() -> list[Photograph]:
    """The session's photographs, oldest first."""
    found: list[Photograph] = st.session_state.setdefault(ALL, [])
    return found


def round_number() -> int:
    """Number in the uploaders' keys: a new one empties the uploaders, which frees the uploaded bytes."""
    return int(st.session_state.get(ROUND, 0))


def take_in(files: Sequence[tuple[str, bytes]], model: models.ModelEntry, predictor: models.Predictor) -> None:
    """Judge each (name, bytes); keep a sentence for each that is refused. The bytes themselves are not kept."""
    refused: list[str] = []
    known = {photo.stem for photo in kept()}
    newest = None
    bar = st.progress(0.0, "Looking") if len(files) > 3 else None
    for number, (name, content) in enumerate(files, 1):
        if bar:
            bar.progress(number / len(files), f"{number} of {len(files)} photographs")
        try:
            photo = _judged(name, content, model, predictor)
        except CloudcoreError as problem:
            refused.append(str(problem) if PurePath(name).name in str(problem) else f"{_shown(name)}: {problem}")
            continue
        if photo.stem in known:
            refused.append(f"{photo.name} is here already.")
        else:
            kept().append(photo)
            known.add(photo.stem)
        newest = photo.stem
    for old in kept()[:-SHOWN]:
        old.picture, old.thumb, old.verdict = b"", b"", None
    if newest is not None:
        st.session_state["genus_chosen"] = newest
    st.session_state[REFUSED] = refused
    st.session_state[ROUND] = round_number() + 1


def _shown(name: str) -> str:
    return PurePath(name.replace("\\", "/")).name[:80] or "The file"


def _judged(name: str, content: bytes, model: models.ModelEntry, predictor: models.Predictor) -> Photograph:
    if name.lower().endswith(PICKLES) or content[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise ImageError(NO_PICKLE.format(name=_shown(name)))
    notes: list[str] = []
    image = images.read(content, notes)
    verdict = predictor.classify(image)
    return Photograph(
        "photo-" + hashlib.sha256(content).hexdigest()[:20],
        _shown(name),
        (image.shape[0], image.shape[1]),
        model.name,
        predictor.classes,
        verdict.probability,
        verdict.accepted,
        class_activation.is_clear_sky(image),
        verdict,
        images.encode_jpeg(images.thumbnail(image, SIDE_PX), 88),
        images.encode_jpeg(images.thumbnail(image, THUMB_PX)),
        tuple(notes),
    )


def heat_map(photo: Photograph) -> bytes | None:
    """JPEG of where the model looked for its answer; None where it cannot tell."""
    picture = images.read(photo.picture)
    activation = photo.verdict.activation_map((picture.shape[0], picture.shape[1])) if photo.verdict else None
    return images.encode_jpeg(class_activation.over(picture, activation), 88) if activation is not None else None


def label(photo: Photograph, name: str, store: LabelStore, workspace: Path, author: str) -> int:
    """Save the person's class of a photograph, and its picture in workspace/photographs; returns the revision.

    Raises LabelError (also Conflict) where it was not saved.
    """
    head = store.class_of(LABEL_SET, photo.stem)
    revision = store.save_class(
        LABEL_SET,
        photo.stem,
        name,
        base_revision=head.revision if head else 0,
        author=author,
        operation_id=uuid.uuid4().hex,
    )
    keep_picture(photo, name, workspace)
    return revision


def keep_picture(photo: Photograph, name: str, workspace: Path) -> None:
    """Put the photograph where training finds it, workspace/photographs/<class>; 'not ...' takes it out again."""
    root = workspace / "photographs"
    for old in root.glob(f"*/{photo.stem}.jpg"):
        old.unlink(missing_ok=True)
    if find(name) is not None and photo.picture:
        target = root / name / f"{photo.stem}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        atomic.replace_file(target, photo.picture)


def table(store: LabelStore) -> str:
    """CSV of the session: file, answer, the top three with probabilities, and the person's label."""
    said = store.classes(LABEL_SET)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("file", "answer", "top1", "p1", "top2", "p2", "top3", "p3", "label", "model"))
    for photo in kept():
        top = [part for name, p in photo.top for part in (name, f"{p:.4f}")]
        label = said[photo.stem].name if photo.stem in said else ""
        writer.writerow((tables.safe_cell(photo.name), photo.answer, *top, label, photo.model))
    return out.getvalue()
