"""Several trained classifiers as one: one exported graph averages their logits and maps."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cloudcore import models, runs
from cloudcore.errors import ModelError
from cloudcore.learning import starting_weights, work
from cloudcore.learning.batches.class_data import ClassParts
from cloudcore.learning.options import make_config
from cloudcore.learning.task import Network, Task
from cloudcore.learning.tasks import get_task
from cloudcore.runs import provenance

_SHARED = ("task", "kind", "classes", "mean", "std", "input")


def join(names: Sequence[str], data: Path, out: Path, title: str, side: int = 0) -> Path:
    """Write the model folder `out`: the mean logits of the named models, calibrated and scored anew on `data`.

    side is the square a photograph is resized to, px, a multiple of 32; 0 leaves it as the first model has it.
    weights.safetensors keeps the first network, to go on from. Raises ModelError where the models do not go together,
    or where one learnt from what another is scored on.
    """
    folders = [models.find_folder(name) for name in names]
    infos = [models.ModelInfo.read(folder) for folder in folders]
    first = infos[0]
    for folder, info in zip(folders, infos, strict=True):
        if odd := [name for name in _SHARED if info[name] != first[name]]:
            raise ModelError(f"{folder.name} differs from the first model in its {odd[0]}. Choose models made alike.")
    if side % 32 or side < 0:
        raise ModelError(f"A side of {side} px is no multiple of 32. Choose 128, 160 or 192.")
    if out.exists():
        raise ModelError(f"{out} is there already. Choose another folder.")
    task = get_task(first.task)
    if task.kind != "class":
        raise ModelError(f"Models of kind {task.kind} cannot be joined. Choose classifiers.")
    config = make_config(task, first.options)
    prepared = task.dataset(config, data)
    learnt = sorted(set().union(*(info.trained_on.images for info in infos)))
    _check_held_out(prepared, set(learnt))
    nets = [_net(task, info, folder) for info, folder in zip(infos, folders, strict=True)]
    described = {
        **first,
        "title": title,
        "input": {**first["input"], "side": side or first["input"]["side"]},
        "joined": [info["network"]["name"] for info in infos],
        "network": {
            "name": " + ".join(info["network"]["name"] for info in infos),
            "parameters": sum(p.numel() for net in nets for p in net.parameters()),
        },
        "trained_on": {**first["trained_on"], "n": len(learnt), "images": learnt},
        "temperature": 1.0,
        "versions": provenance.versions(),
        "created_at": runs.now(),
    }
    for stale in ("files", "scores", "rejection", "calibrated_on"):
        described.pop(stale, None)
    from cloudcore.learning.networks.photograph_net import Deployed

    info = models.ModelInfo.from_json(described, title)
    models.export(Deployed(nets, config.flip_test).eval(), out, info, nets[0].state_dict())
    work.finish_model(out, task, prepared)
    return out


def _check_held_out(prepared: ClassParts[Any], learnt: set[str]) -> None:
    """Raise ModelError where a model has learnt from what this split holds out."""
    held_out = [example.photo.sha256 for example in (*prepared.valid, *prepared.test)]
    if known := sum(number in learnt for number in held_out):
        raise ModelError(f"{known} of {len(held_out)} held-out photographs were learnt from by one of the models.")


def _net(task: Task, info: models.ModelInfo, folder: Path) -> Network:
    """The trained network of a model folder."""
    from cloudcore.learning.fit import checkpoints

    config = replace(make_config(task, info.options), weights="none")
    net = task.network(config, len(info.classes))
    checkpoints.load_weights(net, starting_weights.start_weights(task, config, str(folder)))
    return net.eval()
