"""What a task is: a problem to learn, described once, from which form, flags and config.json derive."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypeVar

from cloudcore import images, models
from cloudcore.frames.preflight import Preflight
from cloudcore.learning.settings import TrainingSettings

Kind: TypeAlias = Literal["mask", "masks", "class"]
"""One probability a pixel, one a pixel and class, or one an image; pages dispatch on it."""
Tensor: TypeAlias = Any
"""A torch.Tensor; torch is loaded when a training starts, so its types stand here by name alone."""
Network: TypeAlias = Any
"""A torch.nn.Module."""
Device: TypeAlias = Any
"""A torch.device, or its name."""
Weights: TypeAlias = dict[str, Tensor]
"""A state dict: tensors by name."""
Batches: TypeAlias = Iterator[tuple[Tensor, Tensor]]
"""Pairs of x float32 (N, C, h, w) and the target of a task."""
Progress: TypeAlias = Callable[[int, int], None]
"""progress(done, of)."""
Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""loss(logits, target): a scalar tensor with a gradient."""


@dataclass(frozen=True)
class ValidationSample:
    """A validation sample as a picture (H, W, 3): its stem, its score, and whether it is one of the worst or best."""

    kind: str
    stem: str
    score: float
    picture: NDArray[np.uint8]


class Scorer(Protocol):
    """Scores of one epoch's validation: a batch at a time, then a row of history and a strip of pictures."""

    def add(self, logits: Tensor, target: Tensor) -> None:
        """Take in the next validation batch, tensors as the network and the data gave them."""

    def row(self) -> dict[str, float]:
        """The epoch's scores by name; NaN where one is undefined, nothing without validation."""

    def pictures(self, each: int) -> Sequence[ValidationSample]:
        """At most `each` of the worst and as many of the best samples, worst first."""


class TrainingData(Protocol):
    """A data folder ready to be learnt from. Batches are a function of seed and epoch alone."""

    classes: tuple[str, ...]
    note: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    stems: dict[str, list[str]]
    grid_hw: tuple[int, int] | None
    """The grid that min_size counts pixels on, None for each image's own."""
    device: Device
    """The torch device batches are made on: "cpu", until the loop sets the one it learns on."""

    @property
    def train(self) -> Sequence[object]:
        """What is learnt from, one entry an image."""

    @property
    def valid(self) -> Sequence[object]:
        """What is held out for validation, one entry an image."""

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

    def batches(self, epoch: int) -> Batches:
        """Training batches of an epoch: the same for the same seed and epoch."""

    def validation(self) -> Batches:
        """Validation batches, always the same."""

    def scorer(self) -> Scorer:
        """A fresh scorer for an epoch."""

    def score(self, predictor: models.Predictor) -> dict[str, Any]:
        """Scores of the exported model itself on what was held out: {n, metrics: {name: {value, low, high, n}}}."""


ConfigT = TypeVar("ConfigT", bound=TrainingSettings, default=Any)
DataT = TypeVar("DataT", bound=TrainingData, default=Any)
_Config = TypeVar("_Config", contravariant=True)
_DataIn = TypeVar("_DataIn", contravariant=True)
_DataOut = TypeVar("_DataOut", covariant=True)


class ReadsData(Protocol[_Config, _DataOut]):
    """Reads a data folder and splits it. Raises DataError where nothing can be learnt."""

    def __call__(self, config: _Config, folder: Path, progress: Progress | None = None, /) -> _DataOut:
        """The data, ready to be learnt from."""


class MakesNetwork(Protocol[_Config]):
    """Builds a fresh network with raw logits. Raises ModelError for a network or weights that cannot be had."""

    def __call__(self, config: _Config, classes: int, /) -> Network:
        """The torch module: normalised x (N, 3, H, W) -> logits."""


class MakesLoss(Protocol[_Config]):
    """Makes the function that training minimises."""

    def __call__(self, config: _Config, /) -> Loss:
        """loss(logits, target)."""


class GoesForward(Protocol[_Config]):
    """Runs a network as it is trained, which may differ from how it is exported."""

    def __call__(self, config: _Config, net: Network, x: Tensor, /) -> Tensor:
        """Logits of a training or validation batch."""


class Deploys(Protocol[_Config]):
    """Turns a trained network into what is exported."""

    def __call__(self, config: _Config, net: Network, /) -> tuple[Network, dict[str, Any]]:
        """(module to export, what its input must be, for model.json)."""


class Calibrates(Protocol[_DataIn]):
    """Fits entries of model.json with the exported model on the validation part."""

    def __call__(self, prepared: _DataIn, predictor: models.Predictor, /) -> dict[str, Any]:
        """Entries of model.json, such as the temperature."""


class Varies(Protocol[_Config]):
    """Draws what the augmentation makes of a picture."""

    def __call__(self, config: _Config, picture: images.Image, count: int, /) -> list[images.Image]:
        """`count` variants (H, W, 3) as people look at them."""


def _run_network(config: object, net: Network, x: Tensor) -> Tensor:
    return net(x)


def _export_as_trained(config: object, net: Network) -> tuple[Network, dict[str, Any]]:
    return net, {}


def _calibrate_nothing(prepared: object, predictor: models.Predictor) -> dict[str, Any]:
    return {}


def _draw_as_stored(picture: images.Image) -> images.Image:
    return picture


@dataclass(frozen=True)
class Task(Generic[ConfigT, DataT]):
    """A problem to learn, generic in its settings and its data.

    Config is a frozen dataclass made of `option` fields. metrics names the columns of a history row; the first one
    decides which epoch is best. preflight looks at a data folder before anything starts. presets are named sets of
    option values. draw makes a picture of the data one that people can look at. variants is None where a task shows no
    variants of a picture.
    """

    name: str
    title: str
    kind: Kind
    Config: type[ConfigT]
    dataset: ReadsData[ConfigT, DataT]
    network: MakesNetwork[ConfigT]
    loss: MakesLoss[ConfigT]
    metrics: tuple[str, ...]
    preflight: Callable[[Path], Preflight]
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    forward: GoesForward[ConfigT] = _run_network
    deploy: Deploys[ConfigT] = _export_as_trained
    calibrate: Calibrates[DataT] = _calibrate_nothing
    draw: Callable[[images.Image], images.Image] = _draw_as_stored
    variants: Varies[ConfigT] | None = None
