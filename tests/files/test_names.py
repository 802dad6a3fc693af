"""Names of files: in a sentence, on every file system, and free."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudcore.files import names


@pytest.mark.parametrize("name", ["CON", "nul", "nul.txt", "Aux .png", "com1", "LPT9.a.b"])
def test_names_of_devices_are_known(name: str) -> None:
    assert names.is_reserved(name) and not names.is_reserved(f"a{name}")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("camera1_2017-08-17T09-56-06+0000", "camera1_2017-08-17T09-56-06+0000"),
        ("カメラ 3", "カメラ_3"),
        ("../../etc/passwd", "etc_passwd"),
        ("..", "frame"),
        ("", "frame"),
        ("con", "frame_con"),
        ("nul.2017", "frame_nul.2017"),
        ("x" * 300, "x" * 100),
        ("x" * 99 + ".png", "x" * 99),
    ],
)
def test_plain_names_keep_times_and_cameras(name: str, wanted: str) -> None:
    assert names.plain(name, "frame") == wanted


@given(st.text())
def test_a_plain_name_is_one_part_of_a_path(name: str) -> None:
    plain = names.plain(name, "frame")
    assert plain and not names.is_reserved(plain) and plain.isprintable() and not set(plain) & set('/\\:*?"<>|\0 ')
    assert plain[0] != "." and len(plain) <= names.LONGEST + len("frame_")


def test_a_free_path_is_not_there(tmp_path: Path) -> None:
    for wanted in ("a.png", "a-2.png", "a-3.png"):
        found = names.free_path(tmp_path, "a", ".png")
        assert found == tmp_path / wanted
        found.touch()


def test_what_does_not_show_is_marked() -> None:
    assert names.printable("a\u202eb\n\0é") == "a?b??é"
