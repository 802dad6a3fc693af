"""A trained network written as a model folder: one graph, its weights, and proof that both agree."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cloudcore.errors import ModelError
from cloudcore.files import atomic, opening
from cloudcore.models.model_info import ModelInfo


def export(net: Any, folder: Path, info: ModelInfo, weights: Mapping[str, Any]) -> None:
    """Write a model folder from a torch module on the CPU: x (N, 3, H, W) -> logits, free batch, height and width.

    The caller rounds the weights to float16 first (round_weights): they are stored so, and computed with in float32.
    weights is the plain network's state dict. Raises ModelError where the graph and the module disagree by over 1e-4.
    """
    import torch
    from safetensors.torch import save_file

    with atomic.new_folder(folder, over=True) as built:
        multiple = info.input.multiple
        side = max(64, 2 * multiple)
        _export_graph(net, built / "model.onnx", side, ("logits", "looked")[: _count_outputs(net, side)])
        _store_float16(built / "model.onnx")
        halves = {n: v.half() if v.is_floating_point() else v for n, v in weights.items()}
        save_file({name: value.contiguous() for name, value in halves.items()}, built / "weights.safetensors")
        _agree(net, built / "model.onnx", torch.randn(1, 3, 3 * multiple + 32, 4 * multiple + 32)[..., : 4 * multiple])
        files = {p.name: opening.sha256_of(p) for p in sorted(built.iterdir())}
        replace(info, files=files).write(built)


def round_weights(net: Any) -> None:
    """Round every weight to what float16 holds, in place."""
    import torch

    with torch.no_grad():
        for value in net.state_dict().values():
            if value.is_floating_point():
                value.copy_(value.half().float())


def _count_outputs(net: Any, side: int) -> int:
    """1 for logits alone, 2 where class activation maps come with them."""
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
            net.eval(),
            (x,),
            str(path),
            dynamo=True,
            external_data=False,
            optimize=False,
            input_names=["x"],
            output_names=list(outputs),
            dynamic_shapes=(free,),
            verbose=False,
        )


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
