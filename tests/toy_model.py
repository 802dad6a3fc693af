"""A model without training: one smoothing convolution whose probability follows the frame's colours."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 9


def write(
    folder: Path,
    weights: Sequence[float] = (6.0, 0.0, -3.3),
    bias: float = -0.6,
    *,
    threshold: float = 0.5,
    min_size: int = 60,
    trained_on: Sequence[str] = (),
) -> Path:
    """Write a model folder: logit = weights . the mean colour (0..1) around a pixel + bias. Returns the folder."""
    kernel = np.ones((1, 3, SIDE, SIDE), np.float32) * np.asarray(weights, np.float32)[None, :, None, None] / SIDE**2
    constants = [numpy_helper.from_array(kernel, "w"), numpy_helper.from_array(np.array([bias], np.float32), "b")]
    shape = ["n", 3, "h", "w"]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[SIDE // 2] * 4)],
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1, "h", "w"])],
        constants,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    folder.mkdir(parents=True)
    onnx.save(made, folder / "model.onnx")
    info = {
        "task": "sky", "kind": "mask", "title": "Toy", "classes": ["cloud"], "input": {"side": 0, "multiple": 1},
        "mean": [0, 0, 0], "std": [1, 1, 1], "threshold": [threshold], "min_size": [min_size], "temperature": 1.0,
        "trained_on": {"images": list(trained_on)},
    }  # fmt: skip
    (folder / "model.json").write_text(json.dumps(info), encoding="utf-8")
    return folder
