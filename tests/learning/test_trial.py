"""The learning-rate finder: a curve, its suggestions, its process, and what it says when it cannot."""

import dataclasses
import math
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudcore import images, runs, settings
from cloudcore.errors import RunError
from cloudcore.files import atomic
from cloudcore.learning import starting_weights, trial
from cloudcore.learning.options import make_config
from cloudcore.learning.tasks import get_task

TINY = {
    "batch": 2,
    "size": 64,
    "crop": 64,
    "min_steps": 10,
    "decoder_width": 16,
    "encoder": "tu-mobilenetv3_small_050",
    "validation": 0.0,
}


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Four frames of bright and dark halves."""
    for number in range(4):
        label = np.zeros((72, 72), np.uint8)
        label[:, 10 + 14 * number :] = 255
        image = np.where(label[..., None] > 0, 190, 60) + rng.normal(0, 10, (72, 72, 3))
        for part, array in (("images", np.clip(image, 0, 255).astype(np.uint8)), ("masks", label)):
            (tmp_path / "data" / part).mkdir(parents=True, exist_ok=True)
            images.write_png(tmp_path / "data" / part / f"f{number}.png", array)
    return tmp_path / "data"


def test_a_climb_finds_rates_between_its_ends(folder: Path) -> None:
    from cloudcore.learning.fit import rate_finder

    task = get_task("sky")
    config = make_config(task, TINY)
    found = rate_finder.find(task, config, task.dataset(config, folder), "cpu", steps=30)
    assert len(found["rates"]) == len(found["losses"]) <= 30
    assert found["rates"] == sorted(found["rates"]) and found["rates"][0] == pytest.approx(rate_finder.LOWEST)
    assert set(found["suggestions"]) == {"valley", "steep", "minimum"}
    assert all(1e-7 <= rate <= 1 for rate in found["suggestions"].values())
    assert found["images_per_second"] > 0 and all(map(math.isfinite, found["losses"]))


def test_the_process_leaves_its_answer_where_the_page_looks(folder: Path, tmp_path: Path) -> None:
    here = settings.Settings(workspace=tmp_path / "w", labels=tmp_path / "l")
    options = {**vars(make_config(get_task("sky"), TINY))}
    asked = trial.Trial("sky", options, folder)
    path = trial.start(asked, here)
    assert trial.start(asked, here) == path, "a second click watches the first trial"
    end = time.monotonic() + 200
    while trial.read(path)["state"] == "running" and time.monotonic() < end:
        time.sleep(0.3)
    told = trial.read(path)
    assert (told["state"], told["device"]) == ("done", "cpu"), told
    other = {**options, "learning_rate": 0.5, "epochs": 9}
    assert trial.answer_path(trial.Trial("sky", other, folder), here) == path, (
        "the answer does not hang on what it suggests"
    )
    assert trial.answer_path(trial.Trial("sky", {**options, "batch": 4}, folder), here) != path
    assert not runs.list_runs(here.runs), "a trial is no run"


def test_a_trial_without_a_word_is_lost_and_a_refusal_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    atomic.write_json(path, {"state": "running", "beat": "2020-01-01T00:00:00+00:00"})
    assert trial.read(path)["state"] == "lost"
    with pytest.raises(Exception, match="no folder images"):
        trial.run_trial(trial.Trial("sky", TINY, tmp_path), path, "cpu")
    assert "no folder images" in trial.read(path)["error"]


def test_too_short_a_curve_is_refused(folder: Path) -> None:
    from cloudcore.learning.fit import rate_finder

    task = get_task("sky")
    config = make_config(task, TINY)

    def broken(config: Any) -> Any:
        return lambda logits, label: logits.sum() * math.nan

    with pytest.raises(RunError, match="too few for a curve"):
        rate_finder.find(dataclasses.replace(task, loss=broken), config, task.dataset(config, folder), "cpu", steps=20)


def test_it_begins_from_a_model_s_weights_with_the_model_s_network(folder: Path, tmp_path: Path) -> None:
    fixed = starting_weights.options_of("sky", get_task("sky"))
    assert fixed["network"] == "unet"
    asked = trial.Trial("sky", {"batch": 2, "crop": 64, "min_steps": 9}, folder, start_from="sky")
    told = trial.run_trial(asked, tmp_path / "a.json", "cpu")
    assert told["images_per_second"] > 0


def test_the_speed_alone_is_some_seconds_of_steps(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from cloudcore.learning.fit import rate_finder

    monkeypatch.setattr(rate_finder, "TIMED_S", 0.0)
    told = trial.run_trial(trial.Trial("sky", TINY, folder, only_speed=True), tmp_path / "a.json", "cpu")
    assert "suggestions" not in told and told["images_per_second"] > 0 and told["memory_mib"] > 0
    assert (told["epoch_images"], told["valid_images"], told["device"]) == (20, 0, "cpu")
    assert trial.read(tmp_path / "a.json")["state"] == "done"


def test_the_speed_and_the_rates_do_not_write_over_each_other(tmp_path: Path) -> None:
    here = settings.Settings(workspace=tmp_path / "w", labels=tmp_path / "l")
    both = {trial.answer_path(trial.Trial("sky", {}, tmp_path, only_speed=only), here) for only in (False, True)}
    assert len(both) == 2


def test_a_trial_that_was_killed_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    atomic.write_json(path, {"state": "running", "beat": runs.now()})
    process = subprocess.Popen(["sleep", "60"])
    process.kill()
    trial._await_end(process, path)
    assert trial.read(path) == {
        "state": "failed",
        "error": "The trial ended without an answer (signal 9). Try again.",
    }


SMALL: dict[str, dict[str, Any]] = {
    "patterns": {"size": "64x96", "batch": 2, "min_steps": 2, "validation": 0.34},
    "genus": {"size": 32, "presize": 64, "batch": 8},
    "radar": {"batch": 16},
}


@pytest.mark.parametrize("name", SMALL)
def test_every_task_has_a_finder_and_a_timing(name: str, samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cloudcore.learning.fit import rate_finder

    monkeypatch.setattr(rate_finder, "TIMED_S", 0.0)
    task = get_task(name)
    config = make_config(task, SMALL[name])
    prepared = task.dataset(config, samples / name)
    found = rate_finder.find(task, config, prepared, "cpu", steps=12)
    assert len(found["rates"]) == 12 and all(1e-7 <= rate <= 1 for rate in found["suggestions"].values())
    told = rate_finder.speed(task, config, prepared, "cpu")
    assert told["images_per_second"] > 0 and told["valid_images"] == len(prepared.valid) > 0
    assert told["epoch_images"] == pytest.approx(prepared.steps * config.batch, rel=0.2)
