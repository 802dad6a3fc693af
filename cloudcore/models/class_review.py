"""A folder of classes under a model: the loss of every photograph, confusions and calibration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.errors import ImageError
from cloudcore.files import opening
from cloudcore.models import class_evaluation, predictor
from cloudcore.photographs import folders


@dataclass(frozen=True)
class Reviewed:
    """A photograph with what the model said of it; learnt: the model was trained on it."""

    photo: folders.Photo
    probability: NDArray[np.float32]
    learnt: bool

    @property
    def predicted(self) -> int:
        """Number of the class answered."""
        return int(self.probability.argmax())

    @property
    def loss(self) -> float:
        """Cross-entropy: minus the logarithm of the probability of the photograph's own class."""
        return float(-np.log(max(float(self.probability[self.photo.label]), 1e-7)))


@dataclass(frozen=True)
class Review:
    """All photographs of a folder under one model, and what could not be read."""

    classes: tuple[str, ...]
    photos: tuple[Reviewed, ...]
    refused: tuple[str, ...]

    def part(self, learnt: bool | None) -> list[Reviewed]:
        """Those learnt from, those held out, or all (None), the highest loss first."""
        found = [one for one in self.photos if learnt is None or one.learnt == learnt]
        return sorted(found, key=lambda one: (-one.loss, one.photo.stem))


def review(model: predictor.Predictor, folder: Path, progress: Callable[[int, int], None] | None = None) -> Review:
    """Classify every photograph of a folder whose classes the model knows. Raises DataError where there is none."""
    photos = folders.list_photos(folder, model.classes)
    found, refused = [], []
    for number, photo in enumerate(photos, 1):
        try:
            probability = model(images.read(photo.path))
        except ImageError as problem:
            refused.append(str(problem))
            continue
        found.append(Reviewed(photo, probability, opening.sha256_of(photo.path) in model.trained_on))
        if progress:
            progress(number, len(photos))
    return Review(model.classes, tuple(found), tuple(refused))


def matrix(photos: Sequence[Reviewed], classes: int) -> NDArray[np.int64]:
    """Counts (K, K): rows the folder's class, columns the answer."""
    truth = np.array([one.photo.label for one in photos], np.intp)
    return class_evaluation.confusion_matrix(truth, np.array([one.predicted for one in photos], np.intp), classes)


def confused_pairs(counts: NDArray[np.int64], classes: Sequence[str]) -> list[tuple[str, str, int]]:
    """(class, answer, count) off the diagonal, the most frequent first."""
    pairs = [
        (classes[i], classes[j], int(counts[i, j]))
        for i in range(len(classes))
        for j in range(len(classes))
        if i != j and counts[i, j]
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[:2]))


def reliability(photos: Sequence[Reviewed]) -> list[dict[str, Any]]:
    """Ten bins of the top probability, as class_evaluation.reliability gives them."""
    probabilities = np.stack([one.probability for one in photos])
    return class_evaluation.reliability(probabilities, np.array([one.photo.label for one in photos], np.intp))
