"""Models from strangers: what is damaged, hostile or of another kind is refused in a sentence, and never run."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from cloudcore import models
from cloudcore.errors import ModelError
from tests import toy_model
from tests.models import faults


@faults.each_fault
def test_a_faulty_onnx_is_refused(tmp_path: Path, fault: str) -> None:
    folder = toy_model.write(tmp_path / "toy")
    assert models.load(folder)(np.zeros((32, 32, 3), np.uint8)).shape == (32, 32)
    faults.FAULTS[fault][0](folder / "model.onnx")
    with pytest.raises(ModelError) as refusal:
        models.load(folder)
    faults.is_a_sentence(str(refusal.value))


@pytest.mark.parametrize("name", ["net.pt", "export.pkl", "net.pth", "net.ckpt"])
def test_row_46_a_pickle_is_never_opened(tmp_path: Path, name: str) -> None:
    faults.pickled(tmp_path / name)
    with pytest.raises(ModelError, match=r"pickle.*Export ONNX"):
        models.load(tmp_path / name)
    assert not faults.RAN


def test_a_changed_file_is_not_the_one_described(tmp_path: Path) -> None:
    folder = toy_model.write(tmp_path / "toy")
    info = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**info, "files": {"model.onnx": "0" * 64}}))
    with pytest.raises(ModelError, match="not the file model.json describes"):
        models.load(folder)


def test_a_refusal_costs_little(tmp_path: Path) -> None:
    """No gigabyte is read or reserved for a header's claim: the process stays far below that."""
    import resource

    folder = toy_model.write(tmp_path / "toy")
    faults.claims_gigabytes(folder / "model.onnx")
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(ModelError):
        models.load(folder)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 500 << 10, f"{grown} KiB in {time.monotonic() - started:.1f} s"
