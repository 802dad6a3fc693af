"""Each task on a GPU, from the samples to an exported model. Skipped in words where there is no GPU."""

from pathlib import Path
from typing import Any

import pytest

from cloudcore import models
from cloudcore.learning import work
from cloudcore.learning.tasks import find_tasks

OPTIONS: dict[str, dict[str, Any]] = {
    "sky": {"size": 128, "crop": 128, "epochs": 2},
    "patterns": {"epochs": 2},
    "genus": {"epochs": 2, "size": 64, "presize": 64, "mixup": 0.2, "cutmix": 0.5},
    "radar": {"epochs": 2},
}


def test_every_task_has_its_options() -> None:
    assert set(OPTIONS) == {task.name for task in find_tasks()}


@pytest.mark.parametrize("name", list(OPTIONS))
def test_a_task_learns_on_a_gpu_in_bfloat16_and_leaves_a_model(samples: Path, tmp_path: Path, name: str) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("There is no CUDA GPU on this machine.")
    run = work.prepare(name, OPTIONS[name], samples / name, tmp_path / "runs", None, "cuda")
    status = work.run_training(run)
    assert status.state == "done" and status.device.startswith("cuda") and status.gpu_memory_mib
    assert len(run.history()) == 2 and all(row["train_loss"] for row in run.history())
    assert models.load(run.folder).info["trained_on"]["n"] > 0
