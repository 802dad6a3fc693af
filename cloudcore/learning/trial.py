"""Before a run: learning rates tried, or its speed alone timed, in a process of its own that stands back for pages."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cloudcore import runs
from cloudcore.errors import CloudcoreError, RunError
from cloudcore.files import atomic
from cloudcore.learning import jobs, starting_weights
from cloudcore.learning.options import make_config
from cloudcore.learning.tasks import get_task
from cloudcore.settings import Settings

TELL_S = 0.3
"""Time between two words about the data's loading, s."""


def place(
    task_name: str,
    options: Mapping[str, Any],
    data: Path,
    start: str | None,
    settings: Settings,
    only_speed: bool = False,
) -> Path:
    """Where the answer for these settings lies or will lie; the rate itself and the epochs do not change it."""
    told = {name: value for name, value in options.items() if name not in ("learning_rate", "epochs")}
    key = json.dumps([task_name, told, str(data.absolute()), start], sort_keys=True)
    return (
        settings.workspace
        / "cache"
        / "rates"
        / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}{'-speed' if only_speed else ''}.json"
    )


def read(path: Path) -> dict[str, Any]:
    """{state: running | done | failed | lost, doing, done, of, error, the answer}; empty where none was begun.

    doing is "data" while images are read, then "steps".
    """
    told = runs.read_json(path)
    if told.get("state") == "running" and runs.is_stale(told.get("beat"), runs.CLAIM_SECONDS):
        return {**told, "state": "lost", "error": "The trial ended without a word. Try again."}
    return told


def start(
    task_name: str,
    options: Mapping[str, Any],
    data: Path,
    begin: str | None,
    settings: Settings,
    only_speed: bool = False,
) -> Path:
    """Begin a trial in its own process, unless one goes on; returns where its answer comes. Raises RunError.

    only_speed leaves the learning rates out: some seconds of steps, timed.
    """
    path = place(task_name, options, data, begin, settings, only_speed)
    if read(path).get("state") == "running":
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_json(path, {"state": "running", "done": 0, "of": 0, "beat": runs.now()})
    command = [sys.executable, "-m", "cloudcore", "train", task_name, "--data", str(data), "--find-rate", str(path)]
    command += ["--start", begin] if begin else []
    command += ["--only-speed"] if only_speed else []
    for name, value in options.items():
        flag = name.replace("_", "-")
        command += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    environ = {**os.environ, "CLOUDCORE_WORKSPACE": str(settings.workspace)}
    environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), environ.get("PYTHONPATH", "")])
    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            command, stdin=quiet, stdout=quiet, stderr=quiet, env=environ, start_new_session=True
        )
    except OSError as problem:
        raise RunError(f"The trial could not be started: {problem.strerror}. Try again.") from problem
    jobs.lower_priority(process.pid)
    threading.Thread(target=_see_off, args=(process, path), daemon=True).start()
    return path


def _see_off(process: "subprocess.Popen[bytes]", path: Path) -> None:
    """Wait for a trial's end; one that was killed has left no answer, which is said in its place."""
    code = process.wait()
    if read(path).get("state") == "running":
        why = f"signal {-code}" if code < 0 else f"code {code}"
        atomic.write_json(path, {"state": "failed", "error": f"The trial ended without an answer ({why}). Try again."})


def work(
    task_name: str, options: Mapping[str, Any], data: Path, out: Path, device: str, begin: str | None,
    preset: str | None = None, only_speed: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """What the trial's process does: load, climb, write the answer to `out`, a refusal too, which is raised as well."""
    task = get_task(task_name)
    out.parent.mkdir(parents=True, exist_ok=True)

    told_at = 0.0

    def tell(done: int, of: int, doing: str = "steps") -> None:
        nonlocal told_at
        if doing == "steps" or time.monotonic() - told_at > TELL_S:
            told_at = time.monotonic()
            atomic.write_json(out, {"state": "running", "doing": doing, "done": done, "of": of, "beat": runs.now()})

    try:
        fixed = starting_weights.options_of(begin, task) if begin else {}
        config = make_config(task, {**fixed, **options}, preset)
        prepared = task.dataset(config, data, lambda done, of: tell(done, of, "data"))
        from cloudcore.learning.fit import rate_finder

        weights = starting_weights.start_weights(task, config, begin) if begin else None
        ask = rate_finder.speed if only_speed else rate_finder.find
        found = ask(task, config, prepared, device, weights, progress=tell)
    except CloudcoreError as problem:
        atomic.write_json(out, {"state": "failed", "error": str(problem)})
        raise
    atomic.write_json(out, {"state": "done", "options": asdict(config), **found})
    return found
