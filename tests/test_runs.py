"""Run folders: states, heartbeat, history, listing."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloudcore import runs
from cloudcore.errors import RunError


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
    runs.write_json(run.folder / "status.json", asdict(runs.Status(state="running", heartbeat_at=old)))
    assert run.status().state == "lost"
    fresh = (datetime.now(UTC) - timedelta(seconds=5)).isoformat()
    runs.write_json(run.folder / "status.json", asdict(runs.Status(state="running", heartbeat_at=fresh)))
    assert run.status().state == "running"


def test_a_queued_run_nobody_claims_is_lost(run: runs.Run) -> None:
    old = (datetime.now(UTC) - timedelta(seconds=61)).isoformat()
    runs.write_json(run.folder / "status.json", asdict(runs.Status(state="queued", updated_at=old)))
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
    runs.write_json(run.folder / "status.json", asdict(runs.Status(state="done")))
    kept = runs.remove(run)
    assert json.loads((kept / "config.json").read_text())["name"] == "mine"
    assert runs.list_runs(run.folder.parent) == []


def test_a_run_keeps_what_a_person_noted(run: runs.Run) -> None:
    run.keep(runs.Keeping("autumn", True, "after the new dome"))
    assert (run.name, run.keeping().star, run.keeping().note) == ("autumn", True, "after the new dome")
    with pytest.raises(RunError, match="cannot name a run"):
        run.keep(runs.Keeping("../up"))
    assert run.name == "autumn"
