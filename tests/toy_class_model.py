"""A classifier without training: each class has a colour, and answers where the photograph shows it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

GENERA = ("Altocumulus", "Cirrus", "Cumulus", "Stratus")


def write(
    folder: Path,
    classes: Sequence[str] = GENERA,
    *,
    task: str = "genus",
    trained_on: Sequence[str] = (),
    energy: float = -1e9,
    more: Mapping[str, Any] | None = None,
) -> Path:
    """Write a model folder: logit k = 6 times the mean colour along a direction of its own. Returns the folder."""
    rng = np.random.default_rng(3)
    weights = (6 * rng.normal(size=(len(classes), 3, 1, 1))).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["looked"]),
        helper.make_node("ReduceMean", ["looked"], ["logits"], axes=[2, 3], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(classes)]),
            helper.make_tensor_value_info("looked", TensorProto.FLOAT, ["n", len(classes), "h", "w"]),
        ],
        [numpy_helper.from_array(weights, "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    folder.mkdir(parents=True)
    onnx.save(made, folder / "model.onnx")
    info = {
        "task": task,
        "kind": "class",
        "title": "Toy",
        "classes": list(classes),
        "input": {"geometry": "square", "side": 32, "multiple": 32},
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        "threshold": [0.5] * len(classes),
        "min_size": [0] * len(classes),
        "temperature": 1.0,
        "rejection": {"by": "energy", "threshold": energy, "recall": 0.95, "n": 50},
        "trained_on": {"images": list(trained_on)},
        **(more or {}),
    }
    (folder / "model.json").write_text(json.dumps(info), encoding="utf-8")
    return folder
