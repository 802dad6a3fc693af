"""Small CSV tables that a night takes in (times of frames, a second series), read strictly, and cells safe to write."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from cloudcore.errors import DataError

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def read(name: str, content: bytes, columns: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV with at least these columns, each with its line number under "". Raises DataError in words.

    A byte-order mark is accepted; another encoding, another separator, a column that is missing or named twice, a row
    of another length, a NUL byte and an unclosed quote are refused.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(f"{name} is not UTF-8 text. Save it as CSV in UTF-8.") from problem
    if "\0" in text:
        raise DataError(f"{name} holds a NUL byte. Save it again as CSV in UTF-8.")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        table = [(reader.line_num, row) for row in reader if row]
    except csv.Error as problem:
        raise DataError(f"{name}, line {reader.line_num}: {problem}. Correct the line.") from problem
    header = [cell.strip() for cell in table[0][1]] if table else []
    wanted = ",".join(columns)
    if len(header) == 1 and ";" in header[0]:
        raise DataError(f"{name} is separated by semicolons, wanted commas. Save it with commas, beginning {wanted}")
    if missing := [column for column in columns if column not in header]:
        raise DataError(f"{name} has no column {missing[0]!r}. Its first line must name {wanted}.")
    if twice := [column for column in header if header.count(column) > 1]:
        raise DataError(f"{name} names the column {twice[0]!r} twice. Rename one.")
    for line, row in table[1:]:
        if len(row) != len(header):
            raise DataError(f"{name}, line {line}: {len(row)} fields, expected {len(header)}. Correct the line.")
    return [{**dict(zip(header, row, strict=True)), "": str(line)} for line, row in table[1:]]


def time_of(text: str, where: str) -> datetime:
    """A time as ISO 8601 writes it, in UTC; without a zone it is taken as UTC. Raises DataError naming `where`."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as problem:
        raise DataError(f"{where}: {text!r} is no time. Write it as 2017-08-17T09:56:06Z.") from problem
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def safe_cell(cell: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell
