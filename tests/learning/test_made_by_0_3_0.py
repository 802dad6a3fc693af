"""Runs and models written by 0.3.0 are listed, opened, predicted with, begun from and resumed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudcore import images, models, runs
from cloudcore.learning import starting_weights, work
from cloudcore.learning.options import make_config
from cloudcore.learning.tasks import find_tasks, get_task
from cloudcore.samples import radar

OLD = Path(__file__).parent / "made_by_0_3_0" / "runs"
"""A finished run of each task, and one of radar that was stopped after the first of two epochs."""
SHAPES: dict[str, Callable[[tuple[int, int]], tuple[int, ...]]] = {
    "sky": lambda hw: hw,
    "patterns": lambda hw: (4, *hw),
    "genus": lambda hw: (3,),
    "radar": lambda hw: (2,),
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A runs folder with copies of the old runs, whose data folders lie beside it."""
    folder = tmp_path / "workspace" / "runs"
    shutil.copytree(OLD, folder)
    for path in folder.glob("*/config.json"):
        told = json.loads(path.read_text())
        path.write_text(json.dumps({**told, "data": str(tmp_path / Path(told["data"]).name)}))
    return folder


def _of(folder: Path, task: str, state: str = "done") -> runs.Run:
    (found,) = (run for run in runs.list_runs(folder) if (run.task(), run.status().state) == (task, state))
    return found


def test_every_task_has_an_old_run() -> None:
    assert set(SHAPES) == {task.name for task in find_tasks()}


def test_old_runs_are_listed_with_their_history(old: Path) -> None:
    found = runs.list_runs(old)
    assert sorted(run.status().state for run in found) == ["done"] * 4 + ["stopped"]
    for run in found:
        status = run.status()
        assert len(run.history()) == status.epoch == (2 if status.state == "done" else 1)
        assert run.history()[-1]["train_loss"] > 0 and get_task(run.task()).metrics[0] in run.history()[-1]
        told: dict[str, Any] = run.config()["options"]
        assert vars(make_config(get_task(run.task()), told)) == told


@pytest.mark.parametrize("name", list(SHAPES))
def test_an_old_model_predicts(old: Path, name: str, rng: np.random.Generator) -> None:
    predictor = models.load(_of(old, name).folder)
    hw = (136, 136) if name == "radar" else (72, 96)
    image = rng.integers(0, 60, (*hw, 3)).astype(np.uint8)
    if name == "radar":
        image = np.repeat(image[..., :1], 3, axis=2)
    answer = predictor(image)
    assert answer.shape == SHAPES[name](hw) and answer.dtype == np.float32
    assert np.isfinite(answer).all() and 0 <= answer.min() <= answer.max() <= 1
    assert predictor.info["scores"]["n"] > 0 and predictor.info["trained_on"]["n"] == len(predictor.trained_on)


@pytest.mark.parametrize("name", ["sky", "radar"])
def test_old_weights_fill_the_network_of_today(old: Path, name: str) -> None:
    from cloudcore.learning.fit import checkpoints

    run, task = _of(old, name), get_task(name)
    config = make_config(task, starting_weights.options_of(str(run.folder), task))
    classes = len(models.load(run.folder).classes)
    net = task.network(config, classes) if task.kind == "class" else task.network(config)
    checkpoints.load_weights(net, starting_weights.start_weights(task, config, str(run.folder)))


def test_an_old_run_that_was_stopped_goes_on_to_its_model(old: Path, tmp_path: Path) -> None:
    for name in radar.CLASSES[:2]:
        for index in range(6):
            field = radar.draw(name, np.random.default_rng(index))
            images.write_png(tmp_path / "radar" / name / f"2011040{index + 1}1310z00028267{index}.png", field)
    whole, run = _of(old, "radar"), _of(old, "radar", "stopped")
    before = run.history()
    assert work.run_training(run).state == "done"
    assert run.history()[:1] == before and [row["epoch"] for row in run.history()] == [1, 2]
    assert run.history()[1]["train_loss"] == pytest.approx(whole.history()[1]["train_loss"], rel=0.05)
    assert models.load(run.folder).classes == models.load(whole.folder).classes
