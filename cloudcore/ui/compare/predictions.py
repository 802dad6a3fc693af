"""Frames with truth, predicted once and kept on disk as levels; counts of every slider step; scores over frames.

A frame's levels hold its mask at every threshold, so nothing else of a prediction is kept. No Streamlit here.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore import images, models
from cloudcore.errors import DataError
from cloudcore.files import atomic, opening
from cloudcore.files.opening import sha256_of
from cloudcore.frames import labelled, listing
from cloudcore.labels import LabelStore, of_frames
from cloudcore.masks import bootstrap, mask, sweep
from cloudcore.satellite import table as satellite_table
from cloudcore.ui import lens

MOST_PIXELS = 2_200_000  # a larger frame is looked at and scored on every second, third ... pixel
SMALLEST_N = 20  # fewer frames get no interval
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A frame with truth: the store's head (revision > 0), the mask file of a pair, or a pattern of a label table."""

    stem: str
    path: Path
    time: datetime | None
    revision: int
    pair: labelled.Pair | None
    table: satellite_table.Table | None = None
    pattern: str = ""
    picture: str = ""

    @property
    def identity(self) -> str:
        """Changes when the image or its truth does."""
        if self.table is not None:
            return f"{_file_mark(self.path)}|{self.table.key}|{self.pattern}"
        truth = (
            f"revision {self.revision} {self.picture}"
            if self.revision
            else _file_mark(self.pair.mask if self.pair else self.path)
        )
        return f"{_file_mark(self.path)}|{truth}"


@dataclass(frozen=True)
class Counts:
    """Pixels at every slider step: predicted and hit, int64 (T, M); truth and defined pixels of the frame."""

    predicted: Ints
    hit: Ints
    truth: int
    defined: int

    def dice(self) -> Floats:
        """Dice of every step, (T, M); 1 where prediction and truth are both empty."""
        return sweep.dice_of(self.predicted, self.hit, self.truth)

    def confusion(self, k: int, m: int) -> Ints:
        """(tp, fp, fn, tn) at a step, in pixels."""
        tp, predicted = int(self.hit[k, m]), int(self.predicted[k, m])
        false, missed = predicted - tp, self.truth - tp
        return np.array([tp, false, missed, self.defined - tp - false - missed], np.int64)

    def __add__(self, other: "Counts") -> "Counts":
        """Two frames' pixels pooled."""
        truth, defined = self.truth + other.truth, self.defined + other.defined
        return Counts(self.predicted + other.predicted, self.hit + other.hit, truth, defined)


def cases(
    frames: Sequence[listing.Frame],
    folder: Path,
    store: LabelStore,
    label_set: str,
    hash_of: of_frames.Hash = sha256_of,
) -> list[Case]:
    """The frames that have truth: a label painted on this very picture first, else a mask beside the images.

    Masks beside them are those of ../masks or ../pairs.csv.
    """
    hash_of = cache(hash_of)
    heads = of_frames.heads(store, label_set, frames, hash_of)
    beside: dict[str, labelled.Pair] = {}
    if (folder.parent / "pairs.csv").is_file() or (folder.parent / "masks").is_dir():
        try:
            beside = {pair.stem: pair for pair in labelled.pairs(folder.parent)}
        except DataError:
            beside = {}
    found = []
    for frame in frames:
        revision = heads[frame.stem].revision if frame.stem in heads else 0
        if revision or frame.stem in beside:
            picture = hash_of(frame.path) if revision else ""
            found.append(Case(frame.stem, frame.path, frame.time, revision, beside.get(frame.stem), picture=picture))
    return found


def cases_of_folder(folder: Path) -> list[Case]:
    """Every labelled frame of a data folder. Raises DataError in words where there is none."""
    return [Case(pair.stem, pair.image, listing.time_of(pair.image.name), 0, pair) for pair in labelled.pairs(folder)]


def cases_of_table(table: satellite_table.Table, folder: Path, pattern: str) -> list[Case]:
    """The images of a label table that are in the folder, their truth being one pattern, empty or not."""
    found = [name for name in table.images if (folder / name).is_file()]
    return [Case(Path(name).stem, folder / name, None, 0, None, table, pattern) for name in found]


def read(case: Case, store: LabelStore, label_set: str) -> tuple[images.Image, mask.Label]:
    """(image (H, W, 3), label 0/128/255 (H, W)), both thinned alike where the frame is over MOST_PIXELS.

    An image of the label table is read on the 350 x 525 grid, where patterns are scored.
    Raises ImageError for a broken file and DataError for a label of another size or none.
    """
    if case.table is not None:
        grid = satellite_table.GRID_HW
        label = mask.to_label(case.table.mask(case.path.name, case.pattern, grid))
        return images.resize(images.read(case.path), grid), label
    if case.revision:
        head = store.head(label_set, case.stem, case.picture)
        if head is None:
            raise DataError(f"The label of {case.stem} is gone from the store. Choose another frame.")
        image, label = images.read(case.path), head.mask
    elif case.pair is not None:
        image, label = labelled.read_pair(case.pair)
    else:
        raise DataError(f"No truth for {case.stem}. Paint it, or choose another frame.")
    if label.shape != image.shape[:2]:
        raise DataError(
            f"The label of {case.stem} is {label.shape[0]} × {label.shape[1]} px (h × w), its image {image.shape[0]} × "
            f"{image.shape[1]}. Paint it again, or put the old image back."
        )
    step = thinning(image.shape[:2])
    if step > 1:
        label = np.ascontiguousarray(label[::step, ::step])
        image = images.resize(image, label.shape)
    return image, label


