"""A run in its own process: start, stop, resume, and the work that process does."""

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from cloudcore import models, runs, sharing
from cloudcore.errors import CloudcoreError, RunError
from cloudcore.settings import Settings
from cloudcore.task import Prepared, Task, get_task, make_config

_OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
NICE = 5
"""How far a run started from a page stands back for other processes, as os.nice."""
TERMS = "Learnt from a data folder of the person who trained it; the terms of that data hold."


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

    processes > 1 shares each batch among as many GPUs (or, on the device cpu, processes). While a run of the same task,
    data and options is active, that one is returned: a double click starts one. Raises DataError for bad options and
    RunError where no process can be started.
    """
    task = get_task(task_name)
    config = asdict(make_config(task, options, preset))
    with _lock(settings.workspace / "start.lock"):
        for run in active(settings):
            told = run.config()
            if (told["task"], told["data"], told["options"]) == (task_name, str(data.absolute()), config):
                return run
        run = runs.create(settings.runs, task_name, data, config, name=name, start=start_from, device=device,
                          processes=processes)  # fmt: skip
        _spawn(run, settings)
    return run


def resume(run: runs.Run, settings: Settings) -> None:
    """Go on with a run from its last checkpoint, in the same folder. Raises RunError where it is active or done."""
    state = run.status().state
    if state in runs.ACTIVE:
        raise RunError(f"{run.name} is {state} already. Watch it on Train.")
    if state == "done":
        raise RunError(f"{run.name} is done. Start a new run from its model instead.")
    with _lock(settings.workspace / "start.lock"):
        (run.folder / "stop").unlink(missing_ok=True)
        at, began = runs.now(), run.status().started_at
        queued = runs.Status(queued_at=at, started_at=began, updated_at=at, message="Waiting to start.")
        runs.write_json(run.folder / "status.json", asdict(queued))
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
    environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent.parent), environ.get("PYTHONPATH", "")])
    try:
        with (run.folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ, start_new_session=True
            )
            stand_back(process.pid)
    except OSError as problem:
        raise RunError(f"The training process could not be started: {problem.strerror}. Try again.") from problem
    threading.Thread(target=process.wait, daemon=True).start()  # so that an ended child leaves no zombie


def stand_back(pid: int) -> None:
    """Lower a process's priority by NICE, so that pages answer first while it takes every core. Raises OSError."""
    os.setpriority(os.PRIO_PROCESS, pid, min(19, os.nice(0) + NICE))


