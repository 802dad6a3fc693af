"""A run in its own process: start, stop, resume, and the work that process does."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cloudcore import runs
from cloudcore.errors import RunError
from cloudcore.files import atomic
from cloudcore.files.locks import hold
from cloudcore.learning.options import make_config
from cloudcore.learning.tasks import get_task
from cloudcore.settings import Settings

NICE = 5
"""How much lower the priority of a run from a page is, as os.nice."""


def start(
    task_name: str,
    options: Mapping[str, Any],
    data: Path,
    settings: Settings,
    *,
    name: str | None = None,
    start_from: str | None = None,
    device: str = "auto",
    preset: str | None = None,
    processes: int = 1,
) -> runs.Run:
    """Start a run in a process group of its own and return at once.

    processes > 1 splits each batch among as many GPUs (or, on the device cpu, processes). While a run of the same task,
    data and options is active, that one is returned: a double click starts one. Raises DataError for bad options and
    RunError where no process can be started.
    """
    task = get_task(task_name)
    config = asdict(make_config(task, options, preset))
    with hold(settings.workspace / "start.lock"):
        for run in active(settings):
            begun = run.config()
            if (begun["task"], begun["data"], begun["options"]) == (task_name, str(data.absolute()), config):
                return run
        run = runs.create(
            settings.runs, task_name, data, config, name=name, start=start_from, device=device, processes=processes
        )
        _spawn(run, settings)
    return run


def resume(run: runs.Run, settings: Settings) -> None:
    """Go on with a run from its last checkpoint, in the same folder. Raises RunError where it is active or done."""
    state = run.status().state
    if state in runs.ACTIVE:
        raise RunError(f"{run.name} is {state} already. Watch it on Train.")
    if state == "done":
        raise RunError(f"{run.name} is done. Start a new run from its model instead.")
    with hold(settings.workspace / "start.lock"):
        (run.folder / "stop").unlink(missing_ok=True)
        at, began = runs.now(), run.status().started_at
        queued = runs.Status(queued_at=at, started_at=began, updated_at=at, message="Waiting to start.")
        atomic.write_json(run.folder / "status.json", asdict(queued))
        _spawn(run, settings)


def stop(run: runs.Run) -> None:
    """Ask a run to stop; it does so at its next batch, keeping the checkpoint of its last whole epoch."""
    if run.status().state not in runs.ACTIVE:
        raise RunError(f"{run.name} is {run.status().state}: there is nothing to stop.")
    run.request_stop()


def active(settings: Settings) -> list[runs.Run]:
    """Runs that are queued or running, newest first."""
    return [run for run in runs.list_runs(settings.runs) if run.status().state in runs.ACTIVE]


def _spawn(run: runs.Run, settings: Settings) -> None:
    command = [*_launcher(run), "-m", "cloudcore", "train", run.task(), "--resume", str(run.folder)]
    environ = {**os.environ, "CLOUDCORE_WORKSPACE": str(settings.workspace), "PYTHONUNBUFFERED": "1"}
    environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), environ.get("PYTHONPATH", "")])
    try:
        with (run.folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ, start_new_session=True
            )
            lower_priority(process.pid)
    except OSError as problem:
        raise RunError(f"The training process could not be started: {problem.strerror}. Try again.") from problem
    threading.Thread(target=process.wait, daemon=True).start()  # so that an ended child leaves no zombie


def lower_priority(pid: int) -> None:
    """Lower a process's priority by NICE, so that pages answer first while it takes every core. Raises OSError."""
    os.setpriority(os.PRIO_PROCESS, pid, min(19, os.nice(0) + NICE))


def _launcher(run: runs.Run) -> list[str]:
    """What starts the run's process, or its several processes."""
    count = int(run.config().get("processes") or 1)
    if count == 1:
        return [sys.executable]
    # a free port, and nothing of the person's own accelerate configuration
    flags = ("--multi_gpu", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0")
    return [sys.executable, "-m", "accelerate.commands.launch", *flags, f"--num_processes={count}"]
