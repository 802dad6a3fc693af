"""What a task is: a problem to learn, described once, from which form, flags and config.json derive."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cloudcore.frames.preflight import Preflight


@dataclass(frozen=True)
class ValidationSample:
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

    def pictures(self, each: int) -> list[ValidationSample]:
        """At most `each` of the worst and as many of the best samples, worst first."""


class TrainingData(Protocol):
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
    dataset: Callable[..., TrainingData]
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