def _launcher(run: runs.Run) -> list[str]:
    """What starts the run's process, or its several processes."""
    count = int(run.config().get("processes") or 1)
    if count == 1:
        return [sys.executable]
    # a free port, and nothing that a person's own accelerate configuration might say
    told = ("--multi_gpu", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0")
    return [sys.executable, "-m", "accelerate.commands.launch", *told, f"--num_processes={count}"]


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold a file lock; it is released when this process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _device_turn(run: runs.Run, reporter: runs.Reporter, device: str) -> Iterator[bool]:
    """Wait until no other run holds the device; yields False where a stop was asked for meanwhile."""
    with (run.folder.parent.parent / f"device-{device}.lock").open("w") as file:
        while True:
            ahead = _ahead(run, device)
            if not ahead and _locked(file):
                yield True
                return
            if run.stop_requested():
                yield False
                return
            place = f"{len(ahead)} before it" if len(ahead) > 1 else "another run uses this device"
            reporter.note(message=f"Queued: {place}.")
            threading.Event().wait(0.5)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ahead(run: runs.Run, device: str) -> list[runs.Run]:
    """Runs of the same device that were started or resumed before this one, so that the queue keeps its order.

    One whose process has not spoken yet counts too, until it is held for lost.
    """
    mine = run.status().queued_at or ""
    found = []
    for other in runs.list_runs(run.folder.parent):
        status = other.status()
        if other.id == run.id or status.state not in runs.ACTIVE:
            continue
        place = "cuda" if _has_cuda(other.config()) else "cpu"
        if place == device and (status.queued_at or "", other.id) < (mine, run.id):
            found.append(other)
    return found


def work(run: runs.Run) -> runs.Status:
    """What the run's own process does: load, learn, score, export. Returns the last status.

    Any error is written into status.json before it is raised. Of several processes the first does so; the others learn
    beside it and leave nothing.
    """
    told = run.config()
    if sharing.count() > 1:
        signal.signal(signal.SIGTERM, _deserted)
    if sharing.rank():
        onlooker = runs.Onlooker(run)
        _learn(run, told, onlooker)
        return onlooker.status
    runs.wait_for_silence(run)
    with runs.Reporter(run) as reporter, _device_turn(run, reporter, "cuda" if _has_cuda(told) else "cpu") as turn:
        if not turn:
            reporter.tell(state="stopped", message="Stopped while it waited.")
            return reporter.status
        reporter.tell(state="running", message="Loading the frames.")
        _learn(run, told, reporter)
        return reporter.status


def _deserted(number: int, frame: object) -> None:
    """What the launcher's signal means here: it ends the others when one process has ended."""
    raise RunError("Another process of this training ended. The log says why; then resume.")


def _has_cuda(told: Mapping[str, Any]) -> bool:
    if told.get("device") == "cpu":
        return False
    import torch

    return bool(torch.cuda.is_available())


def _learn(run: runs.Run, told: Mapping[str, Any], reporter: runs.Reporter) -> None:
    task = get_task(str(told["task"]))
    config = make_config(task, told["options"])
    folder = Path(str(told["data"]))
    prepared = task.dataset(
        config, folder, lambda done, of: reporter.note(message=f"Loading the frames: {done} of {of}.")
    )
    reporter.log(prepared.note)
    reporter.log(prepared.base_words)
    if sharing.rank() == 0:
        _record(run, prepared)
    reporter.tell(epochs=config.epochs, message="Starting.")
    from cloudcore import training

    torch_state = start_weights(task, config, str(told["start"])) if told.get("start") else None
    try:
        net = training.fit(task, config, prepared, reporter, str(told.get("device") or "auto"), torch_state)
    except OSError as problem:
        raise RunError(f"The run's folder cannot be written: {problem.strerror}. Free space, then resume.") from problem
    except (MemoryError, RuntimeError) as problem:
        if not isinstance(problem, MemoryError) and not _OUT_OF_MEMORY.search(str(problem)):
            raise
        raise RunError("Out of memory. Lower batch, crop or size, and start anew from this run.") from problem
    if net is None:
        reporter.log("stopped")
        return
    reporter.tell(message="Writing the model.", eta_seconds=None)
    _leave_model(run, task, config, prepared, net, told)
    reporter.tell(state="done", message="Done.")
    run.log("done")


def _record(run: runs.Run, prepared: Prepared) -> None:
    """made_with.json: versions, code, and one hash over every image learnt from; a resumed run adds a line."""
    path = run.folder / "made_with.json"
    data = hashlib.sha256("".join(prepared.train_hashes).encode()).hexdigest()
    entry = {"at": runs.now(), **circumstances(), "data": {"n": len(prepared.train), "sha256": data}}
    runs.write_json(path, {"times": [*runs.read_json(path).get("times", []), entry]})


def start_weights(task: Task, config: Any, name: str) -> dict[str, Any]:
    """Weights of a model to begin from. Raises RunError where its network is another one."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = models.find_folder(name)
    info = models.read_info(folder)
    if info["task"] != task.name:
        raise RunError(f"{name} is a model for {info['task']}, not for {task.name}. Choose another to start from.")
    theirs = info.get("options", {})
    for key in ("network", "encoder", "decoder_width"):
        wanted = getattr(config, key, None)
        if key in theirs and wanted != theirs[key] and (key == "network" or theirs.get("network") == "unet"):
            raise RunError(
                f"{name} has {key.replace('_', ' ')} {theirs[key]}, the settings say {wanted}. "
                f"Set it to {theirs[key]}, or start from nothing."
            )
    try:
        state = load_file(folder / "weights.safetensors")
    except (OSError, SafetensorError) as problem:
        raise RunError(f"weights.safetensors of {name} cannot be read ({problem}). Choose another model.") from problem
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def options_of(model: str, task: Task) -> dict[str, Any]:
    """The options that fix a model's network, to begin from it: network, encoder, decoder_width, size, form."""
    theirs = models.read_info(models.find_folder(model)).get("options", {})
    known = {item.name for item in fields(task.Config)}
    return {key: theirs[key] for key in ("network", "encoder", "decoder_width", "size", "form", "flip_test")
            if key in theirs and key in known}  # fmt: skip


def _leave_model(run: runs.Run, task: Task, config: Any, prepared: Prepared, net: Any, told: Mapping[str, Any]) -> None:
    models.round_weights(net)
    module, wanted = task.deploy(config, net)
    info = {
        "title": told.get("name") or run.id, "task": task.name, "kind": task.kind, "classes": list(prepared.classes),
        "network": {"name": config.network, "parameters": sum(p.numel() for p in net.parameters())},
        "options": told["options"], "input": {"layout": "NCHW", "channels": "RGB", **wanted},
        "mean": list(prepared.mean), "std": list(prepared.std), "threshold": [0.5] * len(prepared.classes),
        "min_size": [0] * len(prepared.classes), "grid_hw": prepared.grid_hw, "temperature": 1.0,
        "trained_on": {
            "n": len(prepared.train), "images": prepared.train_hashes, "split": prepared.note,
            "terms": told.get("terms") or TERMS,
            "started_from": Path(str(told["start"])).name if told.get("start") else None,
        },
        "validated_on": prepared.stems.get("valid", []), "tested_on": prepared.stems.get("test", []),
        "versions": versions(), "created_at": runs.now(),
    }  # fmt: skip
    models.export(module, run.model_folder, info, net.state_dict())
    finish_model(run.model_folder, task, prepared)


def finish_model(folder: Path, task: Task, prepared: Prepared) -> None:
    """Calibrate an exported model and score it on what was held out; both stand in its model.json afterwards."""
    found = task.calibrate(prepared, models.load(folder))
    runs.write_json(folder / "model.json", {**models.read_info(folder), **found})
    scores = prepared.score(models.load(folder))
    runs.write_json(folder / "model.json", {**models.read_info(folder), "scores": scores})


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    names = ("torch", "fastai", "segmentation-models-pytorch", "timm", "numpy", "onnxruntime")
    found = {"python": platform.python_version()}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def circumstances() -> dict[str, Any]:
    """What a result depends on beside its settings: versions, and the code: git commit and whether it was changed.

    Where there is no git, the code's own sha256 tells it apart; it stands beside the commit in any case.
    """
    package = Path(__file__).parent
    whole = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        whole.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return {"versions": versions(), "code": {"sha256": whole.hexdigest(), **_git_state(package.parent)}}


def _git_state(root: Path) -> dict[str, Any]:
    if not (root / ".git").exists():
        return {}
    told = []
    for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no")):
        try:
            done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=5)
        except (OSError, subprocess.TimeoutExpired):
            return {}
        if done.returncode:
            return {}
        told.append(done.stdout.strip())
    return {"commit": told[0], "changed": bool(told[1])}


def prepare(
    task_name: str, options: Mapping[str, Any], data: Path, root: Path, start_from: str | None, device: str,
    preset: str | None = None, **more: Any,
) -> runs.Run:  # fmt: skip
    """Make the run folder of a foreground training, its options checked; more: name, terms. Raises CloudcoreError."""
    task = get_task(task_name)
    chosen = {**(options_of(start_from, task) if start_from else {}), **options}
    config = make_config(task, chosen, preset)
    found = task.preflight(data)
    if found.problems:
        raise CloudcoreError(found.problems[0])
    return runs.create(root, task_name, data, asdict(config), start=start_from, device=device, **more)
