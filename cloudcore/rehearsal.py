"""Before a run: learning rates tried in a process of its own, and its speed measured while that goes on."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cloudcore import runs
from cloudcore.errors import CloudcoreError, RunError
from cloudcore.settings import Settings
from cloudcore.task import get_task, make_config


def place(task_name: str, options: Mapping[str, Any], data: Path, start: str | None, settings: Settings) -> Path:
    """Where the answer for these settings lies or will lie; the rate itself and the epochs do not change it."""
    told = {name: value for name, value in options.items() if name not in ("learning_rate", "epochs")}
    key = json.dumps([task_name, told, str(data.absolute()), start], sort_keys=True)
    return settings.workspace / "cache" / "rates" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def read(path: Path) -> dict[str, Any]:
    """{state: running | done | failed | lost, done, of, error, the answer once done}; empty where none was begun."""
    told = runs.read_json(path)
    if told.get("state") == "running" and runs.is_stale(told.get("beat"), runs.CLAIM_SECONDS):
        return {**told, "state": "lost", "error": "The trial ended without a word. Try again."}
    return told


def start(task_name: str, options: Mapping[str, Any], data: Path, begin: str | None, settings: Settings) -> Path:
    """Begin a trial in its own process, unless one goes on; returns where its answer comes. Raises RunError."""
    path = place(task_name, options, data, begin, settings)
    if read(path).get("state") == "running":
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    runs.write_json(path, {"state": "running", "done": 0, "of": 0, "beat": runs.now()})
    command = [sys.executable, "-m", "cloudcore", "train", task_name, "--data", str(data), "--find-rate", str(path)]
    command += ["--start", begin] if begin else []
    for name, value in options.items():
        flag = name.replace("_", "-")
        command += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    environ = {**os.environ, "CLOUDCORE_WORKSPACE": str(settings.workspace)}
    environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent.parent), environ.get("PYTHONPATH", "")])
    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            command, stdin=quiet, stdout=quiet, stderr=quiet, env=environ, start_new_session=True
        )
    except OSError as problem:
        raise RunError(f"The trial could not be started: {problem.strerror}. Try again.") from problem
    threading.Thread(target=process.wait, daemon=True).start()
    return path


def work(
    task_name: str, options: Mapping[str, Any], data: Path, out: Path, device: str, begin: str | None,
    preset: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What the trial's process does: load, climb, write the answer to `out`, a refusal too, which is raised as well."""
    from cloudcore import jobs

    task = get_task(task_name)
    out.parent.mkdir(parents=True, exist_ok=True)

    def tell(done: int, of: int) -> None:
        runs.write_json(out, {"state": "running", "done": done, "of": of, "beat": runs.now()})

    try:
        fixed = jobs.options_of(begin, task) if begin else {}
        config = make_config(task, {**fixed, **options}, preset)
        prepared = task.dataset(config, data, lambda done, of: tell(0, 0))
        from cloudcore import rate_finder

        weights = jobs.start_weights(task, config, begin) if begin else None
        found = rate_finder.find(task, config, prepared, device, weights, progress=tell)
    except CloudcoreError as problem:
        runs.write_json(out, {"state": "failed", "error": str(problem)})
        raise
    runs.write_json(out, {"state": "done", "options": asdict(config), **found})
    return found
