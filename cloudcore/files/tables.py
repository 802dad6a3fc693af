"""CSV tables read strictly (frames and their masks, times, boxes, classes), and cells safe to write.

In: bytes or a file, and the columns wanted. Out: rows as text, or a DataError that names the file and the line. The
label table of a whole data set is read as a stream by `satellite.label_csv`, under sentences of its own.
"""

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cloudcore.errors import DataError
from cloudcore.files import opening

Lines = list[tuple[int, list[str]]]
"""(line number, cells) of each row that is not empty."""
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def read_file(path: Path, columns: Sequence[str], also: Sequence[str] = ()) -> list[dict[str, str]]:
    """The rows of a CSV file, as `read` gives them. Raises DataError, also for a file that cannot be read."""
    return read(path.name, opening.read_file(path, DataError, "a CSV file"), columns, also)


def read(name: str, content: bytes, columns: Sequence[str], also: Sequence[str] = ()) -> list[dict[str, str]]:
    """Rows of a CSV with at least these columns, each with its line number under "". Raises DataError in words.

    A byte-order mark is accepted; another encoding, another separator, a column that is missing or named twice, a row
    of another length, a NUL byte and an unclosed quote are refused. also are columns that may be there: named to who
    leaves out a wanted one.

    >>> read("times.csv", b"file,time_utc\\na.png,2017-08-17T09:56:06Z\\n", ("file", "time_utc"))
    [{'file': 'a.png', 'time_utc': '2017-08-17T09:56:06Z', '': '2'}]
    """
    table = lines(name, content)
    header = header_of(name, table, columns, also)
    for line, cells in table[1:]:
        if len(cells) != len(header):
            raise DataError(f"{name}, line {line}: {len(cells)} fields, expected {len(header)}. Correct the line.")
    return [{**dict(zip(header, cells, strict=True)), "": str(line)} for line, cells in table[1:]]


def lines(name: str, content: bytes) -> Lines:
    """Every row of a CSV that is not empty, the header first, whatever its columns and lengths.

    Raises DataError where it is no UTF-8 text, holds a NUL byte or is no CSV.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(f"{name} is not UTF-8 text. Save it as CSV in UTF-8.") from problem
    if "\0" in text:
        raise DataError(f"{name} holds a NUL byte. Save it again as CSV in UTF-8.")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as problem:
        raise DataError(f"{name}, line {reader.line_num}: {problem}. Correct the line.") from problem


def header_of(name: str, table: Lines, columns: Sequence[str], also: Sequence[str] = ()) -> list[str]:
    """Column names of a table. Raises DataError for semicolons, a wanted column that is missing, one named twice."""
    header = [cell.strip() for cell in table[0][1]] if table else []
    wanted = [*columns, *also]
    if len(header) == 1 and ";" in header[0]:
        beginning = ",".join(wanted)
        raise DataError(f"{name} is separated by semicolons, wanted commas. Save it with commas, beginning {beginning}")
    if missing := [column for column in columns if column not in header]:
        raise DataError(f"{name} has no column {missing[0]!r}. Its first line must name {', '.join(wanted)}.")
    if twice := [column for column in header if header.count(column) > 1]:
        raise DataError(f"{name} names the column {twice[0]!r} twice. Rename one.")
    return header


def time_of(text: str, where: str) -> datetime:
    """A time as ISO 8601 writes it, in UTC; without a zone it is taken as UTC. Raises DataError naming `where`."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as problem:
        raise DataError(f"{where}: {text!r} is no time. Write it as 2017-08-17T09:56:06Z.") from problem
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def safe_cell(cell: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would run as a formula; `original_cell` takes it off.

    Apostrophes that stand before a formula already get one more, so that the way back is exact.

    >>> safe_cell("=1+1"), safe_cell("'=1+1"), safe_cell("clear")
    ("'=1+1", "''=1+1", 'clear')
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def original_cell(cell: str) -> str:
    """The cell without the apostrophe that `safe_cell` put there."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
