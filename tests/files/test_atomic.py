"""Files and folders replaced whole or not at all: killed writers, several writers, full disks, what is left behind."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudcore.files import atomic

WRITE: dict[str, Callable[[Path], None]] = {
    "replace_file": lambda path: atomic.replace_file(path, b"new"),
    "write_text": lambda path: atomic.write_text(path, "new"),
    "write_json": lambda path: atomic.write_json(path, {"new": 1}),
}


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("write", WRITE.values(), ids=WRITE)
def test_a_file_is_forced_to_the_disk_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    done: list[str] = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (done.append(name), real(*args))[1])
    write(tmp_path / "file")
    assert done == ["fsync", "replace"] and _names(tmp_path) == ["file"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("write", WRITE.values(), ids=WRITE)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None], failing: str
) -> None:
    (tmp_path / "file").write_bytes(b"old")

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"old" and _names(tmp_path) == ["file"]


def test_what_can_be_made_again_is_not_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: pytest.fail("forced to the disk"))
    atomic.replace_file(tmp_path / "file", b"new", durable=False)
    assert (tmp_path / "file").read_bytes() == b"new"


def test_folders_are_made_by_replace_file_alone(tmp_path: Path) -> None:
    atomic.replace_file(tmp_path / "a" / "b" / "file", b"new")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"new"
    with pytest.raises(FileNotFoundError):
        atomic.write_json(tmp_path / "moved away" / "status.json", {})
    assert _names(tmp_path) == ["a"], "a run that was moved away is not made anew by its heartbeat"


def test_a_writer_that_raises_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic.replacing(path) as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old" and _names(tmp_path) == ["table.csv"]


def test_json_without_a_meaning_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        atomic.write_json(tmp_path / "a.json", {"loss": float("nan")})
    assert _names(tmp_path) == []
    atomic.write_json(tmp_path / "a.json", {"title": "Nuée"})
    assert "Nuée" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_a_writer_killed_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"old")
    script = (
        "import sys, pathlib\nfrom cloudcore.files import atomic\n"
        "with atomic.replacing(pathlib.Path(sys.argv[1])) as part:\n"
        "    part.write_bytes(b'half')\n    print('half', flush=True)\n    sys.stdin.read()"
    )
    writer = _python(script, path)
    assert writer.stdout is not None and writer.stdout.readline() == "half\n"
    writer.kill()
    writer.communicate()
    assert path.read_bytes() == b"old"
    assert [name for name in _names(tmp_path) if not name.startswith(".")] == ["weights"], "what is left is hidden"


def test_of_several_writers_one_wins_whole(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    atomic.write_json(path, {"by": "nobody", "rows": [0] * 2000})
    script = (
        "import sys, pathlib\nfrom cloudcore.files import atomic\n"
        "for turn in range(40):\n"
        "    atomic.write_json(pathlib.Path(sys.argv[1]), {'by': sys.argv[2], 'rows': [turn] * 2000})"
    )
    writers = [_python(script, path, str(number)) for number in range(3)]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        found = json.loads(path.read_text())
        assert found["rows"] == [found["rows"][0]] * 2000
        seen.add(found["by"])
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    found = json.loads(path.read_text())
    assert found["rows"] == [39] * 2000 and found["by"] in {"0", "1", "2"} and len(seen) > 1
    assert _names(tmp_path) == ["status.json"]
    for writer in writers:
        writer.communicate()


def test_lines_are_added_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (forced.append(handle), real(handle)))
    for line in ("one\n", "two\n"):
        atomic.append(tmp_path / "decisions" / "a.jsonl", line)
    assert (tmp_path / "decisions" / "a.jsonl").read_bytes() == b"one\ntwo\n" and len(forced) == 2


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "mine"
    with atomic.new_folder(folder) as building:
        (building / "parts").mkdir()
        (building / "parts" / "a").write_text("a")
        (building / "model.json").write_text("{}")
        assert not folder.exists() and building.is_dir()
        assert not list(folder.parent.glob("*/model.json")), "nobody takes it for a model before it is one"
    assert _names(folder) == ["model.json", "parts"] and (folder / "parts" / "a").read_text() == "a"
    assert _names(tmp_path / "models") == ["mine"]


def test_a_folder_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic.new_folder(tmp_path / "mine") as building:
        (building / "a").write_text("a")
        raise ZeroDivisionError
    assert _names(tmp_path) == []


def test_a_folder_that_holds_something_stays_and_an_empty_one_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    with atomic.new_folder(folder) as building:
        (building / "a").write_text("first")
    with pytest.raises(OSError, match="mine"), atomic.new_folder(folder) as building:
        (building / "a").write_text("second")
    assert (folder / "a").read_text() == "first" and _names(tmp_path) == ["mine"]
    with atomic.new_folder(folder, over=True) as building:
        (building / "b").write_text("third")
    assert _names(folder) == ["b"] and _names(tmp_path) == ["mine"]


def test_the_old_folder_comes_back_where_the_new_one_cannot_be_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, real = tmp_path / "mine", os.replace
    folder.mkdir()
    (folder / "a").write_text("old")

    def failing(source: Path, target: Path) -> None:
        if (Path(source) / "b").exists():
            raise OSError(errno.EIO, "Input/output error")
        real(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="Input/output"), atomic.new_folder(folder, over=True) as building:
        (building / "b").write_text("new")
    assert (folder / "a").read_text() == "old" and _names(tmp_path) == ["mine"]


def test_a_folder_can_be_built_elsewhere(tmp_path: Path) -> None:
    with atomic.new_folder(tmp_path / "runs" / "one", place=tmp_path) as building:
        (building / "config.json").write_text("{}")
        assert not (tmp_path / "runs").exists(), "a runs folder holds nothing but runs"
    assert _names(tmp_path) == ["runs"] and _names(tmp_path / "runs") == ["one"]


def _python(script: str, *arguments: str | Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", script, *map(str, arguments)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
