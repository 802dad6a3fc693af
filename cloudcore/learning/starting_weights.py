"""The weights of a model to begin a training from."""

from dataclasses import fields
from typing import Any

from cloudcore import models
from cloudcore.errors import RunError
from cloudcore.learning.settings import TrainingSettings
from cloudcore.learning.task import Task, Weights

FIXED = ("network", "encoder", "decoder_width", "size", "form", "flip_test")
"""Options that a training begun from a model takes over from it."""


def start_weights(task: Task, config: TrainingSettings, name: str) -> Weights:
    """Weights of a model to begin from. Raises RunError where its network is another one."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = models.find_folder(name)
    info = models.ModelInfo.read(folder)
    if info.task != task.name:
        raise RunError(f"{name} is a model for {info.task}, not for {task.name}. Choose another to start from.")
    theirs = info.options
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
    theirs = models.ModelInfo.read(models.find_folder(model)).options
    known = {item.name for item in fields(task.Config)}
    return {key: theirs[key] for key in FIXED if key in theirs and key in known}