def thinning(shape_hw: tuple[int, ...]) -> int:
    """Every how many pixels a frame is looked at: 1 up to MOST_PIXELS."""
    step = 1
    while -(-shape_hw[0] // step) * -(-shape_hw[1] // step) > MOST_PIXELS:
        step += 1
    return step


def model_mark(model: models.Predictor) -> str:
    """Names what a model answers, whatever its default threshold: the sha256 of its graph, and its temperature."""
    graph = model.info.files.get("model.onnx") or _file_mark(model.folder / "model.onnx")
    return hashlib.sha256(json.dumps([graph, model.info["temperature"], model.info["input"]]).encode()).hexdigest()[:24]


def levels_file(folder: Path, model: models.Predictor, case: Case, grid: lens.Grid) -> Path:
    """Where the levels of a frame are kept below folder; another image, model or threshold is another file."""
    steps = hashlib.sha256(np.asarray(grid.thresholds, np.float32).tobytes()).hexdigest()
    name = hashlib.sha256(f"{_file_mark(case.path)}|{steps}".encode()).hexdigest()[:32]
    return folder / model_mark(model) / f"{name}.png"


def levels(folder: Path, model: models.Predictor, case: Case, image: images.Image, grid: lens.Grid) -> lens.Levels:
    """Levels of a frame, uint8 (H, W) for kind mask, read from disk or predicted and kept there.

    A model of several classes keeps its planes one below the other: (K * H, W). See `plane`.
    """
    path = levels_file(folder, model, case, grid)
    if path.is_file():
        kept = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if kept is not None and kept.shape[1] == image.shape[1] and kept.shape[0] % image.shape[0] == 0:
            return np.asarray(kept, np.uint8)
    several = model.info.kind == "masks"  # these answer for the whole image, on the grid that is looked at
    probability = model(images.read(case.path), image.shape[:2]) if several else model(image)
    found = lens.levels(probability, grid.thresholds).reshape(-1, image.shape[1])
    _keep(path, found)
    return found


def plane(stacked: lens.Levels, height: int, index: int = 0) -> lens.Levels:
    """The levels of one class, (H, W), out of planes kept one below the other."""
    return stacked[index * height : (index + 1) * height]


def count(level: lens.Levels, label: mask.Label, grid: lens.Grid) -> Counts:
    """Pixels at every slider step; exact, as level > k is probability > thresholds[k]."""
    cloud, valid = mask.from_label(label)
    halves = np.arange(len(grid.thresholds), dtype=np.float32) + np.float32(0.5)
    predicted, hit, truth = sweep.counts_sweep(level.astype(np.float32), cloud & valid, halves, grid.min_sizes, valid)
    return Counts(predicted, hit, int(truth), int(np.count_nonzero(valid)))


def masks_at(
    level: lens.Levels, label: mask.Label, grid: lens.Grid, k: int, m: int
) -> tuple[mask.Mask, mask.Mask, mask.Mask]:
    """(prediction, truth, valid) at a slider step, each bool (H, W)."""
    cloud, valid = mask.from_label(label)
    return mask.remove_small((level > k) & valid, grid.min_sizes[m]), cloud & valid, valid


def scores(found: Ints) -> dict[str, Any]:
    """Sky scores of pooled pixels: found is int64 (..., n, 4) of (tp, fp, fn, tn) a frame; each score is (...,).

    NaN where a score is undefined. cloud_error is the mean over frames of the absolute difference in cloud fraction.
    """
    tp, fp, fn, tn = (found[..., at].sum(axis=-1).astype(np.float64) for at in range(4))
    pixels = np.maximum(found.sum(axis=-1), 1)
    frame_error = np.abs(found[..., 1] - found[..., 2]) / pixels
    with np.errstate(divide="ignore", invalid="ignore"):
        every, union, either = tp + fp + fn + tn, tp + fp + fn, 2 * tp + fp + fn
        sky_union = tn + fp + fn
        cloud_iou = np.where(union > 0, tp / union, 1.0)
        sky_iou = np.where(sky_union > 0, tn / sky_union, 1.0)
        return {
            "accuracy": (tp + tn) / every,
            "base_rate": np.maximum(tp + fn, tn + fp) / every,
            "dice": np.where(either > 0, 2 * tp / either, 1.0),
            "iou": cloud_iou,
            "miou": (cloud_iou + sky_iou) / 2,
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "cloud_predicted": (tp + fp) / every,
            "cloud_truth": (tp + fn) / every,
            "cloud_error": frame_error.mean(axis=-1),
        }


def intervals(found: Ints, seed: int = 0) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals of the scores over frames, found (n, 4); empty below SMALLEST_N frames."""
    if len(found) < SMALLEST_N:
        return {}
    drawn = scores(found[bootstrap.draw(len(found), seed=seed)])
    return {name: bootstrap.percentiles(values) for name, values in drawn.items() if np.isfinite(values).any()}


@lru_cache(maxsize=20_000)
def _sha256(path: Path, mark: str) -> str:
    return opening.sha256_of(path)


def trained_on(model: models.Predictor, case: Case) -> bool:
    """Whether the model learnt from exactly this image file."""
    return bool(model.trained_on) and _sha256(case.path, _file_mark(case.path)) in model.trained_on


def _file_mark(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return f"{path} is gone"
    return f"{path}|{found.st_size}|{found.st_mtime_ns}"


def _keep(path: Path, found: lens.Levels) -> None:
    packed = cv2.imencode(".png", found, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
    atomic.replace_file(path, packed.tobytes(), durable=False)  # read as damaged after a power cut, and made again
