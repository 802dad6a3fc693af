"""A model.json that does not fit, or is none, is refused in a sentence."""

import json
from pathlib import Path

import pytest

from cloudcore import models
from cloudcore.errors import ModelError
from tests import toy_model
from tests.models import faults


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": [0.5, 0.5]},
        {"classes": ["a", "b"], "threshold": [0.5, 0.5], "min_size": [0, 0], "kind": "masks"},
        {"mean": None},
        {"input": None},
        {"kind": "painting"},
        {"temperature": 0},
        {"classes": "cloud"},
        {"input": {"side": "large", "multiple": 1}},
    ],
    ids=[
        "one threshold too many",
        "two classes",
        "no mean",
        "no input",
        "an unknown kind",
        "temperature 0",
        "classes are no list",
        "a side in words",
    ],
)
def test_a_model_json_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    folder = toy_model.write(tmp_path / "toy")
    info = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**info, **change}))
    with pytest.raises(ModelError) as refusal:
        models.load(folder)
    faults.is_a_sentence(str(refusal.value))


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"kind": "mask"}', "\x00" * 40])
def test_a_model_json_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    folder = toy_model.write(tmp_path / "toy")
    (folder / "model.json").write_text(text)
    with pytest.raises(ModelError) as refusal:
        models.load(folder)
    faults.is_a_sentence(str(refusal.value))
