"""What a task is: a problem to learn, described once, from which form, flags and config.json derive."""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cloudcore.data import Preflight
from cloudcore.errors import DataError


@dataclass(frozen=True)
class Shown:
    """A validation sample as a picture (H, W, 3): its stem, its score, and whether it is one of the worst or best."""

    kind: str
    stem: str
    score: float
    picture: NDArray[np.uint8]


class Scorer(Protocol):
    """Scores of one epoch's validation: a batch at a time, then a row of history and a strip of pictures."""

    def add(self, logits: Any, target: Any) -> None:
        """Take in the next validation batch, tensors as the network and the data gave them."""

    def row(self) -> dict[str, float]:
        """The epoch's scores by name; NaN where one is undefined, nothing without validation."""

    def pictures(self, each: int) -> list[Shown]:
        """At most `each` of the worst and as many of the best samples, worst first."""


class Prepared(Protocol):
    """A data folder ready to be learnt from. Batches are (x float32 (N, 3, h, w), target), a function of the epoch."""

    classes: tuple[str, ...]
    note: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    stems: dict[str, list[str]]
    grid_hw: tuple[int, int] | None
    """The grid that min_size counts pixels on, None for each image's own."""
    place: Any
    """The torch device batches are made on: "cpu", until the training says where it learns."""

    @property
    def train(self) -> Sequence[Any]:
        """What is learnt from, one entry an image."""

    @property
    def valid(self) -> Sequence[Any]:
        """What is held out."""

    @property
    def steps(self) -> int:
        """Batches an epoch."""

    @property
    def validation_steps(self) -> int:
        """Batches of a validation."""

    @property
    def train_hashes(self) -> list[str]:
        """sha256 of every image learnt from."""

    @property
    def base_words(self) -> str:
        """What a model that has learnt nothing would reach, for the log."""

    def batches(self, epoch: int) -> Iterator[tuple[Any, Any]]:
        """Training batches of an epoch: the same for the same seed and epoch."""

    def validation(self) -> Iterator[tuple[Any, Any]]:
        """Validation batches, always the same."""

    def scorer(self) -> Scorer:
        """A fresh scorer for an epoch."""

    def score(self, predictor: Any) -> dict[str, Any]:
        """Scores of the exported model itself on what was held out: {n, metrics: {name: {value, low, high, n}}}."""


@dataclass(frozen=True)
class Task:
    """A problem to learn.

    kind is "mask" (one probability a pixel), "masks" (one a pixel and class) or "class" (one an image); pages dispatch
    on it. Config is a frozen dataclass made of `option` fields. dataset(config, folder, progress) reads a data folder
    into Prepared; network(config) builds the torch module with raw logits; loss(config) gives
    loss(logits, target); metrics names the columns of a history row, the first one being what "best" means.
    preflight(folder) looks at a data folder before anything starts; presets are named sets of option values.
    forward(config, net, x) gives the logits in training; deploy(config, net) gives the module to export and what its
    input must be; calibrate(prepared, predictor) gives entries of model.json found with the exported model. network is
    called with (config, number of classes) for kind "class". draw makes a picture of the data one that people can look
    at; variants(config, picture, count) gives pictures of what the augmentation makes of one, where there is any.
    """

    name: str
    title: str
    kind: str
    Config: type[Any]
    dataset: Callable[..., Prepared]
    network: Callable[..., Any]
    loss: Callable[..., Any]
    metrics: tuple[str, ...]
    preflight: Callable[[Path], Preflight]
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    forward: Callable[..., Any] = lambda config, net, x: net(x)
    deploy: Callable[..., Any] = lambda config, net: (net, {})
    calibrate: Callable[..., dict[str, Any]] = lambda prepared, predictor: {}
    draw: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = lambda picture: picture
    variants: Callable[..., list[NDArray[np.uint8]]] | None = None


def find_tasks() -> list[Task]:
    """Every task of the house. Loads no heavy library."""
    from cloudcore.tasks import genus, patterns, radar, sky

    return [sky.TASK, patterns.TASK, genus.TASK, radar.TASK]


def get_task(name: str) -> Task:
    """The task of a name. Raises DataError listing the names there are."""
    tasks = find_tasks()
    for task in tasks:
        if task.name == name:
            return task
    raise DataError(f"There is no task {name!r}. Choose one of {', '.join(task.name for task in tasks)}.")


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    choices: tuple[Any, ...] = (),
    advanced: bool = False,
) -> Any:
    """A Config field with what a form and a flag need: help, range (low..high, both allowed), unit, choices."""
    told = {"help": help, "min": low, "max": high, "unit": unit, "choices": choices, "advanced": advanced}
    return field(default=default, metadata=told)


def option_types(config: type[Any]) -> dict[str, type[Any]]:
    """Field name -> int, float, str or bool, for forms and flags."""
    hints = typing.get_type_hints(config)
    return {item.name: _plain(hints[item.name]) for item in dataclasses.fields(config)}


def _plain(hint: Any) -> type[Any]:
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    return typing.cast("type[Any]", hint)


def make_config(task: Task, values: Mapping[str, Any], preset: str | None = None) -> Any:
    """A checked Config from field values, laid over a preset. Raises DataError for an unknown name or a bad value."""
    if preset and preset not in task.presets:
        raise DataError(f"There is no preset {preset!r}. Choose one of {', '.join(task.presets) or 'none'}.")
    given = {**(task.presets[preset] if preset else {}), **values}
    kinds = option_types(task.Config)
    for name in given:
        if name not in kinds:
            raise DataError(f"{task.title} has no setting {name!r}. It has {', '.join(kinds)}.")
    told = {item.name: item.metadata for item in dataclasses.fields(task.Config)}
    return task.Config(**{name: _checked(name, value, kinds[name], told[name]) for name, value in given.items()})


def _checked(name: str, value: Any, kind: type[Any], told: Mapping[str, Any]) -> Any:
    words = name.replace("_", " ").capitalize()
    try:
        value = kind(value)
    except (TypeError, ValueError) as problem:
        raise DataError(f"{words} must be {kind.__name__}, got {value!r}. Correct it.") from problem
    if told["choices"] and value not in told["choices"]:
        raise DataError(f"{words} must be one of {', '.join(map(str, told['choices']))}, got {value!r}. Choose one.")
    if kind in (int, float):
        low, high = told["min"], told["max"]
        outside = (low is not None and value < low) or (high is not None and value > high)
        if outside or not math.isfinite(value):
            raise DataError(f"{words} must lie between {low} and {high}, got {value}. Correct it.")
    return value


def option_flags(task: Task) -> list[tuple[str, type[Any], Any, str]]:
    """(name, type, default, help with choices and unit) of each option of a task, for the command line."""
    kinds = option_types(task.Config)
    listed = dataclasses.fields(task.Config)
    return [(item.name, kinds[item.name], item.default, _described(item.metadata)) for item in listed]


def _described(told: Mapping[str, Any]) -> str:
    choices = f" ({', '.join(map(str, told['choices']))})" if told["choices"] else ""
    unit = f" [{told['unit']}]" if told["unit"] else ""
    return f"{told['help']}{choices}{unit}"
