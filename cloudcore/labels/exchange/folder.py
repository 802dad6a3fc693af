"""Labels in and out: mask folders, zips and pairs.csv with a preview, training folders, COCO JSON, Kaggle RLE CSV."""

import json
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np

from cloudcore import images
from cloudcore.errors import DataError, ImageError, LabelError
from cloudcore.files import archives, atomic, small_json
from cloudcore.files.opening import sha256_of
from cloudcore.frames import labelled as frames_labelled
from cloudcore.frames import listing
from cloudcore.labels import of_frames
from cloudcore.labels.exchange.coco import export_coco, import_coco
from cloudcore.labels.exchange.kaggle import export_kaggle, import_kaggle
from cloudcore.labels.exchange.label_import import Candidate, ExportReport, FrameIndex, ImportReport, Progress, save_all
from cloudcore.labels.names import check_stem, disk_name, shown
from cloudcore.labels.store import LabelStore
from cloudcore.masks.mask import UNDEFINED, Label, Mask
from cloudcore.masks.mask_levels import Meaning, levels_of, no_meaning
from cloudcore.sky import cameras as sky_cameras

__all__ = [
    "ExportReport",
    "ImportPlan",
    "ImportReport",
    "ImportRow",
    "Meaning",
    "export_coco",
    "export_folder",
    "export_kaggle",
    "import_coco",
    "import_kaggle",
    "plan_import",
    "run_import",
    "with_meaning",
]

MANIFEST = "export.json"
_SKIPPED_MARK = "_3GT.png"


@dataclass(frozen=True)
class ImportRow:
    """One mask file of a plan: the frame it is for, its grey levels, and why it is refused (empty: it is not).

    told is the meaning its table states; operation_id makes a plan that is run twice save once.
    """

    name: str
    stem: str
    levels: Mapping[int, int] = field(default_factory=dict)
    told: Meaning | None = None
    refusal: str = ""
    meaning: Meaning | None = None
    problem: str = ""
    operation_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def ok(self) -> bool:
        """True where the mask will be saved."""
        return not self.problem


@dataclass(frozen=True)
class ImportPlan:
    """A preview of an import: nothing is stored yet. levels pools the counts of all masks that could be read.

    meaning is the one given or guessed for rows whose table states none (None: neither); note says it in words.
    """

    source: Path
    rows: tuple[ImportRow, ...]
    levels: Mapping[int, int]
    meaning: Meaning | None
    note: str

    @property
    def n_ok(self) -> int:
        """How many masks will be saved."""
        return sum(row.ok for row in self.rows)


# Mask folders, zips and pairs.csv


def plan_import(
    source: Path, frames: Sequence[listing.Frame], meaning: Meaning | None = None, progress: Progress | None = None
) -> ImportPlan:
    """Look at masks to import: a folder, a zip, one mask file, or a pairs.csv (or a folder that holds one).

    A mask belongs to the frame of its own relative path without suffix, `_GT` at its end not counted; masks ending in
    _3GT.png are skipped. Rows are refused in words: no such frame, two masks for one, another size than the image,
    no mask that can be read, levels without a meaning. Raises DataError where the source as a whole cannot be used.
    """
    source = Path(source)
    named = list(_named_masks(source, FrameIndex(frames)))
    files = _contents(source, [name for name, _, _, refusal in named if not refusal])
    taken: set[str] = set()
    rows = []
    for place, (name, frame, told, refusal) in enumerate(named):
        if refusal or frame is None:
            rows.append(ImportRow(name, "", told=told, refusal=refusal))
            continue
        _, content = next(files)
        twice = f"The mask is the second for {shown(frame.stem)}. Keep one of the two." if frame.stem in taken else ""
        rows.append(_looked_at(ImportRow(name, frame.stem, told=told, refusal=twice), frame, content))
        taken.add(frame.stem)
        if progress is not None:
            progress((place + 1) / len(named), name)
    if not rows:
        raise DataError(f"{source.name} holds no masks. Choose a folder, zip or pairs.csv with PNG or JPEG masks.")
    pooled: Counter[int] = Counter()
    for row in rows:
        pooled.update(row.levels)
    return with_meaning(ImportPlan(source, tuple(rows), dict(sorted(pooled.items())), None, ""), meaning)


def with_meaning(plan: ImportPlan, meaning: Meaning | None) -> ImportPlan:
    """The plan under another meaning (None: the guessed one), without reading the masks again.

    Rows whose table states a meaning keep it.
    """
    untold: Counter[int] = Counter()
    for row in plan.rows:
        untold.update({} if row.told else row.levels)
    chosen = meaning or Meaning.guess(untold)
    rows = tuple(_judged(row, row.told or chosen) for row in plan.rows)
    parts = []
    if told := dict.fromkeys(row.told.words() for row in plan.rows if row.told):
        parts.append(f"The table says: {'; '.join(told)}.")
    if untold and chosen:
        parts.append(f"{'As you said' if meaning else 'Guessed from the levels'}: {chosen.words()}.")
    elif untold:
        levels = ", ".join(str(level) for level in sorted(untold)[:8])
        parts.append(f"The levels {levels}{' …' if len(untold) > 8 else ''} do not tell: say which means cloud.")
    return replace(plan, rows=rows, meaning=chosen, note=" ".join(parts) or "No mask could be read.")


