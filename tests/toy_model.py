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
        "task": "sky",
        "kind": "mask",
        "title": "Toy",
        "classes": ["cloud"],
        "input": {"side": 0, "multiple": 1},
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        "threshold": [threshold],
        "min_size": [min_size],
        "temperature": 1.0,
        "trained_on": {"images": list(trained_on)},
    }
    (folder / "model.json").write_text(json.dumps(info), encoding="utf-8")
    return folder


def write_patterns(
    folder: Path, *, threshold: float = 0.5, min_size: int = 500, trained_on: Sequence[str] = ()
) -> Path:
    """Write a model of the four satellite patterns without training: brightness on a coarse grid, four contrasts.

    Input 70 x 105, a smoothing convolution with other weights a class, so that the four masks differ. Returns folder.
    """
    weights = np.array([9.0, 6.0, 12.0, 7.5], np.float32)
    kernel = np.ones((4, 3, SIDE, SIDE), np.float32) * weights[:, None, None, None] / (3 * SIDE**2)
    bias = np.array([-1.9, -2.2, -3.0, -1.2], np.float32)
    constants = [numpy_helper.from_array(kernel, "w"), numpy_helper.from_array(bias, "b")]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[SIDE // 2] * 4)],
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4, "h", "w"])],
        constants,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    folder.mkdir(parents=True)
    onnx.save(made, folder / "model.onnx")
    info = {
        "task": "patterns",
        "kind": "masks",
        "title": "Toy",
        "classes": ["Fish", "Flower", "Gravel", "Sugar"],
        "input": {"side": 70, "hw": [70, 105], "multiple": 1},
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        "threshold": [threshold] * 4,
        "min_size": [min_size] * 4,
        "grid_hw": [350, 525],
        "temperature": 1.0,
        "trained_on": {"images": list(trained_on)},
    }
    (folder / "model.json").write_text(json.dumps(info), encoding="utf-8")
    return folder
