"""What a run's own process does: load, learn, score, export."""

import hashlib
import re
import signal
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cloudcore import models, runs
from cloudcore.errors import CloudcoreError, RunError
from cloudcore.files import atomic
from cloudcore.learning.device_queue import device_turn, has_cuda
from cloudcore.learning.fit import distributed
from cloudcore.learning.options import make_config
from cloudcore.learning.starting_weights import options_of, start_weights
from cloudcore.learning.task import Task, TrainingData
from cloudcore.learning.tasks import get_task
from cloudcore.runs.provenance import provenance, versions

_OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
TERMS = "Learnt from a data folder of the person who trained it; the terms of that data hold."


def run_training(run: runs.Run) -> runs.Status:
    """What the run's own process does: load, learn, score, export. Returns the last status.

    Any error is written into status.json before it is raised. Of several processes the first does so; the others learn
    beside it and leave nothing.
    """
    told = run.config()
    if distributed.world_size() > 1:
        signal.signal(signal.SIGTERM, _deserted)
    if distributed.rank():
        onlooker = runs.Onlooker(run)
        _learn(run, told, onlooker)
        return onlooker.status
    runs.wait_for_silence(run)
    with runs.Reporter(run) as reporter, device_turn(run, reporter, "cuda" if has_cuda(told) else "cpu") as turn:
        if not turn:
            reporter.tell(state="stopped", message="Stopped while it waited.")
            return reporter.status
        reporter.tell(state="running", message="Loading the frames.")
        _learn(run, told, reporter)
        return reporter.status


def _deserted(number: int, frame: object) -> None:
    """What the launcher's signal means here: it ends the others when one process has ended."""
    raise RunError("Another process of this training ended. The log says why; then resume.")


def _learn(run: runs.Run, told: Mapping[str, Any], reporter: runs.Reporter) -> None:
    task = get_task(str(told["task"]))
    config = make_config(task, told["options"])
    folder = Path(str(told["data"]))
    prepared = task.dataset(
        config, folder, lambda done, of: reporter.note(message=f"Loading the frames: {done} of {of}.")
    )
    reporter.log(prepared.note)
    reporter.log(prepared.base_words)
    if distributed.rank() == 0:
        _record(run, prepared)
    reporter.tell(epochs=config.epochs, message="Starting.")
    from cloudcore.learning.fit import loop

    torch_state = start_weights(task, config, str(told["start"])) if told.get("start") else None
    try:
        net = loop.fit(task, config, prepared, reporter, str(told.get("device") or "auto"), torch_state)
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
    export_model(run, task, config, prepared, net, told)
    reporter.tell(state="done", message="Done.")
    run.log("done")


def _record(run: runs.Run, prepared: TrainingData) -> None:
    """made_with.json: versions, code, and one hash over every image learnt from; a resumed run adds a line."""
    path = run.folder / "made_with.json"
    data = hashlib.sha256("".join(prepared.train_hashes).encode()).hexdigest()
    entry = {"at": runs.now(), **provenance(), "data": {"n": len(prepared.train), "sha256": data}}
    atomic.write_json(path, {"times": [*runs.read_json(path).get("times", []), entry]})


def export_model(
    run: runs.Run, task: Task, config: Any, prepared: TrainingData, net: Any, told: Mapping[str, Any]
) -> None:
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
    models.export(module, run.model_folder, models.ModelInfo.from_json(info, run.id), net.state_dict())
    finish_model(run.model_folder, task, prepared)


def finish_model(folder: Path, task: Task, prepared: TrainingData) -> None:
    """Calibrate an exported model and score it on what was held out; both stand in its model.json afterwards."""
    found = task.calibrate(prepared, models.load(folder))
    models.ModelInfo.from_json({**models.ModelInfo.read(folder), **found}, folder.name).write(folder)
    scores = prepared.score(models.load(folder))
    replace(models.ModelInfo.read(folder), scores=scores).write(folder)


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
