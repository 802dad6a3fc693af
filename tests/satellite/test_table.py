"""The satellite label table: every bad input of rows 21 to 45 and 59 to 61, answers worked by hand, tables out."""

import csv
import os
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudcore import images
from cloudcore.errors import DataError
from cloudcore.masks import rle
from cloudcore.satellite import label_csv
from cloudcore.satellite import table as satellite_table
from cloudcore.satellite.table import GRID_HW, PATTERNS, SHAPE_HW

HEADER = "Image_Label,EncodedPixels"


def _table(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def _raw(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def _rows(*rows: str, header: str = HEADER) -> Callable[[Path], None]:
    return lambda path: _table(path, *rows, header=header) and None


PAST = SHAPE_HW[0] * SHAPE_HW[1]

REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "row 21, without a column": (_rows("a.jpg_Fish,1 2", header="Image_Label,Pixels"), "no column 'EncodedPixels'"),
    "row 21, without the other": (_rows("a.jpg_Fish,1 2", header="Name,EncodedPixels"), "no column 'Image_Label'"),
    "row 21, without anything": (_raw(b""), "no column 'Image_Label'"),
    "row 23, UTF-16": (_raw(f"{HEADER}\na.jpg_Fish,1 2\n".encode("utf-16")), "UTF-16"),
    "row 23, UTF-16 without its mark": (_raw(f"{HEADER}\na.jpg_Fish,1 2\n".encode("utf-16-le")), "UTF-16"),
    "row 24, semicolons": (_raw(f"{HEADER}\na.jpg_Fish,1 2\n".replace(",", ";").encode()), "semicolons"),
    "row 25, a field too many": (_rows("a.jpg_Fish,1 2", "a.jpg_Flower,1 2,7"), "Row 3: 3 fields, must be 2"),
    "row 25, a field too few": (_rows("a.jpg_Fish"), "Row 2: 1 fields, must be 2"),
    "row 26, a column twice": (_rows("a_Fish,1 2,1 2", header=f"{HEADER},EncodedPixels"), "'EncodedPixels' twice"),
    "row 29, one number alone": (_rows("a.jpg_Fish,1"), "Row 2: got 1 number"),
    "row 30, odd count": (_rows("a.jpg_Fish,", "a.jpg_Sugar,1 2 5"), "Row 3: got 3 numbers"),
    "row 31, zero length": (_rows("a.jpg_Fish,1 0"), "Row 2: run 1 has the length 0, must be 1 or more"),
    "row 32, negative length": (_rows("a.jpg_Fish,1 -4"), "Row 2: run 1 has the length -4, must be 1 or more"),
    "row 33, start 0": (
        _rows(*["b.jpg_Fish,"] * 810, "a.jpg_Fish,0 5"),
        "^Row 812: a run starts at 0, must be 1 or more. Correct it, import again.$",
    ),
    "row 34, negative start": (_rows("a.jpg_Fish,-9 5"), "Row 2: a run starts at -9, must be 1 or more"),
    "row 35, past the end": (_rows(f"a.jpg_Fish,{PAST} 2"), f"Row 2: .*past the last pixel, {PAST}"),
    "row 36, overlapping": (_rows("a.jpg_Fish,1 5 3 4"), "Row 2: .*inside run 1"),
    "row 37, unsorted": (_rows("a.jpg_Fish,10 5 1 4"), "Row 2: .*before run 1"),
    "row 38, exponent": (_rows("a.jpg_Fish,1e3 5"), "Row 2: got '1e3' as the start of run 1"),
    "row 38, decimal": (_rows("a.jpg_Fish,1 1.0"), "Row 2: got '1.0' as the length of run 1"),
    "row 39, huge": (_rows("a.jpg_Fish,1 " + "9" * 40), "Row 2: .*past the last pixel"),
    "row 40, twice and different": (
        _rows("a.jpg_Fish,1 2", "a.jpg_Fish,1 3"),
        "Row 3: a.jpg_Fish stands in the table already, and differs",
    ),
    "row 43, NUL": (_rows("a.jpg_Fish,1 2", "b\0.jpg_Fish,1 2"), "Row 3: a NUL byte"),
    "row 44, unclosed quote": (_rows("a.jpg_Fish,1 2", 'a.jpg_Sugar,"1 2', "b_Fish,"), "Row 3: a quote is opened"),
    "no pattern of ours": (_rows("a.jpg_Stratus,1 2"), "Row 2: Image_Label is 'a.jpg_Stratus'"),
    "no underscore": (_rows("Fish,1 2"), "Row 2: the image of 'Fish'"),
    "row 52, out of its folder": (_rows("../a.jpg_Fish,1 2"), "Row 2: the image of .* plain file name"),
    "only a header": (_rows(), "no rows"),
    "no UTF-8": (_raw(HEADER.encode() + b"\n\xe9.jpg_Fish,1 2\n"), "no UTF-8 text"),
    "a column more": (_rows("a_Fish,1 2,x", header=f"{HEADER},Height"), "column 'Height' too"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_table_is_refused_with_its_row(name: str, tmp_path: Path) -> None:
    write, words = REFUSED[name]
    write(tmp_path / "train.csv")
    with pytest.raises(DataError, match=words) as refusal:
        satellite_table.read(tmp_path / "train.csv")
    assert len(str(refusal.value)) < 300


ACCEPTED: dict[str, tuple[Callable[[Path], None], str, str, str]] = {
    "row 22, byte-order mark": (_raw(b"\xef\xbb\xbf" + f"{HEADER}\na_Fish,1 2\n".encode()), "a", "Fish", "1 2"),
    "row 27, an image called NA": (_rows("NA_Fish,3 4"), "NA", "Fish", "3 4"),
    "row 28, empty run lengths": (_rows("a.jpg_Fish,"), "a.jpg", "Fish", ""),
    "row 40, twice and the same": (_rows("a.jpg_Fish,1 2", "a.jpg_Fish,1 2"), "a.jpg", "Fish", "1 2"),
    "row 45, a formula": (_rows("\"=cmd('calc')_Fish\",1 2"), "=cmd('calc')", "Fish", "1 2"),
    "row 60, underscores": (_rows("a_b_-61_Fish.jpg_Sugar,1 2"), "a_b_-61_Fish.jpg", "Sugar", "1 2"),
    "the other order, empty rows": (
        _rows("", "1 2,a.jpg_Gravel", "", header="EncodedPixels,Image_Label"),
        "a.jpg",
        "Gravel",
        "1 2",
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_odd_table_is_read(name: str, tmp_path: Path) -> None:
    write, image, pattern, text = ACCEPTED[name]
    write(tmp_path / "train.csv")
    table = satellite_table.read(tmp_path / "train.csv")
    assert table.images == (image,) and table.text(image, pattern) == text
    assert table.present(image) == ((pattern,) if text else ())
    assert any("twice" in note for note in table.notes) == ("twice" in name)


def test_row_41_another_shape_than_declared(tmp_path: Path) -> None:
    path = _table(tmp_path / "train.csv", "a.png_Fish,1 2")
    (tmp_path / "images").mkdir()
    images.write_png(tmp_path / "images" / "a.png", np.zeros((100, 160, 3), np.uint8))
    with pytest.raises(DataError, match=r"a.png is 100 × 160 px \(h × w\), its labels are for 1400 × 2100"):
        satellite_table.read(path, images=tmp_path / "images")
    assert satellite_table.read(path, images=tmp_path / "images", shape_hw=(100, 160)).images == ("a.png",)


def _long_table(path: Path, n_images: int, runs: str) -> int:
    """A table of 4 rows an image, runs in the first; returns its size in bytes."""
    with path.open("w") as file:
        file.write(HEADER + "\n")
        for image in range(n_images):
            file.write("".join(f"{image:07d}.jpg_{p},{runs if p == 'Fish' else ''}\n" for p in PATTERNS))
    return path.stat().st_size


def test_row_42_a_long_table_is_read(tmp_path: Path) -> None:
    _long_table(tmp_path / "train.csv", 50_000, "1 937")
    stream = label_csv.rows(tmp_path / "train.csv")
    assert next(stream) == (2, "0000000.jpg_Fish", "1 937"), "the first row comes before the others are read"
    stream.close()
    table = satellite_table.read(tmp_path / "train.csv")
    assert len(table.images) == 50_000 and int(table.area_px.sum()) == 50_000 * 937


def test_row_42_the_text_of_a_long_table_is_not_held(tmp_path: Path) -> None:
    runs = " ".join(f"{1 + 1400 * at} 937" for at in range(1200))
    size = _long_table(tmp_path / "train.csv", 1_000, runs)
    satellite_table.read(_table(tmp_path / "small.csv", "a_Fish,1 2"))
    tracemalloc.start()
    table = satellite_table.read(tmp_path / "train.csv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert table.text("0000999.jpg", "Fish") == runs
    assert peak < size / 10, (peak, size)


def test_rows_36_and_37_are_repaired_when_asked(tmp_path: Path) -> None:
    path = _table(tmp_path / "train.csv", "a_Fish,10 5 1 4", "a_Sugar,1 5 3 4")
    table = satellite_table.read(path, repair=True)
    assert (table.text("a", "Fish"), table.text("a", "Sugar")) == ("1 4 10 5", "1 6")
    assert [note[:6] for note in table.notes[:2]] == ["Row 2:", "Row 3:"]


def test_row_59_an_address_is_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("somebody asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(DataError, match="no such file or folder"):
        satellite_table.find(Path("https://example.org/train.csv"))
    path = _table(tmp_path / "train.csv", "https://example.org/a.jpg_Fish,1 2")
    assert satellite_table.read(path, images=tmp_path).missing(tmp_path) == ["https://example.org/a.jpg"]


def test_row_61_missing_images_are_listed(tmp_path: Path) -> None:
    path = _table(tmp_path / "train.csv", "a.png_Fish,1 2", "b.png_Fish,3 4")
    (tmp_path / "images").mkdir()
    images.write_png(tmp_path / "images" / "b.png", np.zeros((1400, 2100, 3), np.uint8))
    table = satellite_table.read(path, images=tmp_path / "images")
    assert table.missing(tmp_path / "images") == ["a.png"] and table.missing(None) == ["a.png", "b.png"]
    assert table.mask("a.png", "Fish").sum() == 2


def test_find_says_what_a_folder_lacks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no train.csv"):
        satellite_table.find(tmp_path)
    path = _table(tmp_path / "train.csv", "a.png_Fish,1 2")
    with pytest.raises(DataError, match="no folder train_images or images"):
        satellite_table.find(tmp_path)
    assert satellite_table.locate(path) == (path, None)
    (tmp_path / "images").mkdir()
    assert satellite_table.find(tmp_path) == (path, tmp_path / "images")
    (tmp_path / "train_images").mkdir()
    assert satellite_table.find(tmp_path) == (path, tmp_path / "train_images")


def test_areas_and_masks_worked_by_hand(tmp_path: Path) -> None:
    # 4 rows, 3 columns: pixels 2 3 | 6 of columns 0 and 1, then pixel 12, the last
    table = satellite_table.read(_table(tmp_path / "t.csv", "a_Gravel,2 2 6 1 12 1"), shape_hw=(4, 3))
    assert table.area_px.tolist() == [[0, 0, 4, 0]] and table.run_counts.tolist() == [[0, 0, 3, 0]]
    drawn = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]], np.bool_)
    assert np.array_equal(table.mask("a", "Gravel"), drawn)
    assert table.masks("a").shape == (4, 4, 3) and np.array_equal(table.masks("a")[2], drawn)
    assert "3 rows of an image and a pattern are not in t.csv" in table.notes[0]
    with pytest.raises(DataError, match="no row of 'b'"):
        table.mask("b", "Fish")


texts = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 20)), max_size=8).map(
    lambda steps: " ".join(
        f"{sum(gap + length for gap, length in steps[:at]) + gap} {length}" for at, (gap, length) in enumerate(steps)
    )
)


@settings(deadline=None, max_examples=30)
@given(found=st.lists(st.tuples(texts, texts, texts, texts), min_size=1, max_size=4))
def test_a_table_reads_back_the_same(tmp_path_factory: pytest.TempPathFactory, found: list[tuple[str, ...]]) -> None:
    folder = tmp_path_factory.mktemp("table")
    rows = [f"=i{at}.jpg_{p},{text}" for at, row in enumerate(found) for p, text in zip(PATTERNS, row, strict=True)]
    table = satellite_table.read(_table(folder / "in.csv", *rows))
    assert satellite_table.write_table(folder / "out.csv", table) == 4 * len(found)
    again = satellite_table.read(folder / "out.csv")
    assert again.key == table.key and again.images == table.images and np.array_equal(again.area_px, table.area_px)
    assert [again.text("=i0.jpg", p) for p in PATTERNS] == list(found[0])


def test_replaced_texts_are_written_and_checked(tmp_path: Path) -> None:
    table = satellite_table.read(_table(tmp_path / "in.csv", "a_Fish,1 2", "b_Fish,5 6"))
    satellite_table.write_table(tmp_path / "out.csv", table, {("a", "Sugar"): "7 8"})
    again = satellite_table.read(tmp_path / "out.csv")
    assert [again.text(*at) for at in (("a", "Fish"), ("a", "Sugar"), ("b", "Fish"))] == ["1 2", "7 8", "5 6"]
    with pytest.raises(DataError, match="a_Fish: a run starts at 0"):
        satellite_table.write_table(tmp_path / "out.csv", table, {("a", "Fish"): "0 8"})
    assert satellite_table.read(tmp_path / "out.csv").key == again.key, "a refused table leaves the old one"


def test_a_submission_is_written_and_checked(tmp_path: Path) -> None:
    mask = np.zeros(GRID_HW, np.bool_)
    mask[1:3, 0] = True
    path = tmp_path / "submission.csv"
    rows = [("a.jpg", p, mask if p == "Fish" else "") for p in PATTERNS]
    assert satellite_table.write_submission(path, iter(rows)) == 4
    assert path.read_text().splitlines() == [HEADER, "a.jpg_Fish,2 2", *(f"a.jpg_{p}," for p in PATTERNS[1:])]
    assert satellite_table.check_submission(path, ["a.jpg"]) == []
    found = satellite_table.check_submission(path, ["a.jpg", "b.jpg"])
    assert len(found) == 4 and found[0].startswith("b.jpg_Fish is missing")
    assert "no image and class that were asked for" in satellite_table.check_submission(path, ["b.jpg"])[0]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["a_Fish,1 2", "a_Fish,1 2"], "a_Fish stands there a second time"),
        (["a_Fish,0 2"], "a run starts at 0"),
        ([f"a_Fish,{GRID_HW[0] * GRID_HW[1]} 2"], "past the last pixel, 183750"),
        (["a_Fish,1 2,3"], "3 fields"),
        (["a_Stratus,1 2"], "no image and class"),
    ],
)
def test_a_bad_submission_is_told(tmp_path: Path, rows: list[str], words: str) -> None:
    problems = satellite_table.check_submission(_table(tmp_path / "s.csv", *rows), ["a"])
    assert any(words in problem for problem in problems), problems


