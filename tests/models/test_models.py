"""Model folders from strangers: what is damaged, hostile or of another kind is refused in a sentence, and never run."""

import json
import pickle
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from safetensors.numpy import load_file, save_file

from cloudcore import models
from cloudcore.errors import CloudcoreError, ModelError
from cloudcore.learning import options, starting_weights, task, tasks
from tests import toy_model

RAN: list[str] = []
"""What a pickle's payload would leave behind."""


def _payload(text: str) -> str:
    RAN.append(text)
    return text


class Bomb:
    """Runs code as soon as somebody opens it as a pickle."""

    def __reduce__(self) -> tuple[Callable[[str], str], tuple[str]]:
        return _payload, ("opened",)


def _pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(Bomb()))


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _claims_gigabytes(path: Path) -> None:
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
    "row 47: a pickle": (_pickled, _pickled),
    "row 48: truncated": (_truncated, _truncated),
    "row 48: zero bytes": (_empty, _empty),
    "row 49: a header that claims gigabytes": (_claims_gigabytes, _claims_gigabytes),
    "row 50: another architecture": (_other_onnx, _other_safetensors),
    "row 51: NaN": (_nan_onnx, _nan_safetensors),
}
each_fault = pytest.mark.parametrize("fault", FAULTS, ids=list(FAULTS))


@each_fault
def test_a_faulty_onnx_is_refused(tmp_path: Path, fault: str) -> None:
    folder = toy_model.write(tmp_path / "toy")
    assert models.load(folder)(np.zeros((32, 32, 3), np.uint8)).shape == (32, 32)
    FAULTS[fault][0](folder / "model.onnx")
    with pytest.raises(ModelError) as refusal:
        models.load(folder)
    _is_a_sentence(str(refusal.value))


@each_fault
def test_faulty_weights_are_refused(tmp_path: Path, fault: str, shipped: Path) -> None:
    """weights.safetensors is read to go on from a model; the shipped one, copied, opens."""
    sky = tasks.get_task("sky")
    config = options.make_config(sky, starting_weights.options_of(str(shipped), sky))
    FAULTS[fault][1](shipped / "weights.safetensors")
    with pytest.raises(CloudcoreError) as refusal:
        _begin(sky, config, shipped)
    _is_a_sentence(str(refusal.value))


def test_sound_weights_are_those_of_the_network_begun_with(shipped: Path) -> None:
    sky = tasks.get_task("sky")
    net = _begin(sky, options.make_config(sky, starting_weights.options_of(str(shipped), sky)), shipped)
    stored, begun = load_file(shipped / "weights.safetensors"), net.state_dict()
    assert stored.keys() == begun.keys() and len(stored) > 100
    for name, value in stored.items():
        assert np.array_equal(value.astype(begun[name].numpy().dtype), begun[name].numpy()), name


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the shipped model's folder."""
    folder = tmp_path / "copied"
    shutil.copytree(models.ZOO / "sky", folder)
    return folder


def _begin(wanted: task.Task, config: object, folder: Path) -> Any:
    """A network of the task with the weights of a model folder."""
    from cloudcore.learning.fit import checkpoints

    net = wanted.network(config)
    checkpoints.load_weights(net, starting_weights.start_weights(wanted, config, str(folder)))
    return net


def _is_a_sentence(words: str) -> None:
    """What we got and what to do, no traceback, nothing run."""
    assert not RAN
    assert words.rstrip().endswith(".") and "Traceback" not in words and "\n" not in words, words
    assert len(words) < 320, words


@pytest.mark.parametrize("name", ["net.pt", "export.pkl", "net.pth", "net.ckpt"])
def test_row_46_a_pickle_is_never_opened(tmp_path: Path, name: str) -> None:
    _pickled(tmp_path / name)
    with pytest.raises(ModelError, match=r"pickle.*Export ONNX"):
        models.load(tmp_path / name)
    assert not RAN


def test_a_changed_file_is_not_the_one_described(tmp_path: Path) -> None:
    folder = toy_model.write(tmp_path / "toy")
    info = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**info, "files": {"model.onnx": "0" * 64}}))
    with pytest.raises(ModelError, match="not the file model.json describes"):
        models.load(folder)


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
    _is_a_sentence(str(refusal.value))


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"kind": "mask"}', "\x00" * 40])
def test_a_model_json_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    folder = toy_model.write(tmp_path / "toy")
    (folder / "model.json").write_text(text)
    with pytest.raises(ModelError) as refusal:
        models.load(folder)
    _is_a_sentence(str(refusal.value))


def test_a_refusal_costs_little(tmp_path: Path) -> None:
    """No gigabyte is read or reserved for a header's claim: the process stays far below that."""
    import resource

    folder = toy_model.write(tmp_path / "toy")
    _claims_gigabytes(folder / "model.onnx")
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(ModelError):
        models.load(folder)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 500 << 10, f"{grown} KiB in {time.monotonic() - started:.1f} s"