def run_import(
    plan: ImportPlan, store: LabelStore, label_set: str, author: str, progress: Progress | None = None
) -> ImportReport:
    """Save the accepted rows of a plan, each as a new revision on top of what is there; the rest is reported.

    A mask equal to the head makes no revision. Somebody who saves meanwhile is not overwritten: that row is refused.
    """
    rows = [row for row in plan.rows if row.ok]
    files = _contents(plan.source, [row.name for row in rows])

    def candidates() -> Iterator[Candidate]:
        for row, (_, content) in zip(rows, files, strict=True):
            yield Candidate(row.name, row.stem, _reader(content, row.meaning or Meaning()), row.operation_id)

    refused = [(row.name, row.problem) for row in plan.rows if not row.ok]
    return save_all(store, label_set, author, candidates(), len(rows), refused, f"from {plan.source.name}", progress)


_Named = tuple[str, listing.Frame | None, Meaning | None, str]


def _named_masks(source: Path, frames: FrameIndex) -> Iterator[_Named]:
    """(name, frame, meaning told, refusal) of every mask of a source."""
    if _table_of(source) is not None:
        yield from _masks_of_table(source, frames)
        return
    for name in _mask_names(source):
        if name.endswith(_SKIPPED_MARK):
            continue
        stem = PurePosixPath(name).with_suffix("").as_posix()
        frame = frames.find(stem)
        yield name, frame, None, "" if frame else frames.missing(stem)


def _mask_names(source: Path) -> list[str]:
    if source.is_dir():
        folder = _folder(source)
        return [path.relative_to(folder).as_posix() for path in images.list_images(folder)]
    if not source.is_file():
        raise DataError(f"{source} is not there. Choose a folder, a zip or a pairs.csv.")
    if source.suffix.lower() != ".zip":
        return [source.name]
    inside = [name for name in archives.names(source) if name.lower().endswith(images.SUFFIXES)]
    below = [name for name in inside if "masks" in name.split("/")[:-1]]
    return below or inside


def _masks_of_table(source: Path, frames: FrameIndex) -> Iterator[_Named]:
    table = _table_of(source)
    for row in frames_labelled.read_rows(table) if table else []:
        name, image = row["mask"], row["image"]
        if name.endswith(_SKIPPED_MARK):
            continue
        told = Meaning.read(row.get("mask_values") or "")
        refusal, frame = "", None
        try:
            for path in (name, image):
                check_stem(path)
        except LabelError as problem:
            refusal = str(problem)
        else:
            stem = PurePosixPath(image).with_suffix("").as_posix()
            frame = frames.by_path.get(_folder(source) / image) or frames.find(stem.removeprefix("images/"))
            refusal = "" if frame else frames.missing(stem)
        yield name, frame, told, refusal


def _table_of(source: Path) -> Path | None:
    table = source / "pairs.csv" if source.is_dir() else source
    return table if table.suffix.lower() == ".csv" and table.is_file() else None


def _folder(source: Path) -> Path:
    """The folder that the names of a source's masks start from."""
    if _table_of(source) or not source.is_dir():
        return (source if source.is_dir() else source.parent).absolute()
    return source / "masks" if (source / "masks").is_dir() else source


def _contents(source: Path, names: Sequence[str]) -> Iterator[tuple[str, Path | bytes | DataError]]:
    if source.suffix.lower() == ".zip" and source.is_file():
        return iter(archives.contents(source, names))
    return ((name, _folder(source) / name) for name in names)


def _looked_at(row: ImportRow, frame: listing.Frame, content: Path | bytes | DataError) -> ImportRow:
    if row.refusal:
        return row
    try:
        grey = _read(content)
        height, width = images.shape_hw(frame.path)
    except (ImageError, DataError) as problem:
        return replace(row, refusal=str(problem))
    if grey.shape != (height, width):
        sizes = f"The mask is {grey.shape[0]} × {grey.shape[1]} (h × w), its image {height} × {width}"
        return replace(row, refusal=f"{sizes}. Give a mask of the image's size; masks are never resized.")
    return replace(row, levels=levels_of(grey))


def _judged(row: ImportRow, meaning: Meaning | None) -> ImportRow:
    if row.refusal:
        return replace(row, meaning=None, problem=row.refusal)
    strange = sorted(row.levels) if meaning is None else meaning.missing(row.levels)
    return replace(row, meaning=meaning, problem=no_meaning(strange, meaning) if strange else "")


