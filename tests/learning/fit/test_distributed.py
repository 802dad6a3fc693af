"""One training in two processes, as accelerate launches them: it learns what one does, stops, and says what breaks."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from cloudcore import models, runs, settings
from cloudcore.learning import jobs
from cloudcore.learning.fit import distributed, loop
from cloudcore.learning.options import make_config
from cloudcore.learning.tasks import get_task

PATCHES: dict[str, Any] = {
    "network": "cloudnet",
    "form": "patch",
    "size": 0,
    "batch": 4,
    "epochs": 2,
    "min_steps": 2,
    "augment": 0.0,
    "loss": "cross_entropy",
    "schedule": "constant",
}
UNET: dict[str, Any] = {
    "batch": 4,
    "size": 64,
    "crop": 64,
    "min_steps": 2,
    "decoder_width": 16,
    "encoder": "tu-mobilenetv3_small_050",
}


def _until(run: runs.Run, states: tuple[str, ...], seconds: float = 180) -> runs.Status:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (status := run.status()).state in states:
            return status
        time.sleep(0.2)
    raise AssertionError(f"{run.status()} {run.log_tail(40)}")


def test_alone_is_process_0_of_1() -> None:
    assert (distributed.rank(), distributed.world_size()) == (0, 1)
    assert distributed.broadcast_path(lambda: Path("here"), "cpu") == Path("here")


@pytest.mark.parametrize("length", [1, 3, 8])
def test_shares_are_equal_and_hold_everything(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    shares = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        shares.append(loop._share(torch.arange(length)).tolist())
    assert len({len(share) for share in shares}) == 1
    assert set(sum(shares, [])) == set(range(length))


def _rows(run: runs.Run, count: int, seconds: float = 180) -> list[dict[str, Any]]:
    end = time.monotonic() + seconds
    while len(run.history()) < count and time.monotonic() < end:
        time.sleep(0.2)
    assert len(run.history()) >= count, f"{run.status()} {run.log_tail(40)}"
    return run.history()


def test_two_processes_learn_what_one_does(small_sky: Path, tmp_path: Path) -> None:
    """A patch is one defined pixel, so each share weighs the same: the two histories differ by rounding alone."""
    task = get_task("sky")
    config = make_config(task, PATCHES)
    alone = runs.create(tmp_path / "alone", "sky", small_sky, PATCHES)
    with runs.Reporter(alone) as reporter:
        loop.fit(task, config, task.dataset(config, small_sky), reporter, "cpu")
    place = settings.Settings(workspace=tmp_path, labels=tmp_path / "labels")
    both = jobs.start("sky", PATCHES, small_sky, place, device="cpu", processes=2)
    for one, two in zip(alone.history(), _rows(both, 2), strict=True):
        for name in ("train_loss", "valid_loss"):
            assert two[name] == pytest.approx(one[name], rel=1e-3)
    found = subprocess.run(["pgrep", "-f", both.id], capture_output=True, text=True).stdout.split()
    assert len(found) == 3, "the launcher and two processes"
    os.kill(int(found[-1]), signal.SIGKILL)  # the second process: the launcher ends the first
    assert _until(both, ("failed", "lost")).state == "failed" and both.status().error


def test_two_processes_stop_together_go_on_together_and_leave_a_model(small_sky: Path, tmp_path: Path) -> None:
    place = settings.Settings(workspace=tmp_path, labels=tmp_path / "labels")
    run = jobs.start("sky", {**UNET, "epochs": 30}, small_sky, place, device="cpu", processes=2)
    _rows(run, 1)
    jobs.stop(run)
    assert _until(run, ("stopped", "failed", "lost", "done")).state == "stopped", run.log_tail(40)
    jobs.resume(run, place)
    assert _until(run, ("done", "failed", "lost"), 400).state == "done", run.log_tail(40)
    assert [row["epoch"] for row in run.history()] == list(range(1, 31))
    assert models.load(run.folder).info["trained_on"]["n"] == 9
