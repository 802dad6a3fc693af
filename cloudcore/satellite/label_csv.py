"""The dialect of Kaggle's label tables: Image_Label and EncodedPixels, UTF-8, a comma between; rows come one by one.

files.tables reads small tables whole; this one may hold gigabytes of run lengths, so it is read as a stream, and its
sentences count rows as a spreadsheet does, since its cells are too long to look at in an editor.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from cloudcore.errors import DataError
from cloudcore.files import atomic, opening
from cloudcore.files.tables import original_cell, safe_cell

COLUMNS = ("Image_Label", "EncodedPixels")
MAX_CELL = 200 * 2**20
"""Characters a cell may have; Python's own 128 Ki are too few for a dense mask."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def rows(path: Path, max_cell: int = MAX_CELL) -> Iterator[tuple[int, str, str]]:
    """(row, Image_Label, EncodedPixels) of a table, read as a stream; the header is row 1, as a spreadsheet counts.

    A byte-order mark is accepted, empty rows are passed over, the columns may stand in either order, and an apostrophe
    before a formula is taken off. Raises DataError, naming the file and the row, for anything else.
    """
    path = Path(path)
    csv.field_size_limit(max_cell)
    row = 1
    try:
        _check_start(path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            order = _order(path.name, next(reader, []))
            row = reader.line_num + 1
            for cells in reader:
                if cells:
                    _check_cells(path.name, row, cells)
                    yield row, original_cell(cells[order[0]]), cells[order[1]]
                row = reader.line_num + 1
    except UnicodeDecodeError as problem:
        raise DataError(f"{path.name} is no UTF-8 text (after row {row}). Save it as CSV in UTF-8.") from problem
    except csv.Error as problem:
        raise DataError(_in_words(path.name, row, str(problem))) from problem
    except OSError as problem:
        raise DataError(f"{path.name} cannot be read ({problem.strerror}). Choose another file.") from problem


def write(path: Path, cells: Iterable[tuple[str, str]]) -> int:
    """Write (Image_Label, EncodedPixels) pairs as a table, whole or not at all; returns how many.

    A cell that a spreadsheet would run as a formula gets an apostrophe before it. Raises DataError where a name cannot
    stand in a CSV or the disk refuses.
    """
    path = Path(path)
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            # with this line end, and only with it, Python quotes both of its characters inside a cell
            writer = csv.writer(file, lineterminator="\r\n")
            writer.writerow(COLUMNS)
            for name, text in cells:
                if not writable(name):
                    raise DataError(f"{name!r} has a name that CSV cannot hold. Rename the image.")
                writer.writerow((safe_cell(name), text))
                count += 1
    except OSError as problem:
        raise DataError(f"{path.name} cannot be written ({problem.strerror}). Choose another place.") from problem
    return count


def writable(name: str) -> bool:
    """Whether a CSV in UTF-8 can hold the name: no NUL, no byte that was no UTF-8."""
    return re.search("[\0\ud800-\udfff]", name) is None


def _check_start(path: Path) -> None:
    with opening.open_regular(path) as file:
        head = file.read(64)
    if head.startswith(_UTF16) or head[1:2] == b"\0":
        raise DataError(f"{path.name} is UTF-16 text, wanted UTF-8. Save it as CSV in UTF-8.")


def _order(name: str, header: list[str]) -> tuple[int, int]:
    """Places of the two columns. Raises DataError saying what is wrong with the header."""
    wanted = f"its first row must be {','.join(COLUMNS)}"
    if len(header) == 1 and ";" in header[0]:
        raise DataError(f"{name} has semicolons between its columns; {wanted}. Save it with commas.")
    for column in COLUMNS:
        if column not in header:
            raise DataError(f"{name} has no column {column!r}; {wanted}. Correct row 1.")
        if header.count(column) > 1:
            raise DataError(f"{name} has the column {column!r} twice; {wanted}. Take one away.")
    if len(header) > len(COLUMNS):
        more = next(column for column in header if column not in COLUMNS)
        raise DataError(f"{name} has the column {more[:40]!r} too; {wanted}. Take it away.")
    return header.index(COLUMNS[0]), header.index(COLUMNS[1])


def _check_cells(name: str, row: int, cells: list[str]) -> None:
    if len(cells) != len(COLUMNS):
        raise DataError(f"Row {row}: {len(cells)} fields, must be {len(COLUMNS)} ({name}). Correct it, import again.")
    if "\0" in cells[0] or "\0" in cells[1]:
        raise DataError(f"Row {row}: a NUL byte, must be text ({name}). Correct it, import again.")


def _in_words(name: str, row: int, problem: str) -> str:
    if "unexpected end" in problem:
        return f"Row {row}: a quote is opened and never closed ({name}). Correct it, import again."
    if "field larger" in problem:
        return f"Row {row}: a field without end, look for a quote that is not closed ({name}). Correct it."
    return f"Row {row}: {problem} ({name}). Correct it, import again."
