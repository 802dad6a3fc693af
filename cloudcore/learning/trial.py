"""Before a run: learning rates tried, or its speed alone timed, in a process of its own at a lower priority."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cloudcore import runs
from cloudcore.errors import CloudcoreError, RunError
from cloudcore.files import atomic
from cloudcore.learning import jobs, starting_weights
from cloudcore.learning.options import make_config
from cloudcore.learning.tasks import get_task
from cloudcore.settings import Settings

REPORT_S = 0.3
"""Time between two reports of the data's loading, s."""


@dataclass(frozen=True)
class Trial:
    """What is tried: a task, options laid over a preset, a data folder, and the model whose weights it begins with.

    only_speed leaves the learning rates out: some seconds of steps are timed.
    """

    task_name: str
    options: Mapping[str, Any]
    data: Path
    start_from: str | None = None
    preset: str | None = None
    only_speed: bool = False


def answer_path(trial: Trial, settings: Settings) -> Path:
    """The file of a trial's answer, there or not yet; learning rate and epochs do not change it."""
    options = {name: value for name, value in trial.options.items() if name not in ("learning_rate", "epochs")}
    key = json.dumps([trial.task_name, options, str(trial.data.absolute()), trial.start_from], sort_keys=True)
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    return settings.workspace / "cache" / "rates" / f"{name}{'-speed' if trial.only_speed else ''}.json"


def read(path: Path) -> dict[str, Any]:
    """{state: running | done | failed | lost, doing, done, of, error, the answer}; empty where no trial was begun.

    doing is "data" while images are read, then "steps".
    """
    answer = runs.read_json(path)
    if answer.get("state") == "running" and runs.is_stale(answer.get("beat"), runs.CLAIM_SECONDS):
        return {**answer, "state": "lost", "error": "The trial ended without a word. Try again."}
    return answer


def start(trial: Trial, settings: Settings) -> Path:
    """Begin a trial in its own process, unless it is running; returns the file of its answer. Raises RunError."""
    path = answer_path(trial, settings)
    if read(path).get("state") == "running":
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_json(path, {"state": "running", "done": 0, "of": 0, "beat": runs.now()})
    environ = {**os.environ, "CLOUDCORE_WORKSPACE": str(settings.workspace)}
    environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), environ.get("PYTHONPATH", "")])
    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            _command(trial, path), stdin=quiet, stdout=quiet, stderr=quiet, env=environ, start_new_session=True
        )
    except OSError as problem:
        raise RunError(f"The trial could not be started: {problem.strerror}. Try again.") from problem
    jobs.lower_priority(process.pid)
    threading.Thread(target=_await_end, args=(process, path), daemon=True).start()
    return path


def _command(trial: Trial, path: Path) -> list[str]:
    """The command line of a trial's process."""
    command = [sys.executable, "-m", "cloudcore", "train", trial.task_name]
    command += ["--data", str(trial.data), "--find-rate", str(path)]
    command += ["--preset", trial.preset] if trial.preset else []
    command += ["--start", trial.start_from] if trial.start_from else []
    command += ["--only-speed"] if trial.only_speed else []
    for name, value in trial.options.items():
        flag = name.replace("_", "-")
        command += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return command


def _await_end(process: "subprocess.Popen[bytes]", path: Path) -> None:
    """Wait for a trial's process; where it was killed, write that in place of its answer."""
    code = process.wait()
    if read(path).get("state") == "running":
        why = f"signal {-code}" if code < 0 else f"code {code}"
        atomic.write_json(path, {"state": "failed", "error": f"The trial ended without an answer ({why}). Try again."})


class _Reporter:
    """Writes how far a trial is into the file of its answer; the loading of data at most once in REPORT_S."""

    def __init__(self, path: Path) -> None:
        self.path, self.reported_at = path, 0.0

    def report_data(self, done: int, of: int) -> None:
        """So many of the images are read."""
        if time.monotonic() - self.reported_at > REPORT_S:
            self._write("data", done, of)

    def report_steps(self, done: int, of: int) -> None:
        """So many of the steps are done."""
        self._write("steps", done, of)

    def _write(self, doing: str, done: int, of: int) -> None:
        self.reported_at = time.monotonic()
        atomic.write_json(self.path, {"state": "running", "doing": doing, "done": done, "of": of, "beat": runs.now()})


def run_trial(trial: Trial, out: Path, device: str = "auto") -> dict[str, Any]:
    """Load the data, try the rates or time the steps, and write the answer to `out`; what a trial's process does.

    An error that the trial raises is written there too. Raises CloudcoreError.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        found = _measure(trial, _Reporter(out), device)
    except CloudcoreError as problem:
        atomic.write_json(out, {"state": "failed", "error": str(problem)})
        raise
    atomic.write_json(out, {"state": "done", **found})
    return found


def _measure(trial: Trial, reporter: _Reporter, device: str) -> dict[str, Any]:
    """{options, and what rate_finder finds}."""
    task, origin = get_task(trial.task_name), trial.start_from
    fixed = starting_weights.options_of(origin, task) if origin else {}
    config = make_config(task, {**fixed, **trial.options}, trial.preset)
    prepared = task.dataset(config, trial.data, reporter.report_data)
    from cloudcore.learning.fit import rate_finder

    weights = starting_weights.start_weights(task, config, origin) if origin else None
    measure = rate_finder.speed if trial.only_speed else rate_finder.find
    found = measure(task, config, prepared, device, weights, progress=reporter.report_steps)
    return {"options": asdict(config), **found}
