"""A model folder: model.onnx, weights.safetensors and model.json; and the predictors that answer for any image."""

import hashlib
import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import images, runs
from cloudcore import settings as settings_module
from cloudcore.errors import ModelError
from cloudcore.picture_statistics import distance
from cloudcore.settings import Settings

ZOO = Path(__file__).parent / "zoo"
LARGEST = 1 << 30
SMALLEST_SIDE = 16
KINDS = ("mask", "masks", "class")
"""What a model may answer with: one mask, one mask a class, one class."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}")
_REQUIRED = ("task", "kind", "classes", "input", "mean", "std", "threshold", "min_size", "temperature")
_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".bin")


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be loaded: its name, folder and model.json; shipped ones come with the package."""

    name: str
    title: str
    folder: Path
    task: str
    kind: str
    shipped: bool
    info: Mapping[str, Any]


@dataclass(frozen=True)
class Predictor:
    """A loaded model: call it with an image (H, W, 3) uint8 of 16 px a side or more, get probabilities, float32.

    (H, W) for kind mask, (K, H, W) for masks, (K,) for class; every pixel is answered. classes, threshold and min_size
    have one entry a class; min_size counts px of grid_hw, or of the image itself where that is None.
    """

    folder: Path
    info: Mapping[str, Any]
    session: Any

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the output."""
        return tuple(self.info["classes"])

    @property
    def threshold(self) -> tuple[float, ...]:
        """A pixel is cloud where probability > threshold."""
        return tuple(float(value) for value in self.info["threshold"])

    @property
    def min_size(self) -> tuple[int, ...]:
        """A component stays when its area > min_size."""
        return tuple(int(value) for value in self.info["min_size"])

    @property
    def grid_hw(self) -> tuple[int, int] | None:
        """The grid min_size is counted on; None: the image's own."""
        grid = self.info.get("grid_hw")
        return (int(grid[0]), int(grid[1])) if grid else None

    def __call__(self, image: images.Image, out_hw: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """Probabilities of an image, at its own size or straight on the grid out_hw.

        Raises ModelError for another shape, type or a side below 16 px.
        """
        _check_image(image)
        if self.info["kind"] == "class":
            return self.judge(image).probability
        logits = self._logits(image, out_hw) / float(self.info["temperature"])
        with np.errstate(over="ignore"):
            probability = np.asarray(1 / (1 + np.exp(-logits)), np.float32)
        return probability[0] if self.info["kind"] == "mask" else probability

    def logits(self, image: images.Image) -> NDArray[np.float32]:
        """What a class model answers before temperature and softmax, float32 (K,)."""
        return self._answers(image)[0]

    def judge(self, image: images.Image) -> "Verdict":
        """All a class model says of an image, from one run of its graph. Raises ModelError as calling it does."""
        _check_image(image)
        answers = self._answers(image)
        scaled = answers[0].astype(np.float64) / float(self.info["temperature"])
        raised = np.exp(scaled - scaled.max())
        told = self.info.get("rejection") or {"by": "energy", "threshold": -math.inf}
        score = strength(answers[0], str(told["by"])) * float(told.get("scale", 1.0))
        score -= float(told.get("distance_scale", 0.0)) * distance(image, told.get("statistics", {}))
        maps = answers[1] if len(answers) > 1 else None
        return Verdict(np.asarray(raised / raised.sum(), np.float32), score, score >= float(told["threshold"]), maps)

    def looked(self, image: images.Image, number: int | None = None) -> NDArray[np.float32] | None:
        """Where a class model looked for class `number` (its answer by default), float32 (H, W) in 0..1; None if it
        cannot tell."""
        verdict = self.judge(image)
        return verdict.looked((image.shape[0], image.shape[1]), number)

    def _answers(self, image: images.Image) -> list[NDArray[np.float32]]:
        """Every output of a class graph for one image, resized to the square it wants, whole."""
        side = int(self.info["input"]["side"])
        x = self._normalised(images.resize(image, (side, side)))
        return [answer[0] for answer in self.session.run(None, {self.session.get_inputs()[0].name: x})]

    def _normalised(self, padded: images.Image) -> NDArray[np.float32]:
        mean, std = (np.asarray(self.info[name], np.float32) * 255 for name in ("mean", "std"))
        return np.ascontiguousarray(((padded.astype(np.float32) - mean) / std).transpose(2, 0, 1)[None])

    def _logits(self, image: images.Image, out_hw: tuple[int, int] | None) -> NDArray[np.float32]:
        """Logits at out_hw or the image's size: resized to the input's size, padded to its multiple, answered, undone.

        The input is either a fixed shape (hw) or the image's own with a shorter side (side).
        """
        import cv2

        wanted = self.info["input"]
        height, width = out_hw or image.shape[:2]
        fixed = wanted.get("hw")
        small_hw = (int(fixed[0]), int(fixed[1])) if fixed else _input_hw(image.shape[:2], int(wanted["side"]))
        small = images.resize(image, small_hw)
        rows, columns = small.shape[:2]
        multiple = int(wanted["multiple"])
        padded = np.pad(small, ((0, -rows % multiple), (0, -columns % multiple), (0, 0)), mode="edge")
        answer = self.session.run(None, {self.session.get_inputs()[0].name: self._normalised(padded)})[0][0]
        cut = answer[:, :rows, :columns]
        if (rows, columns) == (height, width):
            return np.asarray(cut, np.float32)
        sized = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in cut]
        return np.asarray(np.stack(sized), np.float32)

    @cached_property
    def trained_on(self) -> frozenset[str]:
        """sha256 of every image file this model learnt from."""
        return frozenset(self.info.get("trained_on", {}).get("images", ()))