def _read(content: Path | bytes | DataError) -> Label:
    if isinstance(content, DataError):
        raise content
    return images.read_label(content)


def _reader(content: Path | bytes | DataError, meaning: Meaning) -> Callable[[], Label]:
    return lambda: meaning.label(_read(content))


# A training folder


def export_folder(
    store: LabelStore,
    label_set: str,
    frames: Sequence[listing.Frame],
    out: Path,
    cameras: Path | None = None,
    progress: Progress | None = None,
    *,
    hash_of: of_frames.Hash = sha256_of,
) -> ExportReport:
    """Write out/images and out/masks with the same relative stems: a training data folder of every labelled frame.

    Images are linked where the disk allows, else copied. With a folder of cameras, what lies outside a frame's dome or
    under its horizon mask becomes undefined. Frames flagged bad and labels of another size are left out, and said. A
    folder that an earlier export wrote is brought up to date; raises DataError for a folder that holds other things.
    """
    out = Path(out)
    earlier = _earlier_export(out)
    heads = of_frames.heads(store, label_set, frames, hash_of)
    flags = of_frames.flags(store, label_set, frames, hash_of)
    known_stems = store.heads(label_set)
    labelled = [frame for frame in frames if frame.stem in known_stems]
    written: list[str] = []
    left_out: list[str] = []
    known: dict[tuple[str, tuple[int, int]], Mask | None] = {}
    for place, frame in enumerate(labelled):
        try:
            if flags.get(frame.stem) == "bad":
                raise LabelError(f"{shown(frame.stem)} is flagged as a bad frame, so it is left out.")
            if frame.stem not in heads:
                raise LabelError(f"The label of {shown(frame.stem)} is of another picture of that name: left out.")
            label = _label_for(store, label_set, frame, hash_of(frame.path))
            valid = _valid(cameras, frame.camera, (label.shape[0], label.shape[1]), known)
            written += _write_pair(out, frame, label if valid is None else np.where(valid, label, np.uint8(UNDEFINED)))
        except (LabelError, ImageError) as problem:
            left_out.append(str(problem))
        if progress is not None:
            progress((place + 1) / len(labelled), frame.stem)
    atomic.replace_file(out / MANIFEST, json.dumps({"label_set": label_set, "files": sorted(written)}).encode())
    for name in earlier - set(written):
        (out / name).unlink(missing_ok=True)
    return ExportReport(len(written) // 2, tuple(left_out))


def _earlier_export(out: Path) -> set[str]:
    """Files an earlier export wrote into out. Raises DataError where out holds anything else."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file. Choose a folder to export to.")
    if not out.is_dir() or not any(out.iterdir()):
        return set()
    try:
        files = small_json.read_object(out / MANIFEST, DataError, "Export again.")["files"]
        return {check_stem(str(name)) for name in files}
    except (DataError, KeyError, TypeError, LabelError) as problem:
        raise DataError(f"{out} holds other files than an export's. Choose an empty folder.") from problem


def _label_for(store: LabelStore, label_set: str, frame: listing.Frame, picture: str) -> Label:
    head = store.head(label_set, frame.stem, picture)
    if head is None:
        raise LabelError(f"{shown(frame.stem)} has no label any more, so it is left out.")
    shape_hw = images.shape_hw(frame.path)
    if head.mask.shape != shape_hw:
        sizes = f"{head.mask.shape[0]} × {head.mask.shape[1]} (h × w), its image {shape_hw[0]} × {shape_hw[1]}"
        raise LabelError(f"The label of {shown(frame.stem)} is {sizes}, so it is left out. Paint this image again.")
    return head.mask


def _valid(
    cameras: Path | None, camera: str, shape_hw: tuple[int, int], known: dict[tuple[str, tuple[int, int]], Mask | None]
) -> Mask | None:
    """Pixels that count for a camera, bool (H, W), or None where nothing is kept about it."""
    if cameras is None:
        return None
    key = (camera, shape_hw)
    if key not in known:
        found = sky_cameras.camera_for(cameras, camera, "", shape_hw)
        known[key] = None if found is None else found.valid(shape_hw)
    return known[key]


def _write_pair(out: Path, frame: listing.Frame, label: Label) -> list[str]:
    name = disk_name(frame.stem)
    image, mask = f"images/{name}{frame.path.suffix}", f"masks/{name}.png"
    _link(frame.path, out / image)
    atomic.replace_file(out / mask, images.encode_png(label))
    return [image, mask]


def _link(source: Path, target: Path) -> None:
    """Make target the same file as source where the disk allows it, else a copy; what was there is replaced."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and target.samefile(source):
        return
    with atomic.replacing(target, durable=False) as new:  # the frame itself stays where it is
        try:
            os.link(source.resolve(), new)
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, new)
