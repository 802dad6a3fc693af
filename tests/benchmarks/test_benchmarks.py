"""python -m benchmarks: names, one process a file, the JSON form."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import harness

KEYS = {"name", "ours", "other", "ratio", "goal", "threads"}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three tiny files in place of the benchmarks."""
    files = {name: f"tests.benchmarks.tiny_{name}" for name in ("first", "failing", "second")}
    monkeypatch.setattr(harness, "find", lambda: files)


def _rows(tmp_path: Path, *names: str) -> tuple[int, list[dict[str, Any]]]:
    out = tmp_path / "rows.json"
    code = command.main([*names, "--json", str(out), "--threads", "1"])
    return code, json.loads(out.read_text())


def test_each_file_runs_in_a_process_of_its_own(tiny: None, tmp_path: Path) -> None:
    code, rows = _rows(tmp_path, "first", "second")
    assert code == 0
    process = {row["name"]: row["ours"] for row in rows}
    assert process["first-a"] == process["first-b"] != process["second-a"] == process["second-b"]
    assert all(row.keys() == KEYS for row in rows)
    assert rows[0]["ratio"] == rows[0]["other"] / rows[0]["ours"] and rows[0]["threads"]["omp"] == 1


def test_a_file_that_fails_keeps_its_rows_and_stops_no_other(
    tiny: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, rows = _rows(tmp_path)
    assert code == 1
    assert [row["name"] for row in rows] == ["first-a", "first-b", "sound", "second-a", "second-b"]
    said = capfd.readouterr().err
    assert "no browser here" in said and "tests.benchmarks.tiny_failing failed with exit code 1" in said


def test_a_case_is_run_alone_by_its_name(tiny: None, tmp_path: Path) -> None:
    code, rows = _rows(tmp_path, "second-b", "first")
    assert code == 0 and [row["name"] for row in rows] == ["first-a", "first-b", "second-b"]


def test_an_unknown_name_is_told(tiny: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["third"]) == 2
    assert "Got the name 'third'; wanted one of: failing, first, first-a" in capsys.readouterr().err


def test_every_benchmark_is_found_and_a_real_one_runs(tmp_path: Path) -> None:
    files = {path.stem for path in Path(harness.__file__).parent.glob("*.py")}
    assert set(harness.find()) == files - {"__init__", "__main__", "harness", "one_file"}
    code, rows = _rows(tmp_path, "rle-encode")
    assert code == 0 and [row["name"] for row in rows] == ["rle-encode"] and rows[0]["ours"] > 0
