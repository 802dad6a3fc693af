"""Kaggle's CSV of run lengths: labels of a label set out, cloud masks in."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cloudcore import data, images, rle
from cloudcore import mask as masks
from cloudcore.errors import DataError
from cloudcore.incoming import (
    LABEL_CLASSES,
    Candidate,
    ExportReport,
    FrameIndex,
    ImportReport,
    Progress,
    heads_of,
    joined,
    save_all,
    stem_for,
    without_suffix,
)
from cloudcore.labels import LabelStore
from cloudcore.mask import Label

MAX_CELL = 200 * 2**20
_COLUMNS = ["Image_Label", "EncodedPixels"]
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def export_kaggle(store: LabelStore, label_set: str, out_csv: Path) -> ExportReport:
    """Write the heads of a label set as Kaggle's CSV: Image_Label is <stem>_cloud or <stem>_undefined.

    A cell that a spreadsheet would run as a formula is written with an apostrophe before it. A stem that CSV cannot
    hold (a NUL, a byte that is no UTF-8) is left out, and said.
    """
    text = io.StringIO(newline="")
    # with this line end, and only with it, Python quotes both of its characters inside a cell
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(("Image_Label", "EncodedPixels"))
    written, left_out = 0, []
    for stem, label in heads_of(store, label_set):
        if re.search("[\0\ud800-\udfff]", stem):
            left_out.append(f"{stem!r} has a name that CSV cannot hold, so it is left out. Rename the image.")
            continue
        cloud, valid = masks.from_label(label)
        writer.writerow((_escaped(f"{stem}_cloud"), rle.encode(cloud)))
        if not valid.all():
            writer.writerow((_escaped(f"{stem}_undefined"), rle.encode(~valid)))
        written += 1
    images.replace_file(Path(out_csv), text.getvalue().encode())
    return ExportReport(written, tuple(left_out))


def import_kaggle(
    path: Path,
    store: LabelStore,
    label_set: str,
    author: str,
    frames: Sequence[data.Frame],
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
    for line, (cell, text) in _rows(path):
        image, _, name = _unescaped(cell).rpartition("_")
        texts = found.setdefault(image, {})
        if name not in LABEL_CLASSES:
            refusals[image] = f"Line {line} has the class {name!r}, wanted cloud or undefined. Rename it."
        elif texts.setdefault(name, text) != text:
            refusals[image] = f"Line {line} gives {name} a second time and differently. Keep one of the two."
    candidates = [
        Candidate(image, stem, _reader(texts, known, stem, problem, notes if repair else None))
        for image, texts in found.items()
        for stem, problem in [_stem(image, known, refusals.get(image, ""))]
    ]
    report = save_all(store, label_set, author, candidates, len(candidates), [], f"from {path.name}", progress)
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


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, [Image_Label, EncodedPixels]) of a Kaggle CSV. Raises DataError, naming the line, for any other table."""
    # Python's reader stops at 128 Ki characters a cell by itself; a dense mask needs more
    csv.field_size_limit(MAX_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if sorted(header) != sorted(_COLUMNS):
                wanted = f"wanted {_COLUMNS}, comma between"
                raise DataError(f"{path.name} has the columns {header[:9]}, {wanted}. Correct line 1.")
            order = [header.index(name) for name in _COLUMNS]
            for row in reader:
                if row and (len(row) != 2 or "\0" in row[0] + row[1]):
                    problem = f"line {reader.line_num} has {len(row)} fields or a NUL byte, wanted 2 fields of text"
                    raise DataError(f"{path.name}, {problem}. Correct it.")
                if row:
                    yield reader.line_num, [row[place] for place in order]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise DataError(f"{path.name} is no CSV in UTF-8 that can be read ({problem}). Save it again.") from problem


def _escaped(cell: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unescaped(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
