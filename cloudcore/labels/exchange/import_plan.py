"""Masks in with a preview: folders, zips, files and pairs.csv; what a grey level means is stated, given or guessed."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from cloudcore import images
from cloudcore.errors import DataError, ImageError, LabelError
from cloudcore.files import archives
from cloudcore.frames import labelled as frames_labelled
from cloudcore.frames import listing
from cloudcore.labels.exchange.label_import import (
    Candidate,
    FrameIndex,
    ImportReport,
    ImportTarget,
    Progress,
    save_all,
)
from cloudcore.labels.names import check_stem, shown
from cloudcore.labels.store import LabelStore
from cloudcore.masks.mask import Label
from cloudcore.masks.mask_levels import Meaning, levels_of, no_meaning

_SKIPPED_MARK = "_3GT.png"


@dataclass(frozen=True)
class ImportRow:
    """One mask file of a plan: the frame it is for, its grey levels, and why it is refused (empty: it is not).

    frame is the file of the image it is for; stated is the meaning its table gives; operation_id makes a plan that is
    run twice save once.
    """

    name: str
    stem: str
    levels: Mapping[int, int] = field(default_factory=dict)
    stated: Meaning | None = None
    refusal: str = ""
    meaning: Meaning | None = None
    problem: str = ""
    operation_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    frame: Path | None = None

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
    if not named:
        raise DataError(f"{source.name} holds no masks. Choose a folder, zip or pairs.csv with PNG or JPEG masks.")
    rows = tuple(_rows(source, named, progress))
    pooled: Counter[int] = Counter()
    for row in rows:
        pooled.update(row.levels)
    return with_meaning(ImportPlan(source, rows, dict(sorted(pooled.items())), None, ""), meaning)


def _rows(source: Path, named: Sequence["_NamedMask"], progress: Progress | None) -> Iterator[ImportRow]:
    """A row a mask: its frame and grey levels, or why it is refused; of two masks for a frame the first counts."""
    files = _contents(source, [mask.name for mask in named if not mask.refusal])
    seen: set[str] = set()
    for place, mask in enumerate(named):
        if mask.frame is None:
            yield ImportRow(mask.name, "", stated=mask.stated, refusal=mask.refusal)
            continue
        (_, content), stem = next(files), mask.frame.stem
        twice = f"The mask is the second for {shown(stem)}. Keep one of the two." if stem in seen else ""
        row = ImportRow(mask.name, stem, stated=mask.stated, refusal=twice, frame=mask.frame.path)
        yield row if twice else _with_levels(row, mask.frame, content)
        seen.add(stem)
        if progress is not None:
            progress((place + 1) / len(named), mask.name)


def with_meaning(plan: ImportPlan, meaning: Meaning | None) -> ImportPlan:
    """The plan under another meaning (None: the guessed one), without reading the masks again.

    Rows whose table states a meaning keep it.
    """
    unstated: Counter[int] = Counter()
    for row in plan.rows:
        unstated.update({} if row.stated else row.levels)
    chosen = meaning or Meaning.guess(unstated)
    rows = tuple(_under_meaning(row, row.stated or chosen) for row in plan.rows)
    parts = []
    if stated := dict.fromkeys(row.stated.words() for row in plan.rows if row.stated):
        parts.append(f"The table says: {'; '.join(stated)}.")
    if unstated and chosen:
        parts.append(f"{'As you said' if meaning else 'Guessed from the levels'}: {chosen.words()}.")
    elif unstated:
        levels = ", ".join(str(level) for level in sorted(unstated)[:8])
        parts.append(f"The levels {levels}{' …' if len(unstated) > 8 else ''} do not tell: say which means cloud.")
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
            yield Candidate(row.name, row.stem, _reader(content, row.meaning or Meaning()), row.operation_id, row.frame)

    target = ImportTarget(store, label_set, author, f"from {plan.source.name}")
    report = save_all(target, candidates(), len(rows), progress)
    refused = tuple((row.name, row.problem) for row in plan.rows if not row.ok)
    return replace(report, refused=refused + report.refused)


@dataclass(frozen=True)
class _NamedMask:
    """A mask by name: the frame it is for, or why it is refused; stated is the meaning its table gives."""

    name: str
    frame: listing.Frame | None
    stated: Meaning | None = None
    refusal: str = ""


def _named_masks(source: Path, frames: FrameIndex) -> Iterator[_NamedMask]:
    """Every mask of a source, by its table where there is one."""
    if (table := _table_of(source)) is not None:
        for row in frames_labelled.read_rows(table):
            if not row["mask"].endswith(_SKIPPED_MARK):
                yield _of_row(source, row, frames)
        return
    for name in _mask_names(source):
        if not name.endswith(_SKIPPED_MARK):
            stem = PurePosixPath(name).with_suffix("").as_posix()
            frame = frames.find(stem)
            yield _NamedMask(name, frame, refusal="" if frame else frames.missing(stem))


def _of_row(source: Path, row: Mapping[str, str], frames: FrameIndex) -> _NamedMask:
    name, image, stated = row["mask"], row["image"], Meaning.read(row.get("mask_values") or "")
    try:
        for path in (name, image):
            check_stem(path)
    except LabelError as problem:
        return _NamedMask(name, None, stated, str(problem))
    stem = PurePosixPath(image).with_suffix("").as_posix()
    frame = frames.by_path.get(_folder(source) / image) or frames.find(stem.removeprefix("images/"))
    return _NamedMask(name, frame, stated, "" if frame else frames.missing(stem))


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


def _with_levels(row: ImportRow, frame: listing.Frame, content: Path | bytes | DataError) -> ImportRow:
    """The row with the grey levels of its mask, or with why that cannot be read or is of another size."""
    try:
        grey = _read(content)
        height, width = images.shape_hw(frame.path)
    except (ImageError, DataError) as problem:
        return replace(row, refusal=str(problem))
    if grey.shape != (height, width):
        sizes = f"The mask is {grey.shape[0]} × {grey.shape[1]} (h × w), its image {height} × {width}"
        return replace(row, refusal=f"{sizes}. Give a mask of the image's size; masks are never resized.")
    return replace(row, levels=levels_of(grey))


def _under_meaning(row: ImportRow, meaning: Meaning | None) -> ImportRow:
    """The row with a meaning, and the problem that its levels then have."""
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
