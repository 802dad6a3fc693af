"""Small JSON objects from outside: the caller's sentence for whatever else stands there."""

import os
from pathlib import Path

import pytest

from cloudcore.errors import ModelError, RunError
from cloudcore.files import small_json


def test_an_object_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"title": "Nuée", "n": 1}', encoding="utf-8")
    assert small_json.read_object(tmp_path / "a.json", RunError, "Move it.") == {"title": "Nuée", "n": 1}
    assert small_json.read_object(tmp_path / "b.json", RunError, "Move it.", optional=True) == {}


BROKEN = {
    "cut short": (b'{"a": ', r"cannot be read \(Expecting value"),
    "empty": (b"", r"cannot be read \(Expecting value"),
    "latin": ('{"a": "é"}'.encode("latin-1"), "cannot be read"),
    "a list": (b"[1, 2]", "is no JSON object"),
    "deep": (b"[" * 200_000 + b"]" * 200_000, r"cannot be read \("),
    "large": (b'{"a": "' + b"x" * 2000 + b'"}', "is over 0 MB"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_anything_else_is_told_with_the_callers_remedy(tmp_path: Path, case: str) -> None:
    content, words = BROKEN[case]
    path = tmp_path / "moonlit" / "model.json"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"^model.json of moonlit {words}.*Export the model again\.$"):
        small_json.read_object(
            path, ModelError, "Export the model again.", max_bytes=1000 if case == "large" else 10**6
        )


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"status.json of .* cannot be read .*Move that run away\."):
        small_json.read_object(tmp_path / "status.json", RunError, "Move that run away.")
    os.mkfifo(tmp_path / "status.json")
    with pytest.raises(RunError, match="not a regular file"):
        small_json.read_object(tmp_path / "status.json", RunError, "Move that run away.", optional=True)
