"""What tasks of kind class share: the parts of their data, the scorer of an epoch, scores of the exported model."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from cloudcore import images, models
from cloudcore.learning.settings import BatchSettings
from cloudcore.learning.task import Device, Tensor, ValidationSample
from cloudcore.models import class_evaluation
from cloudcore.photographs.folders import Example

SHOWN_PX = 224
Draw = Callable[[images.Image], images.Image]
Settings = TypeVar("Settings", bound=BatchSettings)


def labels(examples: Sequence[Example]) -> NDArray[np.int64]:
    """Class numbers, int64 (N,)."""
    return np.array([example.photo.label for example in examples], np.int64)


def base_words(examples: Sequence[Example], classes: Sequence[str]) -> str:
    """Accuracy of always answering the commonest class, in words."""
    counts = np.bincount(labels(examples), minlength=len(classes))
    name = classes[int(counts.argmax())]
    return f"always answering {name} would be right in {counts.max() / counts.sum():.3f} of {counts.sum()}"


def score_model(
    predictor: models.Predictor, test: Sequence[Example], valid: Sequence[Example], classes: Sequence[str]
) -> dict[str, Any]:
    """Scores of the exported model on the test pictures, on the validation ones without a test part."""
    part, name = (test, "test") if test else (valid, "validation")
    scores: dict[str, Any] = {"n": len(part), "part": name}
    if not part:
        return scores
    probabilities = np.stack([predictor.classify(example.image).probability for example in part])
    truth = labels(part)
    matrix = class_evaluation.confusion_matrix(truth, probabilities.argmax(axis=1), len(classes))
    return {
        **scores,
        "metrics": class_evaluation.score(probabilities, truth),
        "confusion": matrix.tolist(),
        "reliability": class_evaluation.reliability(probabilities, truth),
    }


@dataclass
class ClassParts(Generic[Settings]):
    """What is the same of all data of kind class once it is split; a task's own data adds its batches."""

    config: Settings
    classes: tuple[str, ...]
    train: list[Example]
    valid: list[Example]
    test: list[Example]
    note: str
    stems: dict[str, list[str]] = field(default_factory=dict)
    grid_hw: tuple[int, int] | None = None
    device: Device = "cpu"
    on_device: Any = None
    """DeviceImages of what is learnt from, from the first batch made on a GPU."""

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return max(1, math.ceil(len(self.train) / self.config.batch))

    @property
    def validation_steps(self) -> int:
        """Batches of a validation."""
        return max(1, math.ceil(len(self.valid) / self.config.batch))

    @property
    def train_hashes(self) -> list[str]:
        """sha256 of every picture learnt from."""
        return sorted(example.photo.sha256 for example in self.train)

    @property
    def base_words(self) -> str:
        """Accuracy of always answering the commonest class of what is held out, or of what is learnt."""
        return base_words(self.valid or self.train, self.classes)

    def score(self, predictor: models.Predictor) -> dict[str, Any]:
        """Scores of the exported model on the test pictures (on the validation ones without a test part)."""
        return score_model(predictor, self.test, self.valid, self.classes)


class ClassScorer:
    """Probabilities and classes of an epoch's validation; draw makes a picture one that people can look at."""

    def __init__(self, shown: Sequence[Example], draw: Draw = lambda image: image) -> None:
        self.shown, self.draw = shown, draw
        self.answers: list[NDArray[np.float32]] = []
        self.truth: list[NDArray[np.int64]] = []

    def add(self, logits: Tensor, target: Tensor) -> None:
        """Logits (N, K) and classes (N,)."""
        self.answers.append(logits.float().softmax(1).cpu().numpy())
        self.truth.append(target.cpu().numpy())

    def row(self) -> dict[str, float]:
        """macro F1, top-3, accuracy, error rate, ECE and the share of the commonest class."""
        if not self.answers:
            return {}
        probabilities, truth = np.concatenate(self.answers), np.concatenate(self.truth)
        values = class_evaluation.point_scores(probabilities, truth)
        base = float(np.bincount(truth).max() / len(truth))
        return {**values, "error_rate": 1 - values["accuracy"], "base_rate": base}

    def pictures(self, each: int) -> list[ValidationSample]:
        """The pictures whose true class got the lowest and the highest probability."""
        if not self.answers:
            return []
        given = np.concatenate(self.answers)[np.arange(len(self.shown)), np.concatenate(self.truth)]
        order = np.argsort(given, kind="stable")
        chosen = [(i, "worst") for i in order[:each]] + [(i, "best") for i in order[each:][-each:]]
        return [
            ValidationSample(kind, self.shown[i].photo.stem, float(given[i]), self._picture(i)) for i, kind in chosen
        ]

    def _picture(self, index: int) -> images.Image:
        return images.resize(self.draw(self.shown[index].image), (SHOWN_PX, SHOWN_PX))


def fit_temperature(logits: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """The temperature in 0.2..5 of least log loss (Guo et al. 2017): logits (N, K), classes (N,)."""
    grid = np.geomspace(0.2, 5, 321)
    losses = [_log_loss(logits / temperature, truth) for temperature in grid]
    return round(float(grid[int(np.argmin(losses))]), 4)


def _log_loss(logits: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    raised = logits - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(raised).sum(axis=1)) - raised[np.arange(len(truth)), truth]))
