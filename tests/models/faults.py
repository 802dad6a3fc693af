"""What a stranger's model folder may hold: pickles, cut and empty files, false claims, NaN, another architecture."""

import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from safetensors.numpy import load_file, save_file

RAN: list[str] = []
"""What a pickle's payload would leave behind."""


def _payload(text: str) -> str:
    RAN.append(text)
    return text


class Bomb:
    """Runs code as soon as somebody opens it as a pickle."""

    def __reduce__(self) -> tuple[Callable[[str], str], tuple[str]]:
        return _payload, ("opened",)


def pickled(path: Path) -> None:
    """A pickle that runs code when it is opened."""
    path.write_bytes(pickle.dumps(Bomb()))


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def claims_gigabytes(path: Path) -> None:
    """A first field that says it is 8 GiB long: protobuf's graph, or the header of safetensors."""
    if path.suffix == ".safetensors":
        path.write_bytes(struct.pack("<Q", 8 << 30) + b"{}")
    else:
        path.write_bytes(b"\x08\x09\x3a\xff\xff\xff\xff\x1f" + path.read_bytes()[:200])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _nan_onnx(path: Path) -> None:
    graph = onnx.load(path)
    for tensor in graph.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(np.full_like(numpy_helper.to_array(tensor), np.nan), tensor.name))
    onnx.save(graph, path)


def _nan_safetensors(path: Path) -> None:
    tensors = load_file(path)
    broken = {
        name: np.full_like(value, np.nan) if value.dtype.kind == "f" else value for name, value in tensors.items()
    }
    save_file(broken, path)


def _other_onnx(path: Path) -> None:
    """A graph of one input channel."""
    graph = onnx.load(path)
    graph.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    weights = next(tensor for tensor in graph.graph.initializer if tensor.name == "w")
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights)[:, :1], "w"))
    onnx.save(graph, path)


def _other_safetensors(path: Path) -> None:
    save_file({"somewhere.else": np.zeros((3, 3), np.float32)}, path)


FAULTS = {
    "row 47: a pickle": (pickled, pickled),
    "row 48: truncated": (_truncated, _truncated),
    "row 48: zero bytes": (_empty, _empty),
    "row 49: a header that claims gigabytes": (claims_gigabytes, claims_gigabytes),
    "row 50: another architecture": (_other_onnx, _other_safetensors),
    "row 51: NaN": (_nan_onnx, _nan_safetensors),
}
each_fault = pytest.mark.parametrize("fault", FAULTS, ids=list(FAULTS))


def is_a_sentence(words: str) -> None:
    """What we got and what to do, no traceback, nothing run."""
    assert not RAN
    assert words.rstrip().endswith(".") and "Traceback" not in words and "\n" not in words, words
    assert len(words) < 320, words