@dataclass(frozen=True)
class Verdict:
    """What a class model says of one image: probabilities (K,), how strongly it answers, and whether strongly enough
    for a picture of what it learnt; maps (K, h, w) say where each class was found."""

    probability: NDArray[np.float32]
    score: float
    accepted: bool
    maps: NDArray[np.float32] | None = None

    def looked(self, shape_hw: tuple[int, int], number: int | None = None) -> NDArray[np.float32] | None:
        """The map of class `number` (of the answer by default) at a size, float32 in 0..1; None without maps.

        What speaks against the class is cut to 0 and the strongest place is 1.
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


def _input_hw(shape_hw: tuple[int, ...], side: int) -> tuple[int, int]:
    if side <= 0:
        return shape_hw[0], shape_hw[1]
    scale = side / min(shape_hw)
    return max(1, round(shape_hw[0] * scale)), max(1, round(shape_hw[1] * scale))


def find_folder(name_or_folder: str | Path, settings: Settings | None = None) -> Path:
    """The model folder of a shipped name, a named model, a run (id, name or folder) or a folder. Raises ModelError."""
    chosen = settings or settings_module.load()
    text, path = str(name_or_folder), Path(name_or_folder)
    if path.suffix.lower() in _PICKLES:
        raise ModelError(
            f"{path.name} is a pickle and is not opened: opening one runs what is written in it. "
            "Export ONNX where it was trained, and give the folder with model.onnx and model.json."
        )
    if path.is_file():
        raise ModelError(f"{path.name} is a file. Give the model's folder, with model.onnx and model.json in it.")
    candidates = [path, path / "model"]
    if _NAME.fullmatch(text) and ".." not in text:
        candidates += [ZOO / text, chosen.models / text, chosen.runs / text / "model"]
    for folder in candidates:
        if (folder / "model.json").is_file():
            return folder
    for run in runs.list_runs(chosen.runs):
        if run.name == text and (run.model_folder / "model.json").is_file():
            return run.model_folder
    names = ", ".join(entry.name for entry in available(chosen)) or "none yet: train one"
    raise ModelError(f"There is no model {text!r}. Those there are: {names}.")


def read_info(folder: Path) -> dict[str, Any]:
    """model.json, checked for the keys a predictor needs. Raises ModelError."""
    try:
        info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ModelError(
            f"model.json of {folder.name} cannot be read ({problem}). Export the model again."
        ) from problem
    missing = [name for name in _REQUIRED if not isinstance(info, dict) or info.get(name) is None]
    if missing:
        raise ModelError(f"model.json of {folder.name} lacks {', '.join(missing)}. Export the model again.")
    if not all(isinstance(info[name], list) for name in ("classes", "threshold", "min_size")):
        raise ModelError(f"model.json of {folder.name} needs lists as classes, threshold and min_size. Correct it.")
    count = len(info["classes"])
    if len(info["threshold"]) != count or len(info["min_size"]) != count:
        raise ModelError(f"model.json of {folder.name} needs one threshold and one min_size a class. Correct it.")
    _check_values(folder.name, info)
    return dict(info)


def _check_values(name: str, info: Mapping[str, Any]) -> None:
    """Raises ModelError where a value of model.json is of a kind no predictor could use."""
    if info["kind"] not in KINDS:
        raise ModelError(f"model.json of {name} says kind {info['kind']!r}, wanted {', '.join(KINDS)}. Correct it.")
    temperature = info["temperature"]
    if not isinstance(temperature, int | float) or not math.isfinite(temperature) or temperature <= 0:
        raise ModelError(f"model.json of {name} says temperature {temperature!r}, wanted more than 0. Correct it.")
    wanted = info["input"]
    if not isinstance(wanted, dict) or not all(isinstance(wanted.get(key), int) for key in ("side", "multiple")):
        raise ModelError(f"model.json of {name} needs input.side and input.multiple, in px. Export the model again.")
    for key in ("mean", "std"):
        values = info[key]
        if not isinstance(values, list) or len(values) != 3 or not all(isinstance(v, int | float) for v in values):
            raise ModelError(f"model.json of {name} needs three numbers as {key}. Export the model again.")


def load(name_or_folder: str | Path, settings: Settings | None = None) -> Predictor:
    """A predictor, run by ONNX Runtime on the CPU. Raises ModelError for anything missing, damaged or unsafe."""
    folder = find_folder(name_or_folder, settings)
    info = read_info(folder)
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


def _check_onnx(path: Path, info: Mapping[str, Any]) -> None:
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
    wanted = info.get("files", {}).get("model.onnx")
    if wanted and hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
        raise ModelError(
            f"{path.name} of {path.parent.name} is not the file model.json describes. Copy the folder again."
        )


def _check_answer(predictor: Predictor) -> None:
    """One small frame through the graph: a graph of other inputs or with NaN inside is found here, in words."""
    wanted = dict(predictor.info["input"])
    if "hw" in wanted:  # a fixed shape is made small, as a large network takes seconds for its own
        wanted["hw"] = [2 * int(wanted["multiple"]) + 32] * 2
    elif predictor.info["kind"] != "class":
        wanted["side"] = 0  # the small frame as it is
    small = replace(predictor, info={**predictor.info, "input": wanted})
    try:
        answer = small(np.full((32, 32, 3), 128, np.uint8))
    except _onnx_errors() as problem:
        raise ModelError(f"{predictor.folder.name} is of another architecture than its model.json says.") from problem
    expected = 1 if predictor.info["kind"] == "mask" else len(predictor.classes)
    got = 1 if answer.ndim == 2 else answer.shape[0]
    if got != expected:
        raise ModelError(
            f"{predictor.folder.name} answers {got} classes, model.json names {expected}. Export it again."
        )
    if not np.isfinite(answer).all():
        raise ModelError(f"{predictor.folder.name} answers NaN: its weights are damaged. Take an earlier one.")


def available(settings: Settings | None = None) -> list[ModelEntry]:
    """Every model there is: shipped, named by a person, or left by a run; damaged ones are passed over."""
    chosen = settings or settings_module.load()
    found = [(path.parent.name, path.parent, True) for path in sorted(ZOO.glob("*/model.json"))]
    found += [(path.parent.name, path.parent, False) for path in sorted(chosen.models.glob("*/model.json"))]
    found += [
        (run.name, run.model_folder, False)
        for run in runs.list_runs(chosen.runs)
        if (run.model_folder / "model.json").is_file()
    ]
    entries = []
    for name, folder, shipped in found:
        try:
            info = read_info(folder)
        except ModelError:
            continue
        entries.append(
            ModelEntry(name, str(info.get("title", name)), folder, info["task"], info["kind"], shipped, info)
        )
    return entries


def write_threshold(
    folder: Path,
    threshold: Sequence[float],
    min_size: Sequence[int],
    grid_hw: tuple[int, int] | None = None,
    data_note: str = "",
) -> None:
    """Store thresholds (0..1) and smallest sizes (px), one a class, in model.json; data_note says from what data."""
    info = read_info(folder)
    if len(threshold) != len(info["classes"]) or len(min_size) != len(info["classes"]):
        raise ModelError(f"{folder.name} has {len(info['classes'])} classes. Give one threshold and min_size for each.")
    if not all(0 <= value <= 1 for value in threshold) or not all(value >= 0 for value in min_size):
        raise ModelError("A threshold lies between 0 and 1, a smallest size is 0 px or more. Correct it.")
    info |= {"threshold": [float(v) for v in threshold], "min_size": [int(v) for v in min_size]}
    info |= {"grid_hw": list(grid_hw) if grid_hw else None, "threshold_from": data_note}
    runs.write_json(folder / "model.json", info)


def save_run_as(run: runs.Run, name: str, settings: Settings | None = None) -> Path:
    """Copy a run's model under a name of one's own. Raises ModelError for a bad or taken name or a run without one."""
    chosen = settings or settings_module.load()
    if not _NAME.fullmatch(name) or ".." in name:
        raise ModelError(f"{name!r} cannot name a model. Use up to 64 letters, digits, spaces, dots, dashes.")
    if not (run.model_folder / "model.json").is_file():
        raise ModelError(f"{run.name} has left no model yet. Let it finish first.")
    target = chosen.models / name
    if target.exists() or (ZOO / name).exists():
        raise ModelError(f"There is a model {name!r} already. Choose another name.")
    chosen.models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=chosen.models, prefix=".") as part:
        shutil.copytree(run.model_folder, Path(part) / "model")
        os.replace(Path(part) / "model", target)
    return target


def export(net: Any, folder: Path, info: Mapping[str, Any], weights: Mapping[str, Any]) -> None:
    """Write a model folder from a torch module on the CPU: x (N, 3, H, W) -> logits, free batch, height and width.

    The caller rounds the weights to float16 first (round_weights): they are stored so, and computed with in float32.
    weights is the plain network's state dict. Raises ModelError where the graph and the module disagree by over 1e-4.
    """
    import torch
    from safetensors.torch import save_file

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".model-") as part:
        built = Path(part) / "model"
        built.mkdir()
        multiple = int(info["input"]["multiple"])
        side = max(64, 2 * multiple)
        _export_graph(net, built / "model.onnx", side, ("logits", "looked")[: _count_outputs(net, side)])
        _store_float16(built / "model.onnx")
        halves = {n: v.half() if v.is_floating_point() else v for n, v in weights.items()}
        save_file({name: value.contiguous() for name, value in halves.items()}, built / "weights.safetensors")
        _agree(net, built / "model.onnx", torch.randn(1, 3, 3 * multiple + 32, 4 * multiple + 32)[..., : 4 * multiple])
        files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(built.iterdir())}
        runs.write_json(built / "model.json", {**info, "files": files})
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(built, folder)


def round_weights(net: Any) -> None:
    """Round every weight to what float16 holds, in place."""
    import torch

    with torch.no_grad():
        for value in net.state_dict().values():
            if value.is_floating_point():
                value.copy_(value.half().float())


def _count_outputs(net: Any, side: int) -> int:
    """1 for logits alone, 2 where maps of where the network looked come with them."""
    import torch

    with torch.no_grad():
        answer = net.eval()(torch.zeros(1, 3, side, side))
    return len(answer) if isinstance(answer, tuple) else 1


def _export_graph(net: Any, path: Path, side: int, outputs: Sequence[str]) -> None:
    import warnings

    import torch

    x = torch.randn(2, 3, side, side + 32)
    free = {0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(), (x,), str(path), dynamo=True, external_data=False, optimize=False,
            input_names=["x"], output_names=list(outputs),
            dynamic_shapes=(free,), verbose=False,
        )  # fmt: skip


def _store_float16(path: Path) -> None:
    """Keep large float32 initialisers as float16 and cast them back in the graph: half the file, the same numbers."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = onnx.load(str(path))
    casts = []
    for tensor in graph.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or math.prod(tensor.dims) < 256:
            continue
        array = numpy_helper.to_array(tensor)
        half = array.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), array):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for node in graph.graph.node:  # the exporter's stack traces: a fifth of the file, of no use here
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    graph.graph.ClearField("value_info")
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    onnx.save(graph, str(path))


def _agree(net: Any, path: Path, x: Any) -> None:
    import onnxruntime
    import torch

    with torch.no_grad():
        answer = net.eval()(x)
    every = [part.numpy() for part in (answer if isinstance(answer, tuple) else (answer,))]
    got = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": x.numpy()})
    for wanted, mine in zip(every, got, strict=True):
        worst = float(np.abs(mine - wanted).max())
        scale = max(1.0, float(np.abs(wanted).max()))
        if not worst <= 1e-4 * scale:
            raise ModelError(f"The exported graph differs from the network by {worst:.1e}. Keep the run and report it.")
