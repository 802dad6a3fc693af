"""weights.safetensors of a model to go on from: damaged, hostile and foreign ones are refused in a sentence."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from cloudcore import models
from cloudcore.errors import CloudcoreError
from cloudcore.learning import options, starting_weights, task, tasks
from tests.models import faults


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


@faults.each_fault
def test_faulty_weights_are_refused(tmp_path: Path, fault: str, shipped: Path) -> None:
    """weights.safetensors is read to go on from a model; the shipped one, copied, opens."""
    sky = tasks.get_task("sky")
    config = options.make_config(sky, starting_weights.options_of(str(shipped), sky))
    faults.FAULTS[fault][1](shipped / "weights.safetensors")
    with pytest.raises(CloudcoreError) as refusal:
        _begin(sky, config, shipped)
    faults.is_a_sentence(str(refusal.value))


def test_sound_weights_are_those_of_the_network_begun_with(shipped: Path) -> None:
    sky = tasks.get_task("sky")
    net = _begin(sky, options.make_config(sky, starting_weights.options_of(str(shipped), sky)), shipped)
    stored, begun = load_file(shipped / "weights.safetensors"), net.state_dict()
    assert stored.keys() == begun.keys() and len(stored) > 100
    for name, value in stored.items():
        assert np.array_equal(value.astype(begun[name].numpy().dtype), begun[name].numpy()), name
