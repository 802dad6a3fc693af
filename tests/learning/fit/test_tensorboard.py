"""TensorBoard's own reader finds the history of a run, also after a resume."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudcore import runs
from cloudcore.learning.fit import tensorboard


def _read(run: runs.Run) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(run.folder / "tensorboard")).Reload()


def _row(epoch: int, loss: float) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "train_loss": loss,
        "valid_loss": None,
        "learning_rate": 0.01,
        "miou": 0.5 + epoch / 10,
        "images_per_second": 30.0,
        "seconds": 2.0,
    }


def test_scalars_and_pictures_are_found_and_a_resumed_run_replaces_what_was_lost(tmp_path: Path) -> None:
    run = runs.create(tmp_path / "runs", "sky", tmp_path, {})
    picture = np.full((8, 10, 3), 90, np.uint8)
    first = tensorboard.Board(run, 0)
    for epoch in (1, 2):
        first.step(epoch, 0.25)
        first.epoch(_row(epoch, 0.5), [("worst-1", picture)])
    first.close()
    again = tensorboard.Board(run, 1)
    again.epoch(_row(2, 0.125), [])
    again.close()
    found = _read(run)
    assert {"loss/train", "learning_rate", "score/miou", "images_per_second"} <= set(found.Tags()["scalars"])
    assert "loss/validation" not in found.Tags()["scalars"], "what is undefined is not drawn as nought"
    assert found.Tags()["images"] == ["samples/worst-1"]
    assert {event.step: event.value for event in found.Scalars("loss/train")} == {1: 0.5, 2: 0.125}
    assert found.Scalars("score/miou")[-1].value == pytest.approx(0.7)
