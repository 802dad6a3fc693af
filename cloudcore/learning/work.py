"""What a run's own process does: load, learn, score, export."""

import contextlib
import hashlib
import re
import signal
from collections.abc import Iterator, Mapping
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
from cloudcore.learning.task import ConfigT, DataT, Network, Task, TrainingData
from cloudcore.learning.tasks import get_task
from cloudcore.runs.provenance import provenance, versions

_OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
TERMS = "Learnt from a data folder of the person who trained it; the terms of that data hold."


def run_training(run: runs.Run) -> runs.Status:
    """Load, learn, score and export, in the run's own process. Returns the last status.

    Any error is written into status.json before it is raised. The first of several processes writes; the others learn
    beside it.
    """
    config = run.config()
    if distributed.world_size() > 1:
        signal.signal(signal.SIGTERM, _end_with_the_others)
    if distributed.rank():
        onlooker = runs.Onlooker(run)
        _learn(run, config, onlooker)
        return onlooker.status
    runs.wait_for_silence(run)
    with runs.Reporter(run) as reporter, device_turn(run, reporter, "cuda" if has_cuda(config) else "cpu") as turn:
        if not turn:
            reporter.tell(state="stopped", message="Stopped while it waited.")
            return reporter.status
        reporter.tell(state="running", message="Loading the frames.")
        _learn(run, config, reporter)
        return reporter.status


def _end_with_the_others(number: int, frame: object) -> None:
    """Handle the launcher's signal, which says that another process has ended."""
    raise RunError("Another process of this training ended. The log says why; then resume.")


def _learn(run: runs.Run, run_config: Mapping[str, Any], reporter: runs.Reporter) -> None:
    task = get_task(str(run_config["task"]))
    config = make_config(task, run_config["options"])
    folder = Path(str(run_config["data"]))
    prepared = task.dataset(
        config, folder, lambda done, of: reporter.note(message=f"Loading the frames: {done} of {of}.")
    )
    reporter.log(prepared.note)
    reporter.log(prepared.base_words)
    if distributed.rank() == 0:
        _record(run, prepared)
    reporter.tell(epochs=config.epochs, message="Starting.")
    origin = run_config.get("start")
    weights = start_weights(task, config, str(origin)) if origin else None
    device = str(run_config.get("device") or "auto")
    from cloudcore.learning.fit import loop

    with _faults_in_words():
        net = loop.fit(task, config, prepared, reporter, device, weights)
    if net is None:
        reporter.log("stopped")
        return
    reporter.tell(message="Writing the model.", eta_seconds=None)
    export_model(run, task, config, prepared, net)
    reporter.tell(state="done", message="Done.")
    run.log("done")


@contextlib.contextmanager
def _faults_in_words() -> Iterator[None]:
    """Raise RunError with what to do for a full disk and for too little memory."""
    try:
        yield
    except OSError as problem:
        raise RunError(f"The run's folder cannot be written: {problem.strerror}. Free space, then resume.") from problem
    except (MemoryError, RuntimeError) as problem:
        if not isinstance(problem, MemoryError) and not _OUT_OF_MEMORY.search(str(problem)):
            raise
        raise RunError("Out of memory. Lower batch, crop or size, and start anew from this run.") from problem


def _record(run: runs.Run, prepared: TrainingData) -> None:
    """made_with.json: versions, code, and one hash over every image learnt from; a resumed run adds a line."""
    path = run.folder / "made_with.json"
    data = hashlib.sha256("".join(prepared.train_hashes).encode()).hexdigest()
    entry = {"at": runs.now(), **provenance(), "data": {"n": len(prepared.train), "sha256": data}}
    atomic.write_json(path, {"times": [*runs.read_json(path).get("times", []), entry]})


def export_model(run: runs.Run, task: Task[ConfigT, DataT], config: ConfigT, prepared: DataT, net: Network) -> None:
    """Write the run's model folder: the network as the task deploys it, its weights, and a calibrated model.json.

    Rounds the network's weights to float16 in place. Raises ModelError where the exported graph disagrees with torch.
    """
    models.round_weights(net)
    module, wanted = task.deploy(config, net)
    network = {"name": config.network, "parameters": sum(p.numel() for p in net.parameters())}
    info = _describe(run, task, prepared, network, {"layout": "NCHW", "channels": "RGB", **wanted})
    models.export(module, run.model_folder, models.ModelInfo.from_json(info, run.id), net.state_dict())
    finish_model(run.model_folder, task, prepared)


def _describe(
    run: runs.Run, task: Task[ConfigT, DataT], prepared: DataT, network: dict[str, Any], network_input: dict[str, Any]
) -> dict[str, Any]:
    """model.json before calibration and scores: the run's task, classes, options and data, its network and input."""
    run_config, classes = run.config(), list(prepared.classes)
    origin = run_config.get("start")
    return {
        "title": run_config.get("name") or run.id,
        "task": task.name,
        "kind": task.kind,
        "classes": classes,
        "network": network,
        "options": run_config["options"],
        "input": network_input,
        "mean": list(prepared.mean),
        "std": list(prepared.std),
        "threshold": [0.5] * len(classes),
        "min_size": [0] * len(classes),
        "grid_hw": prepared.grid_hw,
        "temperature": 1.0,
        "trained_on": {
            "n": len(prepared.train),
            "images": prepared.train_hashes,
            "split": prepared.note,
            "terms": run_config.get("terms") or TERMS,
            "started_from": Path(str(origin)).name if origin else None,
        },
        "validated_on": prepared.stems.get("valid", []),
        "tested_on": prepared.stems.get("test", []),
        "versions": versions(),
        "created_at": runs.now(),
    }


def finish_model(folder: Path, task: Task[ConfigT, DataT], prepared: DataT) -> None:
    """Calibrate an exported model and score it on what was held out; model.json holds both afterwards."""
    found = task.calibrate(prepared, models.load(folder))
    models.ModelInfo.from_json({**models.ModelInfo.read(folder), **found}, folder.name).write(folder)
    scores = prepared.score(models.load(folder))
    replace(models.ModelInfo.read(folder), scores=scores).write(folder)


def prepare(
    task_name: str,
    options: Mapping[str, Any],
    data: Path,
    root: Path,
    start_from: str | None,
    device: str,
    preset: str | None = None,
    *,
    name: str | None = None,
    terms: str | None = None,
) -> runs.Run:
    """Make the run folder of a foreground training, its options and its data checked. Raises CloudcoreError."""
    task = get_task(task_name)
    chosen = {**(options_of(start_from, task) if start_from else {}), **options}
    config = make_config(task, chosen, preset)
    found = task.preflight(data)
    if found.problems:
        raise CloudcoreError(found.problems[0])
    return runs.create(root, task_name, data, asdict(config), start=start_from, device=device, name=name, terms=terms)
