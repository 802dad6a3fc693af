"""Checkpoints of a training: weights, averaged weights and the optimiser's state as safetensors, the rest as JSON."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from cloudcore import runs
from cloudcore.errors import RunError
from cloudcore.files import atomic

KEPT = 2
"""Whole checkpoints that stay; the one before the newest is there for when the newest is damaged."""

Found = tuple[dict[str, Any], dict[str, Any]]
"""(what the JSON tells, tensors by name) of a checkpoint."""


def load_weights(net: torch.nn.Module, state: dict[str, Any]) -> None:
    """Fill a network from a state dict. Raises RunError where names, shapes or numbers do not fit."""
    own = net.state_dict()
    if odd := sorted(set(own) ^ set(state)):
        raise RunError(
            f"These weights belong to another architecture ({odd[0]} is on one side only). "
            "Choose the network they were trained with."
        )
    for name, value in state.items():
        if value.shape != own[name].shape:
            raise RunError(
                f"{name} is {tuple(value.shape)} in the weights and {tuple(own[name].shape)} in the network."
            )
        if not torch.isfinite(value.float()).all():
            raise RunError(f"{name} holds NaN: these weights are damaged. Take an earlier checkpoint or model.")
    net.load_state_dict({name: value.to(own[name].dtype) for name, value in state.items()})


def save_tensors(path: Path, tensors: dict[str, Any]) -> None:
    """Replace a safetensors file atomically."""
    with atomic.replacing(path) as part:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, part)


def save(run: runs.Run, epoch: int, net: torch.nn.Module, average: torch.nn.Module | None, opt: Any, told: Any) -> None:
    """Checkpoint of an epoch; told is what the JSON holds beside {epoch, opt}.

    The JSON is written last: a checkpoint without it does not count.
    """
    tensors = {f"net.{name}": value for name, value in net.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    numbers: list[dict[str, float]] = []
    for index, state in enumerate(opt.state_dict()["state"]):
        tensors |= {f"opt.{index}.{name}": value for name, value in state.items() if torch.is_tensor(value)}
        numbers.append({name: value for name, value in state.items() if not torch.is_tensor(value)})
    name = f"epoch-{epoch:05d}"
    save_tensors(run.checkpoints / f"{name}.safetensors", tensors)
    atomic.write_json(run.checkpoints / f"{name}.json", {"epoch": epoch, "opt": numbers, **told})
    for old in sorted(run.checkpoints.glob("epoch-*.json"))[:-KEPT]:
        old.unlink()
        old.with_suffix(".safetensors").unlink(missing_ok=True)


def newest(run: runs.Run) -> tuple[Found | None, list[str]]:
    """The newest checkpoint that can be read whole, and a sentence for each damaged one that was passed over."""
    passed: list[str] = []
    for path in sorted(run.checkpoints.glob("epoch-*.json"), reverse=True):
        try:
            return (json.loads(path.read_text()), load_file(path.with_suffix(".safetensors"))), passed
        except (OSError, ValueError, SafetensorError) as problem:
            passed.append(f"{path.stem} cannot be read ({problem}); going back to the one before")
    return None, passed


def restore(found: Found, net: torch.nn.Module, average: torch.nn.Module | None, opt: Any) -> None:
    """Put a checkpoint's weights and optimiser state back. Raises RunError as load_weights does."""
    told, tensors = found
    load_weights(net, _below(tensors, "net."))
    if average is not None:
        load_weights(average, _below(tensors, "average."))
    state = [{**numbers, **_below(tensors, f"opt.{index}.")} for index, numbers in enumerate(told["opt"])]
    opt.load_state_dict({"state": state, "hypers": opt.state_dict()["hypers"]})


def _below(tensors: dict[str, Any], head: str) -> dict[str, Any]:
    return {name.removeprefix(head): value for name, value in tensors.items() if name.startswith(head)}
