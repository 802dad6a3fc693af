"""CSV read strictly: what is refused, in which words; and cells that no spreadsheet runs."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudcore.errors import DataError
from cloudcore.files import tables

REFUSED = {
    "latin": ("file,sky\nNuée,1\n".encode("latin-1"), "t.csv is not UTF-8 text. Save it as CSV in UTF-8."),
    "utf-16": ("file,sky\n".encode("utf-16"), "is not UTF-8 text"),
    "NUL": (b"file,sky\na\0,1\n", "holds a NUL byte"),
    "semicolons": (b"file;sky\na;1\n", "separated by semicolons, wanted commas. Save it with commas, beginning file"),
    "empty": (b"", "has no column 'file'. Its first line must name file, sky, time."),
    "no column": (b"file,time\n", "has no column 'sky'"),
    "twice": (b"file,sky,file\n", "names the column 'file' twice"),
    "short": (b"file,sky\na,1\nb\n", "t.csv, line 3: 1 fields, expected 2. Correct the line."),
    "long": (b"file,sky\n\na,1,2\n", "t.csv, line 3: 3 fields, expected 2"),
    "open quote": (b'file,sky\n"a,1\n', "t.csv, line 2: unexpected end of data"),
    "after a quote": (b'file,sky\n"a"b,1\n', "t.csv, line 2: "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_table_is_refused_in_words(case: str) -> None:
    content, words = REFUSED[case]
    with pytest.raises(DataError) as problem:
        tables.read("t.csv", content, ("file", "sky"), also=("time",))
    assert words in str(problem.value)


def test_rows_know_their_line() -> None:
    content = b'\xef\xbb\xbfsky, file ,note\r\n1,"a\nb",\r\n\r\n0,c,x\r\n'
    assert tables.read("t.csv", content, ("file", "sky")) == [
        {"sky": "1", "file": "a\nb", "note": "", "": "3"},
        {"sky": "0", "file": "c", "note": "x", "": "5"},
    ]


def test_a_file_is_read_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("image,mask\na,b\n")
    assert tables.read_file(tmp_path / "pairs.csv", ("image", "mask")) == [{"image": "a", "mask": "b", "": "2"}]
    with pytest.raises(DataError, match="gone.csv cannot be opened"):
        tables.read_file(tmp_path / "gone.csv", ("image",))
    with pytest.raises(DataError, match="is no file: choose a CSV file"):
        tables.read_file(tmp_path, ("image",))


@given(st.text())
def test_a_safe_cell_comes_back_and_is_no_formula(cell: str) -> None:
    safe = tables.safe_cell(cell)
    assert tables.original_cell(safe) == cell
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=1))
def test_what_python_writes_is_read_back(cells: list[str]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([("a", "b"), *((cell, "x") for cell in cells)])
    rows = tables.read("t.csv", text.getvalue().encode(), ("a", "b"))
    assert [row["a"] for row in rows] == cells
