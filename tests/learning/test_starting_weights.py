"""weights.safetensors of a model to go on from: damaged, hostile and foreign ones are refused in a sentence."""

import shutil
from pathlib import Path

import pytest

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


def _begin(wanted: task.Task, config: object, folder: Path) -> None:
    from cloudcore.learning.fit import checkpoints

    checkpoints.load_weights(wanted.network(config), starting_weights.start_weights(wanted, config, str(folder)))


@faults.each_fault
def test_faulty_weights_are_refused(tmp_path: Path, fault: str, shipped: Path) -> None:
    """weights.safetensors is read to go on from a model; the shipped one, copied, opens."""
    sky = tasks.get_task("sky")
    config = options.make_config(sky, starting_weights.options_of(str(shipped), sky))
    faults.FAULTS[fault][1](shipped / "weights.safetensors")
    with pytest.raises(CloudcoreError) as refusal:
        _begin(sky, config, shipped)
    faults.is_a_sentence(str(refusal.value))


def test_sound_weights_open(shipped: Path) -> None:
    sky = tasks.get_task("sky")
    _begin(sky, options.make_config(sky, starting_weights.options_of(str(shipped), sky)), shipped)
