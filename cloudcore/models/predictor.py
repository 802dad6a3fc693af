"""A model that answers: loaded, checked, and run by ONNX Runtime."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import images, masks
from cloudcore.errors import ModelError
from cloudcore.files import opening
from cloudcore.models.folder import find_folder
from cloudcore.models.model_info import ModelInfo, Rejection
from cloudcore.photographs.rejection import distance
from cloudcore.settings import Settings

LARGEST = 1 << 30
SMALLEST_SIDE = 16


@dataclass(frozen=True)
class Predictor:
    """A loaded model: call it with an image (H, W, 3) uint8 of 16 px a side or more, get probabilities, float32.

    (H, W) for kind mask, (K, H, W) for masks, (K,) for class; every pixel is answered. classes, threshold and min_size
    have one entry a class; min_size counts px of grid_hw, or of the image itself where that is None. info is
    model.json.

    >>> predictor = load("sky")
    >>> image = np.zeros((48, 64, 3), np.uint8)
    >>> predictor(image).shape, predictor.mask(image).dtype
    ((48, 64), dtype('bool'))
    >>> predictor.classes, predictor.threshold, predictor.info["kind"]
    (('cloud',), (0.5,), 'mask')
    """

    folder: Path
    info: ModelInfo
    session: Any

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the output."""
        return self.info.classes

    @property
    def threshold(self) -> tuple[float, ...]:
        """A pixel is cloud where probability > threshold."""
        return self.info.threshold

    @property
    def min_size(self) -> tuple[int, ...]:
        """A component stays when its area > min_size."""
        return self.info.min_size

    @property
    def grid_hw(self) -> tuple[int, int] | None:
        """The grid min_size is counted on; None: the image's own."""
        return self.info.grid_hw

    def __call__(self, image: images.Image, out_hw: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """Probabilities of an image, at its own size or straight on the grid out_hw.

        Raises ModelError for another shape, type or a side below 16 px.
        """
        _check_image(image)
        if self.info.kind == "class":
            return self.classify(image).probability
        logits = self._logits(image, out_hw) / self.info.temperature
        with np.errstate(over="ignore"):
            probability = np.asarray(1 / (1 + np.exp(-logits)), np.float32)
        return probability[0] if self.info.kind == "mask" else probability

    def mask(
        self, image: images.Image, valid: masks.Mask | None = None, out_hw: tuple[int, int] | None = None
    ) -> masks.Mask:
        """Cloud at the model's own thresholds and smallest sizes, bool (H, W) for kind mask, (K, H, W) for masks.

        It has the image's size or out_hw, and so has valid, outside which nothing is cloud. Components are counted on
        grid_hw; where that is another size, the masks are resized by nearest neighbour. Raises ModelError as calling
        it does, and for a model of kind class.
        """
        if self.info.kind == "class":
            raise ModelError(f"{self.folder.name} answers one class an image, so it has no mask. Choose another model.")
        wanted_hw = out_hw or (image.shape[0], image.shape[1])
        grid_hw = self.grid_hw or wanted_hw
        probability = self(image, grid_hw)
        counted = None if valid is None else _nearest(masks.as_mask(valid, "valid mask", wanted_hw), grid_hw)
        planes = probability[None] if self.info.kind == "mask" else probability
        each = zip(planes, self.threshold, self.min_size, strict=False)  # kind mask has one plane
        cleaned = [_nearest(masks.clean(plane, level, size, counted), wanted_hw) for plane, level, size in each]
        found = np.stack(cleaned) if valid is None or grid_hw == wanted_hw else np.stack(cleaned) & valid
        return found[0] if self.info.kind == "mask" else found

    def logits(self, image: images.Image) -> NDArray[np.float32]:
        """What a class model answers before temperature and softmax, float32 (K,)."""
        return self._answers(image)[0]

    def classify(self, image: images.Image) -> "ClassPrediction":
        """All a class model says of an image, from one run of its graph. Raises ModelError as calling it does."""
        _check_image(image)
        answers = self._answers(image)
        scaled = answers[0].astype(np.float64) / self.info.temperature
        raised = np.exp(scaled - scaled.max())
        rule = self.info.rejection or Rejection()
        score = strength(answers[0], rule.by) * rule.scale
        score -= rule.distance_scale * distance(image, rule.statistics)
        maps = answers[1] if len(answers) > 1 else None
        return ClassPrediction(np.asarray(raised / raised.sum(), np.float32), score, score >= rule.threshold, maps)

    def activation_map(self, image: images.Image, number: int | None = None) -> NDArray[np.float32] | None:
        """Class activation map of class `number` (the answer by default), float32 (H, W) in 0..1.

        None for a model whose graph gives no maps.
        """
        return self.classify(image).activation_map((image.shape[0], image.shape[1]), number)

    def _answers(self, image: images.Image) -> list[NDArray[np.float32]]:
        """Every output of a class graph for one image, resized to the square it wants, whole."""
        side = self.info.input.side
        x = self._normalised(images.resize(image, (side, side)))
        return [answer[0] for answer in self.session.run(None, {self.session.get_inputs()[0].name: x})]

    def _normalised(self, padded: images.Image) -> NDArray[np.float32]:
        mean, std = (np.asarray(value, np.float32) * 255 for value in (self.info.mean, self.info.std))
        return np.ascontiguousarray(((padded.astype(np.float32) - mean) / std).transpose(2, 0, 1)[None])

    def _logits(self, image: images.Image, out_hw: tuple[int, int] | None) -> NDArray[np.float32]:
        """Logits at out_hw or the image's size: resized to the input's size, padded to its multiple, answered, undone.

        The input is either a fixed shape (hw) or the image's own with a shorter side (side).
        """
        import cv2

        wanted = self.info.input
        height, width = out_hw or image.shape[:2]
        small_hw = wanted.hw or _input_hw(image.shape[:2], wanted.side)
        small = images.resize(image, small_hw)
        rows, columns = small.shape[:2]
        missing = (-rows % wanted.multiple, -columns % wanted.multiple)
        padded = np.pad(small, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        answer = self.session.run(None, {self.session.get_inputs()[0].name: self._normalised(padded)})[0][0]
        cut = answer[:, :rows, :columns]
        if (rows, columns) == (height, width):
            return np.asarray(cut, np.float32)
        sized = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in cut]
        return np.asarray(np.stack(sized), np.float32)

    @cached_property
    def trained_on(self) -> frozenset[str]:
        """sha256 of every image file this model learnt from."""
        return frozenset(self.info.trained_on.images)


@dataclass(frozen=True)
class ClassPrediction:
    """What a class model says of one image: probabilities (K,), a score of how alike it is to what was learnt, whether
    that is enough to be accepted, and a class activation map (h, w) of each class where the graph gives them."""

    probability: NDArray[np.float32]
    score: float
    accepted: bool
    maps: NDArray[np.float32] | None = None

    def activation_map(self, shape_hw: tuple[int, int], number: int | None = None) -> NDArray[np.float32] | None:
        """Class activation map of class `number` (the answer by default) at a size, float32 in 0..1; None without maps.

        Activations below 0 are cut to 0 and the highest is 1.
        """
        import cv2

        if self.maps is None:
            return None
        chosen = self.maps[int(self.probability.argmax()) if number is None else number]
        sized = cv2.resize(chosen, shape_hw[::-1], interpolation=cv2.INTER_CUBIC)
        positive = np.maximum(sized - min(0.0, float(sized.mean())), 0)
        return np.asarray(positive / max(float(positive.max()), 1e-6), np.float32)


def strength(logits: NDArray[Any], by: str) -> float:
    """How strongly a classifier answers: "energy" is logsumexp(logits) (Liu et al. 2020), "max_logit" their maximum."""
    top = float(logits.max())
    return top if by == "max_logit" else top + math.log(float(np.exp(logits.astype(np.float64) - top).sum()))


def _check_image(image: images.Image) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ModelError(
            f"This model wants a uint8 image (H, W, 3), got {image.dtype} {tuple(image.shape)}. Convert it to RGB."
        )
    if min(image.shape[:2]) < SMALLEST_SIDE:
        raise ModelError(f"An image of {image.shape[0]} × {image.shape[1]} px is below 16 px a side. Use a larger one.")


def _nearest(plane: masks.Mask, out_hw: tuple[int, int]) -> masks.Mask:
    """A mask on another grid, by nearest neighbour; itself where it has that size."""
    import cv2

    if plane.shape == out_hw:
        return plane
    sized = cv2.resize(plane.view(np.uint8), out_hw[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(sized, np.bool_)


def _input_hw(shape_hw: tuple[int, ...], side: int) -> tuple[int, int]:
    if side <= 0:
        return shape_hw[0], shape_hw[1]
    scale = side / min(shape_hw)
    return max(1, round(shape_hw[0] * scale)), max(1, round(shape_hw[1] * scale))


def load(name_or_folder: str | Path, settings: Settings | None = None) -> Predictor:
    """A predictor, run by ONNX Runtime on the CPU. Raises ModelError for anything missing, damaged or unsafe.

    >>> image = np.full((96, 128, 3), (40, 60, 110), np.uint8)
    >>> predictor = load("sky")
    >>> probability = predictor(image)
    >>> predictor.classes, probability.shape, probability.dtype
    (('cloud',), (96, 128), dtype('float32'))
    """
    folder = find_folder(name_or_folder, settings)
    info = ModelInfo.read(folder)
    path = folder / "model.onnx"
    _check_onnx(path, info)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except _onnx_errors() as problem:
        raise ModelError(f"model.onnx of {folder.name} is damaged or of another kind. Export it again.") from problem
    predictor = Predictor(folder, info, session)
    _check_answer(predictor)
    return predictor


def _onnx_errors() -> tuple[type[Exception], ...]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    refused = (state.InvalidGraph, state.InvalidProtobuf, state.InvalidArgument, state.NoSuchFile, state.NotImplemented)
    return (*refused, state.Fail, state.RuntimeException)


def _check_onnx(path: Path, info: ModelInfo) -> None:
    if not path.is_file():
        raise ModelError(f"{path.parent.name} has no model.onnx. Export the model again.")
    size = path.stat().st_size
    if size > LARGEST:
        raise ModelError(f"{path} holds {size >> 20} MiB, more than 1 GiB. Export a smaller model.")
    with path.open("rb") as file:
        head = file.read(16)
    if head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") or head[:4] == b"PK\x03\x04":
        raise ModelError(
            f"{path.name} of {path.parent.name} is a pickle, not ONNX, and is not opened. Export ONNX instead."
        )
    wanted = info.files.get("model.onnx")
    if wanted and opening.sha256_of(path) != wanted:
        raise ModelError(
            f"{path.name} of {path.parent.name} is not the file model.json describes. Copy the folder again."
        )


def _check_answer(predictor: Predictor) -> None:
    """One small frame through the graph: a graph of other inputs or with NaN inside is found here, in words."""
    wanted = predictor.info.input
    if wanted.hw:  # a fixed shape is made small, as a large network takes seconds for its own
        wanted = replace(wanted, hw=(2 * wanted.multiple + 32,) * 2)
    elif predictor.info.kind != "class":
        wanted = replace(wanted, side=0)  # the small frame as it is
    small = replace(predictor, info=replace(predictor.info, input=wanted))
    try:
        answer = small(np.full((32, 32, 3), 128, np.uint8))
    except _onnx_errors() as problem:
        raise ModelError(f"{predictor.folder.name} is of another architecture than its model.json says.") from problem
    expected = 1 if predictor.info.kind == "mask" else len(predictor.classes)
    got = 1 if answer.ndim == 2 else answer.shape[0]
    if got != expected:
        raise ModelError(
            f"{predictor.folder.name} answers {got} classes, model.json names {expected}. Export it again."
        )
    if not np.isfinite(answer).all():
        raise ModelError(f"{predictor.folder.name} answers NaN: its weights are damaged. Take an earlier one.")