def test_a_sample_submission_is_valid_and_row_45_formulas_are_text(tmp_path: Path) -> None:
    names = ["=cmd('calc').jpg", "-1.jpg", "a.jpg"]
    assert satellite_table.sample_submission(tmp_path / "s.csv", names) == 12
    with (tmp_path / "s.csv").open(newline="") as file:
        cells = [row[0] for row in csv.reader(file)][1:]
    assert cells[0] == "'=cmd('calc').jpg_Fish" and cells[4] == "'-1.jpg_Fish" and cells[8] == "a.jpg_Fish"
    assert satellite_table.check_submission(tmp_path / "s.csv", names) == []


def test_a_mask_of_another_grid_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1400 × 2100 px, wanted 350 × 525"):
        satellite_table.write_submission(tmp_path / "s.csv", [("a", "Fish", np.zeros(SHAPE_HW, np.bool_))])
    assert not (tmp_path / "s.csv").exists() and not list(tmp_path.iterdir())


def test_the_real_table() -> None:
    real = os.environ.get("CLOUDCORE_REAL_DATA", "")
    if not real:
        pytest.skip("CLOUDCORE_REAL_DATA names no folder of real data")
    path, folder = satellite_table.find(Path(real) / "satellite")
    table = satellite_table.read(path, images=folder)
    assert table.text("0011165.jpg", "Fish").startswith("264918 937 266318 937")
    assert table.text("0011165.jpg", "Flower").startswith("1355565 1002")
    assert table.missing(folder) == [] and table.present("0011165.jpg") == ("Fish", "Flower")
    mask = table.mask("0011165.jpg", "Fish")
    assert int(mask.sum()) == table.area_px[table.index("0011165.jpg"), 0]
    assert rle.encode(mask) == table.text("0011165.jpg", "Fish")
