"""The queue of a device, and what is recorded of a run before it starts. Starting, killing: tests/test_training.py."""

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cloudcore import runs
from cloudcore.files import atomic, locks
from cloudcore.learning import device_queue, jobs
from cloudcore.runs import provenance
from cloudcore.settings import Settings


def _made(root: Path, queued_at: str, state: str = "queued", **config: Any) -> runs.Run:
    run = runs.create(root, "sky", root, {}, device="cpu", **config)
    status = {"state": state, "queued_at": queued_at, "updated_at": runs.now(), "heartbeat_at": runs.now()}
    atomic.write_json(run.folder / "status.json", status)
    return run


def test_the_queue_keeps_its_order(tmp_path: Path) -> None:
    second = _made(tmp_path / "runs", "2026-01-01T10:00:02+00:00")
    first = _made(tmp_path / "runs", "2026-01-01T10:00:01+00:00")
    third = _made(tmp_path / "runs", "2026-01-01T10:00:03+00:00")
    assert [run.id for run in device_queue._ahead(first, "cpu")] == []
    assert [run.id for run in device_queue._ahead(second, "cpu")] == [first.id]
    assert {run.id for run in device_queue._ahead(third, "cpu")} == {first.id, second.id}
    assert device_queue._ahead(third, "cuda") == [], "another device has a queue of its own"


@pytest.mark.parametrize("state", ["done", "failed", "stopped", "lost"])
def test_nobody_waits_for_a_run_that_is_over(tmp_path: Path, state: str) -> None:
    _made(tmp_path / "runs", "2026-01-01T10:00:01+00:00", state)
    late = _made(tmp_path / "runs", "2026-01-01T10:00:03+00:00")
    assert device_queue._ahead(late, "cpu") == []


def test_nobody_waits_for_a_process_that_died_in_the_queue(tmp_path: Path) -> None:
    dead = _made(tmp_path / "runs", "2026-01-01T10:00:01+00:00")
    told = runs.read_json(dead.folder / "status.json")
    atomic.write_json(dead.folder / "status.json", {**told, "heartbeat_at": "2026-01-01T10:00:05+00:00"})
    late = _made(tmp_path / "runs", "2026-01-01T10:00:03+00:00")
    assert device_queue._ahead(late, "cpu") == []


def test_a_run_whose_process_is_slow_to_come_keeps_its_place(tmp_path: Path) -> None:
    first = runs.create(tmp_path / "runs", "sky", tmp_path, {}, device="cpu")
    late = runs.create(tmp_path / "runs", "sky", tmp_path, {}, device="cpu")
    assert [run.id for run in device_queue._ahead(late, "cpu")] == [first.id]
    assert device_queue._ahead(first, "cpu") == []


def test_a_resumed_run_stands_behind_those_that_wait(tmp_path: Path) -> None:
    old = _made(tmp_path / "runs", "2026-01-01T10:00:01+00:00", "stopped")
    waiting = runs.create(tmp_path / "runs", "sky", tmp_path, {}, device="cpu")
    with runs.Reporter(old) as reporter:
        assert reporter.status.queued_at > waiting.status().queued_at
        assert [run.id for run in device_queue._ahead(old, "cpu")] == [waiting.id]


def test_a_stop_in_the_queue_gives_the_turn_back(tmp_path: Path) -> None:
    _made(tmp_path / "runs", "2026-01-01T10:00:01+00:00", "running")
    late = _made(tmp_path / "runs", "2026-01-01T10:00:03+00:00")
    late.request_stop()
    reporter = runs.Reporter(late)
    with device_queue.device_turn(late, reporter, "cpu") as turn:
        assert not turn


def test_a_device_is_waited_for_until_its_lock_is_free(tmp_path: Path) -> None:
    """Nobody is ahead in the queue, but a process holds the device: the run says so, and starts when it is let go."""
    run = runs.create(tmp_path / "runs", "sky", tmp_path, {}, device="cpu")
    reporter, told = runs.Reporter(run), threading.Event()
    reporter.note = lambda **changes: told.set() if "uses this device" in changes["message"] else None  # type: ignore[method-assign]
    turns: list[bool] = []

    def work() -> None:
        with device_queue.device_turn(run, reporter, "cpu") as turn:
            turns.append(turn)

    waiting = threading.Thread(target=work)
    with locks.hold(tmp_path / "device-cpu.lock"):
        waiting.start()
        assert told.wait(60) and turns == []
    waiting.join(60)
    assert turns == [True]


def test_a_run_says_what_it_was_made_with(tmp_path: Path) -> None:
    told = provenance.provenance()
    assert told["versions"]["python"].count(".") == 2 and told["versions"]["torch"]
    assert set(told) == {"versions", "code"}
    assert told["code"]["sha256"] and len(told["code"]["sha256"]) == 64


def test_a_run_from_a_page_stands_back_for_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, said = tmp_path / "program", tmp_path / "nice.txt"
    program.write_text(f"#!/bin/sh\nsleep 0.5\nnice > {said}.part\nmv {said}.part {said}\n")
    program.chmod(0o755)
    monkeypatch.setattr(jobs.sys, "executable", str(program))
    jobs._spawn(_made(tmp_path / "runs", "2026-01-01T10:00:01+00:00"), Settings(tmp_path, tmp_path / "labels"))
    end = time.monotonic() + 60
    while not said.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert int(said.read_text()) == min(19, os.nice(0) + jobs.NICE)
