"""Kaggle's CSV of run lengths: labels of a label set out, cloud masks in."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cloudcore.errors import DataError
from cloudcore.frames import listing
from cloudcore.labels.exchange.label_import import (
    LABEL_CLASSES,
    Candidate,
    ExportReport,
    FrameIndex,
    ImportReport,
    ImportTarget,
    Progress,
    heads_of,
    joined,
    save_all,
    stem_for,
    without_suffix,
)
from cloudcore.labels.store import LabelStore
from cloudcore.masks import mask as masks
from cloudcore.masks import rle
from cloudcore.masks.mask import Label
from cloudcore.satellite import label_csv


def export_kaggle(store: LabelStore, label_set: str, out_csv: Path) -> ExportReport:
    """Write the heads of a label set as Kaggle's CSV: Image_Label is <stem>_cloud or <stem>_undefined.

    A cell that a spreadsheet would run as a formula is written with an apostrophe before it. A stem that CSV cannot
    hold (a NUL, a byte that is no UTF-8) is left out, and said.
    """
    stems: list[str] = []
    left_out: list[str] = []
    label_csv.write(out_csv, _cells(store, label_set, stems, left_out))
    return ExportReport(len(stems), tuple(left_out))


def _cells(store: LabelStore, label_set: str, written: list[str], left_out: list[str]) -> Iterator[tuple[str, str]]:
    """Rows of the CSV; the stems that were written and sentences about the others are added to the lists."""
    for stem, label in heads_of(store, label_set):
        if not label_csv.writable(stem):
            left_out.append(f"{stem!r} has a name that CSV cannot hold, so it is left out. Rename the image.")
            continue
        cloud, valid = masks.from_label(label)
        yield f"{stem}_cloud", rle.encode(cloud)
        if not valid.all():
            yield f"{stem}_undefined", rle.encode(~valid)
        written.append(stem)


def import_kaggle(
    path: Path,
    store: LabelStore,
    label_set: str,
    author: str,
    frames: Sequence[listing.Frame],
    repair: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Save the masks of a Kaggle CSV with the classes cloud and (if any) undefined; frames give the sizes.

    With repair, unsorted and overlapping runs are sorted and merged, and that is noted. Raises DataError where the
    table as a whole cannot be read.
    """
    path, known = Path(path), FrameIndex(frames)
    found: dict[str, dict[str, str]] = {}
    refusals: dict[str, str] = {}
    notes: list[str] = []
    for line, cell, text in label_csv.rows(path):
        image, _, name = cell.rpartition("_")
        texts = found.setdefault(image, {})
        if name not in LABEL_CLASSES:
            refusals[image] = f"Line {line} has the class {name!r}, wanted cloud or undefined. Rename it."
        elif texts.setdefault(name, text) != text:
            refusals[image] = f"Line {line} gives {name} a second time and differently. Keep one of the two."
    candidates = [
        Candidate(image, stem, _reader(texts, known, stem, problem, notes if repair else None), frame=known.path(stem))
        for image, texts in found.items()
        for stem, problem in [_stem(image, known, refusals.get(image, ""))]
    ]
    target = ImportTarget(store, label_set, author, f"from {path.name}")
    report = save_all(target, candidates, len(candidates), progress)
    return replace(report, notes=tuple(notes))


def _stem(image: str, known: FrameIndex, refusal: str) -> tuple[str, str]:
    stem = image if image in known.by_stem else without_suffix(image)
    return (stem, refusal) if refusal else stem_for(stem, known)


def _reader(
    texts: Mapping[str, str], known: FrameIndex, stem: str, problem: str, repairs: list[str] | None
) -> Callable[[], Label]:
    def read() -> Label:
        if problem:
            raise DataError(problem)
        shape_hw = known.shape_hw(stem)
        parts = {}
        for name, text in texts.items():
            if repairs is not None:
                text, changed = rle.repair(text, shape_hw)
                if changed:
                    repairs.append(f"{stem}: the runs of {name} were sorted and merged.")
            parts[name] = rle.decode(text, shape_hw)
        return joined(parts)

    return read
