"""model.json: what a model is, what it was trained on and how it scored; read, checked and written in one place."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from cloudcore.errors import ModelError
from cloudcore.files import atomic

FILE = "model.json"
KINDS = ("mask", "masks", "class")
"""What a model may answer with: one mask, one mask a class, one class."""
P = TypeVar("P")
_REQUIRED = ("task", "kind", "classes", "input", "mean", "std", "threshold", "min_size", "temperature")


@dataclass(frozen=True)
class InputSize:
    """What a graph takes, px: a shorter side (0: the image's own) or a fixed shape hw, padded to a multiple."""

    side: int
    multiple: int
    hw: tuple[int, int] | None = None


@dataclass(frozen=True)
class Rejection:
    """Which pictures a class model accepts: scale * strength - distance_scale * distance must reach threshold.

    by names the strength ("energy" or "max_logit"); statistics is what rejection.distance measures from.
    """

    by: str = "energy"
    threshold: float = -math.inf
    scale: float = 1.0
    distance_scale: float = 0.0
    statistics: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainedOn:
    """The images learnt from, by the sha256 of their files, how they were split, and the terms of the data."""

    n: int = 0
    images: tuple[str, ...] = ()
    split: str = ""
    terms: str = ""
    started_from: str | None = None


@dataclass(frozen=True, eq=False)
class ModelInfo(Mapping[str, Any]):
    """model.json with typed fields; as a mapping it is the JSON itself, with the keys that nothing here knows.

    threshold (0..1) and min_size (px of grid_hw, or of the image where that is None) have one entry a class; mean and
    std are those of R, G and B in 0..1. Two are equal when their JSON is.
    """

    task: str
    kind: str
    classes: tuple[str, ...]
    input: InputSize
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    threshold: tuple[float, ...]
    min_size: tuple[int, ...]
    temperature: float
    grid_hw: tuple[int, int] | None = None
    threshold_from: str = ""
    title: str = ""
    network: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    joined: tuple[str, ...] = ()
    rejection: Rejection | None = None
    trained_on: TrainedOn = TrainedOn()
    validated_on: tuple[str, ...] = ()
    tested_on: tuple[str, ...] = ()
    calibrated_on: tuple[str, ...] = ()
    scores: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    created_at: str = ""
    as_read: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The JSON it was made from; a field that was replaced since then goes before it."""

    @staticmethod
    def read(folder: Path) -> "ModelInfo":
        """model.json of a model folder. Raises ModelError where it cannot be read or no predictor could use it."""
        try:
            found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise ModelError(
                f"model.json of {folder.name} cannot be read ({problem}). Export the model again."
            ) from problem
        return ModelInfo.from_json(found, folder.name)

    @staticmethod
    def from_json(found: Any, name: str) -> "ModelInfo":
        """The content of a model.json, checked; name is the model's, for sentences. Raises ModelError."""
        _check(found, name)
        return ModelInfo(**_typed(found, name), as_read=dict(found))

    def write(self, folder: Path) -> None:
        """Replace model.json of a folder. No key is lost that was read."""
        atomic.write_json(folder / FILE, dict(self))

    @cached_property
    def _json(self) -> Mapping[str, Any]:
        read = _typed(self.as_read, self.title)
        changed = {}
        for item in fields(self):
            value, before = getattr(self, item.name), read.get(item.name, _default(item))
            if item.name != "as_read" and value != before:
                changed[item.name] = _plain(value, self.as_read.get(item.name))
        return {**self.as_read, **changed}

    def __getitem__(self, key: str) -> Any:
        return self._json[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._json)

    def __len__(self) -> int:
        return len(self._json)


def _default(item: Any) -> Any:
    return item.default_factory() if callable(item.default_factory) else item.default


def _plain(value: Any, read: Any) -> Any:
    """A field as JSON has it; keys of an object that nothing here knows are kept from what was read."""
    if isinstance(value, InputSize | Rejection | TrainedOn):
        before = read if isinstance(read, Mapping) else {}
        known = {item.name: (getattr(value, item.name), _default(item)) for item in fields(value)}
        return {**before, **{k: _plain(v, None) for k, (v, default) in known.items() if v != default or k in before}}
    return list(value) if isinstance(value, tuple) else value


def _check(found: Any, name: str) -> None:
    """Raises ModelError where model.json lacks a value, or has one that no predictor could use."""
    missing = [key for key in _REQUIRED if not isinstance(found, dict) or found.get(key) is None]
    if missing:
        raise ModelError(f"model.json of {name} lacks {', '.join(missing)}. Export the model again.")
    if not all(isinstance(found[key], list) for key in ("classes", "threshold", "min_size")):
        raise ModelError(f"model.json of {name} needs lists as classes, threshold and min_size. Correct it.")
    count = len(found["classes"])
    if len(found["threshold"]) != count or len(found["min_size"]) != count:
        raise ModelError(f"model.json of {name} needs one threshold and one min_size a class. Correct it.")
    if found["kind"] not in KINDS:
        raise ModelError(f"model.json of {name} says kind {found['kind']!r}, wanted {', '.join(KINDS)}. Correct it.")
    temperature = found["temperature"]
    if not isinstance(temperature, int | float) or not math.isfinite(temperature) or temperature <= 0:
        raise ModelError(f"model.json of {name} says temperature {temperature!r}, wanted more than 0. Correct it.")
    wanted = found["input"]
    if not isinstance(wanted, dict) or not all(isinstance(wanted.get(key), int) for key in ("side", "multiple")):
        raise ModelError(f"model.json of {name} needs input.side and input.multiple, in px. Export the model again.")
    for key in ("mean", "std"):
        values = found[key]
        if not isinstance(values, list) or len(values) != 3 or not all(isinstance(v, int | float) for v in values):
            raise ModelError(f"model.json of {name} needs three numbers as {key}. Export the model again.")


def _typed(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The fields of ModelInfo that stand in a JSON object and are not null. Raises ModelError for another type."""
    typed = {}
    for key, convert in _CONVERT.items():
        if found.get(key) is None:
            continue
        try:
            typed[key] = convert(found[key])
        except (TypeError, ValueError, OverflowError) as problem:
            raise ModelError(
                f"model.json of {name} has a value as {key} that cannot be read ({problem}). Correct it."
            ) from problem
    return typed


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in _of(Sequence, value))


def _floats(value: Any) -> tuple[float, ...]:
    return tuple(float(one) for one in _of(Sequence, value))


def _ints(value: Any) -> tuple[int, ...]:
    return tuple(int(one) for one in _of(Sequence, value))


def _shape(value: Any) -> tuple[int, int] | None:
    """A shape (height, width); an empty list is none, as null is."""
    if not value:
        return None
    height, width = _ints(value)
    return height, width


def _object(value: Any) -> Mapping[str, Any]:
    return dict(_of(Mapping, value))


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind) or isinstance(value, str):
        raise TypeError(f"got {type(value).__name__}, wanted {'an object' if kind is Mapping else 'a list'}")
    return value


def _input(value: Any) -> InputSize:
    return InputSize(int(value["side"]), int(value["multiple"]), _shape(value.get("hw")))


def _rejection(value: Any) -> Rejection | None:
    """How pictures are rejected; an empty object is none."""
    return _part(Rejection, value, threshold=float, scale=float, distance_scale=float, by=str, statistics=_object)


def _trained_on(value: Any) -> TrainedOn:
    return _part(TrainedOn, value, n=int, images=_strings, split=str, terms=str, started_from=str) or TrainedOn()


def _part(kind: Callable[..., P], value: Any, **convert: Callable[[Any], Any]) -> P | None:
    found = {key: to(value[key]) for key, to in convert.items() if _of(Mapping, value).get(key) is not None}
    return kind(**found) if value else None


_CONVERT: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("task", "kind", "threshold_from", "title", "created_at"), str),
    **dict.fromkeys(("classes", "joined", "validated_on", "tested_on", "calibrated_on"), _strings),
    **dict.fromkeys(("mean", "std", "threshold"), _floats),
    **dict.fromkeys(("network", "options", "scores", "files", "versions"), _object),
    "min_size": _ints,
    "temperature": float,
    "grid_hw": _shape,
    "input": _input,
    "rejection": _rejection,
    "trained_on": _trained_on,
}
