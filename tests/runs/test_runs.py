"""Run folders: states, heartbeat, history, listing."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloudcore import runs
from cloudcore.errors import RunError
from cloudcore.files import atomic


@pytest.fixture
def run(tmp_path: Path) -> runs.Run:
    """A fresh run."""
    return runs.create(tmp_path / "runs", "sky", tmp_path / "data", {"epochs": 2}, name="mine")


def test_a_new_run_is_queued_and_explains_itself(run: runs.Run) -> None:
    assert run.status().state == "queued"
    assert (run.name, run.task(), run.config()["options"]) == ("mine", "sky", {"epochs": 2})
    assert [other.id for other in runs.list_runs(run.folder.parent)] == [run.id]


def test_a_stale_heartbeat_means_lost(run: runs.Run) -> None:
    old = (datetime.now(UTC) - timedelta(seconds=11)).isoformat()
    atomic.write_json(run.folder / "status.json", asdict(runs.Status(state="running", heartbeat_at=old)))
    assert run.status().state == "lost"
    fresh = (datetime.now(UTC) - timedelta(seconds=5)).isoformat()
    atomic.write_json(run.folder / "status.json", asdict(runs.Status(state="running", heartbeat_at=fresh)))
    assert run.status().state == "running"


def test_a_queued_run_nobody_claims_is_lost(run: runs.Run) -> None:
    old = (datetime.now(UTC) - timedelta(seconds=61)).isoformat()
    atomic.write_json(run.folder / "status.json", asdict(runs.Status(state="queued", updated_at=old)))
    assert run.status().state == "lost"


def test_a_crash_inside_is_failed_in_words(run: runs.Run) -> None:
    with pytest.raises(RunError), runs.Reporter(run) as reporter:
        reporter.tell(state="running")
        raise RunError("Stopped at epoch 3: loss is NaN. Lower the learning rate.")
    status = run.status()
    assert (status.state, status.error) == ("failed", "Stopped at epoch 3: loss is NaN. Lower the learning rate.")


def test_a_history_line_cut_short_is_passed_over(run: runs.Run) -> None:
    run.write_history([{"epoch": 1}, {"epoch": 2}])
    with (run.folder / "history.jsonl").open("a") as file:
        file.write('{"epoch": 3, "tr')
    assert [row["epoch"] for row in run.history()] == [1, 2]


def test_a_damaged_status_is_named(run: runs.Run) -> None:
    (run.folder / "status.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        run.status()


def test_find_by_id_name_and_folder(run: runs.Run) -> None:
    root = run.folder.parent
    assert runs.find(root, run.id).folder == runs.find(root, "mine").folder == runs.find(root, run.folder).folder
    with pytest.raises(RunError, match="There is no run"):
        runs.find(root, "other")


def test_an_active_run_is_not_removed_and_a_removed_one_lies_in_the_bin(run: runs.Run) -> None:
    with pytest.raises(RunError, match="Stop it first"):
        runs.remove(run)
    atomic.write_json(run.folder / "status.json", asdict(runs.Status(state="done")))
    kept = runs.remove(run)
    assert json.loads((kept / "config.json").read_text())["name"] == "mine"
    assert runs.list_runs(run.folder.parent) == []


def test_a_run_keeps_what_a_person_noted(run: runs.Run) -> None:
    run.keep(runs.Keeping("autumn", True, "after the new dome"))
    assert (run.name, run.keeping().star, run.keeping().note) == ("autumn", True, "after the new dome")
    with pytest.raises(RunError, match="cannot name a run"):
        run.keep(runs.Keeping("../up"))
    assert run.name == "autumn"


_BREAKS: dict[str, tuple[str, bytes | None]] = {
    "no config": ("config.json", None),
    "half a config": ("config.json", b'{"task": "sky", "da'),
    "a config of another version": ("config.json", b'{"task": "sky", "folder": "/data"}'),
    "a config that is a list": ("config.json", b"[]"),
    "an empty status": ("status.json", b""),
    "a state nobody knows": ("status.json", b'{"state": "paused"}'),
    "an epoch in words": ("status.json", b'{"state": "done", "epoch": "three"}'),
    "a time without a zone": ("status.json", b'{"state": "running", "heartbeat_at": "2026-11-21T08:00:00"}'),
    "a history of another kind": ("history.jsonl", b"1\n2\n"),
    "a history broken in its middle": ("history.jsonl", b'{"epoch": 1}\n{"epo\n{"epoch": 3}\n'),
    "a history that is no text": ("history.jsonl", b"\xff\xfe\x00\x01\n"),
    "a loss that is no number": ("history.jsonl", b'{"epoch": 1, "train_loss": "low"}\n{"epoch": 2}\n'),
    "a note that is no object": ("kept.json", b"3"),
    "samples of another kind": ("samples/samples.json", b'{"samples": [1]}'),
}


@pytest.mark.parametrize(("name", "content"), _BREAKS.values(), ids=_BREAKS)
def test_one_damaged_run_spoils_no_other(run: runs.Run, name: str, content: bytes | None) -> None:
    root = run.folder.parent
    sound = runs.create(root, "sky", root, {}, name="sound")
    assert runs.damaged(root) == []
    path = run.folder / name
    path.unlink(missing_ok=True)
    if content is not None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    assert [other.id for other in runs.list_runs(root)] == [sound.id]
    (found,) = runs.damaged(root)
    assert found.folder == run.folder and run.id in found.problem and path.name in found.problem
    kept = runs.remove_damaged(found)
    assert kept.is_dir() and runs.damaged(root) == [], "nothing is deleted"


def test_a_status_that_is_missing_is_a_run_that_was_lost(run: runs.Run) -> None:
    (run.folder / "status.json").unlink()
    told = run.config() | {"created_at": "2026-01-01T00:00:00+00:00"}
    atomic.write_json(run.folder / "config.json", told)
    (found,) = runs.list_runs(run.folder.parent)
    assert found.status().state == "lost"


def test_a_second_folder_of_the_same_name_goes_to_the_bin_too(run: runs.Run) -> None:
    (run.folder / "config.json").unlink()
    first = runs.remove_damaged(runs.damaged(run.folder.parent)[0])
    run.folder.mkdir()
    second = runs.remove_damaged(runs.damaged(run.folder.parent)[0])
    assert first != second and first.is_dir() and second.is_dir()


def test_peak_memory_is_told_where_the_system_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = runs.peak_memory_mib()
    assert told is not None and 10 < told < 1 << 20
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert runs.peak_memory_mib() is None
