"""model.json: read into typed fields, written without losing a key, refused in a sentence."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloudcore import models
from cloudcore.errors import ModelError
from cloudcore.models import ModelInfo
from tests import toy_class_model, toy_model

SHIPPED = sorted(path.parent for path in models.ZOO.glob("*/model.json"))


def _json(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "model.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("folder", SHIPPED, ids=[folder.name for folder in SHIPPED])
def test_reading_and_writing_a_shipped_one_loses_nothing(folder: Path, tmp_path: Path) -> None:
    info, wanted = ModelInfo.read(folder), _json(folder)
    assert info == wanted and list(info) == list(wanted)
    info.write(tmp_path)
    assert (tmp_path / "model.json").read_text("utf-8") == (folder / "model.json").read_text("utf-8").rstrip()
    assert info.trained_on.n == len(info.trained_on.images) and info.trained_on.terms
    assert info.created_at == info["created_at"] and info.input.side == info["input"]["side"]


def test_keys_that_nobody_knows_stay(tmp_path: Path) -> None:
    folder = toy_class_model.write(tmp_path / "toy", more={"camera": {"lens": 3}})
    before = _json(folder)
    info = ModelInfo.read(folder)
    assert info.rejection is not None and info.rejection.threshold == -1e9
    changed = replace(
        info,
        temperature=2.0,
        input=replace(info.input, side=64),
        rejection=replace(info.rejection, scale=3.0),
        trained_on=replace(info.trained_on, n=5),
        grid_hw=(3, 4),
    )
    changed.write(folder)
    wanted = {
        **before,
        "temperature": 2.0,
        "input": {**before["input"], "side": 64},
        "rejection": {**before["rejection"], "scale": 3.0},
        "trained_on": {**before["trained_on"], "n": 5},
        "grid_hw": [3, 4],
    }
    assert _json(folder) == wanted and wanted["camera"] == {"lens": 3}
    assert ModelInfo.read(folder) == changed and ModelInfo.read(folder).grid_hw == (3, 4)
    replace(ModelInfo.read(folder), grid_hw=None, rejection=None).write(folder)
    assert _json(folder) == {**wanted, "grid_hw": None, "rejection": None}


def test_fields_are_typed_and_absent_ones_have_a_default(tmp_path: Path) -> None:
    info = ModelInfo.read(toy_model.write_patterns(tmp_path / "toy", min_size=7))
    assert info.classes == ("Fish", "Flower", "Gravel", "Sugar") and info.min_size == (7,) * 4
    assert info.grid_hw == (350, 525) and info.input.hw == (70, 105) and info.mean == (0.0, 0.0, 0.0)
    assert (info.rejection, info.joined, info.scores, info.created_at) == (None, (), {}, "")
    assert models.Rejection().threshold == -math.inf
    assert "scores" not in info and info.get("scores") is None and len(info) == len(_json(tmp_path / "toy"))


def test_one_made_by_hand_writes_what_it_says(tmp_path: Path) -> None:
    one = ModelInfo(
        "sky",
        "mask",
        ("cloud",),
        ModelInfo.read(models.ZOO / "sky").input,
        (0.0, 0.0, 0.0),
        (1.0, 1.0, 1.0),
        (0.5,),
        (3,),
        1.0,
        trained_on=models.TrainedOn(images=("ab",)),
    )
    one.write(tmp_path)
    assert _json(tmp_path) == {
        "task": "sky",
        "kind": "mask",
        "classes": ["cloud"],
        "input": {"side": 288, "multiple": 32},
        "mean": [0.0] * 3,
        "std": [1.0] * 3,
        "threshold": [0.5],
        "min_size": [3],
        "temperature": 1.0,
        "trained_on": {"images": ["ab"]},
    }
    assert ModelInfo.read(tmp_path) == one


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": ["half"]},
        {"min_size": [None]},
        {"grid_hw": "large"},
        {"grid_hw": [1, 2, 3]},
        {"trained_on": ["ab"]},
        {"trained_on": {"images": "ab"}},
        {"rejection": {"threshold": "high"}},
        {"network": "unet"},
        {"input": {"side": 1, "multiple": 1, "hw": [3]}},
        {"min_size": [1e400]},
    ],
)
def test_a_value_of_another_type_is_refused_in_a_sentence(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = toy_model.write(tmp_path / "toy")
    (folder / "model.json").write_text(json.dumps({**_json(folder), **change}))
    with pytest.raises(ModelError, match=f"model.json of toy .*{next(iter(change))}") as refusal:
        ModelInfo.read(folder)
    assert str(refusal.value).endswith(".") and "\n" not in str(refusal.value)
