"""Learning: seeded, resumed to the same bits, stopped, exported as it was trained; and the job around it."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudcore import images, models, runs, settings
from cloudcore.errors import CloudcoreError, DataError, ModelError, RunError
from cloudcore.frames import labelled
from cloudcore.learning import jobs, starting_weights, work
from cloudcore.learning.options import make_config
from cloudcore.learning.task import Task
from cloudcore.learning.tasks import find_tasks, get_task
from cloudcore.models import evaluation

ROOT = Path(__file__).parents[3]
TINY = {
    "epochs": 2,
    "batch": 4,
    "size": 64,
    "crop": 64,
    "min_steps": 2,
    "decoder_width": 16,
    "encoder": "tu-mobilenetv3_small_050",
}


@pytest.fixture
def folder(small_sky: Path) -> Path:
    """The small data folder all of these learn from."""
    return small_sky


def _fit(
    folder: Path, root: Path, options: dict[str, Any], run: runs.Run | None = None, task: Task | None = None
) -> tuple[runs.Run, Any]:
    from cloudcore.learning.fit import loop

    task = task or get_task("sky")
    config = make_config(task, options)
    run = run or runs.create(root / "runs", "sky", folder, options)
    with runs.Reporter(run) as reporter:
        net = loop.fit(task, config, task.dataset(config, folder), reporter, "cpu")
    return run, net


def test_every_task_keeps_the_contract() -> None:
    for task in find_tasks():
        assert task.kind in ("mask", "masks", "class")
        for preset in ["", *task.presets]:
            make_config(task, {}, preset or None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "between"),
        ({"loss": "hinge"}, "one of"),
        ({"epochs": "many"}, "must be int"),
        ({"x": 1}, "no setting"),
    ],
)
def test_bad_options_are_refused_in_words(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make_config(get_task("sky"), options)


def test_same_seed_same_numbers_and_a_resumed_run_ends_in_the_same_bits(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    options = {**TINY, "epochs": 3, "averaging": 0.9}
    whole, _ = _fit(folder, tmp_path / "a", options)
    broken, _ = _fit(folder, tmp_path / "b", options)
    keep = [{k: v for k, v in row.items() if k not in ("seconds", "images_per_second")} for row in whole.history()]
    again = [{k: v for k, v in row.items() if k not in ("seconds", "images_per_second")} for row in broken.history()]
    assert keep == again
    last = broken.checkpoints / "epoch-00003"
    wanted = load_file(last.with_suffix(".safetensors"))
    for suffix in (".json", ".safetensors"):
        last.with_suffix(suffix).unlink()
    _fit(folder, tmp_path / "b", options, broken)
    got = load_file(last.with_suffix(".safetensors"))
    assert wanted.keys() == got.keys()
    assert all((wanted[name] == got[name]).all() for name in wanted)
    assert [row["epoch"] for row in broken.history()] == [1, 2, 3]


def test_a_compiled_network_keeps_its_names_and_learns_the_same(folder: Path, tmp_path: Path) -> None:
    """The compiler itself is told to leave the network as it is: minutes of its work are no unit test."""
    import torch
    from safetensors.torch import load_file

    plain, _ = _fit(folder, tmp_path / "a", {**TINY, "epochs": 1})
    torch.compiler.set_stance("force_eager")
    try:
        compiled, _ = _fit(folder, tmp_path / "b", {**TINY, "epochs": 1, "compile": True})
    finally:
        torch.compiler.set_stance("default")
    wanted, got = (load_file(run.checkpoints / "best.safetensors") for run in (plain, compiled))
    assert wanted.keys() == got.keys() and all((wanted[name] == got[name]).all() for name in wanted)


def test_a_run_leaves_its_history_for_tensorboard(folder: Path, tmp_path: Path) -> None:
    run, _ = _fit(folder, tmp_path, TINY)
    assert list((run.folder / "tensorboard").glob("events.out.tfevents.*"))


def test_a_damaged_checkpoint_falls_back_to_the_one_before(folder: Path, tmp_path: Path) -> None:
    run, _ = _fit(folder, tmp_path, TINY)
    (run.checkpoints / "epoch-00002.safetensors").write_bytes(b"\x00" * 40)
    _fit(folder, tmp_path, TINY, run)
    assert any("going back to the one before" in line for line in run.log_tail(50))
    assert [row["epoch"] for row in run.history()] == [1, 2]


def test_a_loss_that_is_no_number_ends_the_run_in_words(folder: Path, tmp_path: Path) -> None:
    task, calls = get_task("sky"), iter(range(100))

    def loss(config: Any) -> Any:
        value = task.loss(config)
        return lambda logits, label: value(logits, label) * (math.nan if next(calls) == 3 else 1)

    with pytest.raises(RunError, match="Stopped at epoch 2: loss is NaN"):
        _fit(folder, tmp_path, {**TINY, "validation": 0.0}, task=replace(task, loss=loss))
    assert runs.list_runs(tmp_path / "runs")[0].status().state == "failed"


FAULTS = {
    "a full disk": (
        OSError(errno.ENOSPC, "No space left on device"),
        "cannot be written: No space left on device",
    ),
    "no memory": (MemoryError("Unable to allocate 9 GiB"), "Out of memory. Lower batch"),
    "no memory, as torch says it": (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "Out of memory. Lower"),
}


@pytest.mark.parametrize("fault", FAULTS, ids=list(FAULTS))
def test_a_fault_at_a_checkpoint_is_named_and_the_run_resumes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    from cloudcore.learning.fit import checkpoints

    problem, words = FAULTS[fault]
    save, calls = checkpoints.save_tensors, iter(range(1000))

    def failing(path: Path, tensors: dict[str, Any]) -> None:
        if next(calls) >= 2:  # the best weights and the checkpoint of the first epoch are written
            raise problem
        save(path, tensors)

    config = asdict(make_config(get_task("sky"), TINY))
    run = runs.create(tmp_path / "runs", "sky", folder, config, device="cpu")
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_tensors", failing)
        with pytest.raises(RunError, match=words):
            work.run_training(run)
    assert (run.status().state, words in run.status().error) == ("failed", True)
    work.run_training(run)
    assert (run.status().state, [row["epoch"] for row in run.history()]) == ("done", [1, 2])
    made = json.loads((run.folder / "made_with.json").read_text())["times"]
    assert len(made) == 2 and made[0]["data"] == made[1]["data"], "each start says what it was made with"


def test_a_run_outlives_the_app_that_started_it(folder: Path, tmp_path: Path) -> None:
    """Another process starts it and ends, as a restarted server would; here it is found, watched and stopped."""
    place = settings.Settings(workspace=tmp_path, labels=tmp_path / "labels")
    script = (
        "import sys, pathlib\nfrom cloudcore import settings\nfrom cloudcore.learning import jobs\n"
        "p = pathlib.Path(sys.argv[1])\n"
        f"jobs.start('sky', {{**{TINY!r}, 'epochs': 400}}, pathlib.Path(sys.argv[2]),"
        " settings.Settings(workspace=p, labels=p / 'labels'))"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path), str(folder)], cwd=ROOT, check=True, timeout=120)
    (run,) = jobs.active(place)
    end = time.monotonic() + 120
    while not run.history() and time.monotonic() < end:
        time.sleep(0.2)
    assert run.status().state == "running" and run.history()
    jobs.stop(run)
    _until(run, ("stopped",))


def test_weights_of_another_architecture_and_nan_weights_are_refused(folder: Path) -> None:
    import torch

    from cloudcore.learning.fit import checkpoints

    task = get_task("sky")
    net = task.network(make_config(task, TINY))
    other = task.network(make_config(task, {**TINY, "network": "cloudnet"}))
    with pytest.raises(RunError, match="another architecture"):
        checkpoints.load_weights(net, other.state_dict())
    state = {name: value.clone() for name, value in other.state_dict().items()}
    state["fc3.bias"] = torch.full_like(state["fc3.bias"], float("nan"))
    with pytest.raises(RunError, match="NaN"):
        checkpoints.load_weights(other, state)


@pytest.mark.parametrize(
    "options",
    [
        {**TINY, "flip_test": True},
        {**TINY, "network": "cloudnet", "size": 0, "loss": "cross_entropy"},
        {**TINY, "network": "cloudnet", "size": 0, "form": "patch", "epochs": 1},
    ],
)
def test_the_model_a_run_leaves_answers_like_torch(
    folder: Path, tmp_path: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from safetensors.torch import load_file

    monkeypatch.setenv("CLOUDCORE_WORKSPACE", str(tmp_path))
    run = work.prepare("sky", options, folder, tmp_path / "runs", None, "cpu")
    assert work.run_training(run).state == "done"
    predictor = models.load(run.folder)
    task = get_task("sky")
    config = make_config(task, options)
    net = task.network(config)
    net.load_state_dict(
        {
            k: v.float() if v.is_floating_point() else v
            for k, v in load_file(run.model_folder / "weights.safetensors").items()
        }
    )
    module, _ = task.deploy(config, net.eval())
    rng = np.random.default_rng(1)
    for height, width in ((64, 96), (72, 80)):
        x = torch.from_numpy(rng.normal(size=(1, 3, height // 32 * 32, width // 32 * 32)).astype(np.float32))
        with torch.no_grad():
            wanted = module(x).numpy()
        got = predictor.session.run(None, {"x": x.numpy()})[0]
        assert np.abs(got - wanted).max() <= 1e-4
        answer = predictor(rng.integers(0, 256, (height, width, 3)).astype(np.uint8))
        assert answer.shape == (height, width)
        assert answer.dtype == np.float32
    assert len(predictor.trained_on) == len(labelled.pairs(folder)) - predictor.info["scores"]["n"]
    scored = evaluation.evaluate(predictor, folder)
    assert scored["left_out"] == len(predictor.trained_on)
    assert scored["metrics"]["miou"]["low"] is None  # fewer than twenty frames have no interval


def test_one_image_is_learnt_from_without_validation(folder: Path, tmp_path: Path) -> None:
    for kind in ("images", "masks"):
        (tmp_path / "one" / kind).mkdir(parents=True)
        source = next((folder / kind).iterdir())
        (tmp_path / "one" / kind / "a.png").write_bytes(source.read_bytes())
    run, net = _fit(tmp_path / "one", tmp_path, TINY)
    assert net is not None
    assert "miou" not in run.history()[0]


def _command(*arguments: str, environ: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cloudcore", *arguments],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_train_predict_evaluate_and_sweep_from_the_terminal(folder: Path, tmp_path: Path) -> None:
    environ = {"CLOUDCORE_WORKSPACE": str(tmp_path)}
    flags = [f"--{key.replace('_', '-')}={value}" for key, value in TINY.items()]
    process = _command("train", "sky", "--data", str(folder), *flags, environ=environ)
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    run = out.strip().splitlines()[-1]
    assert Path(run).is_dir()
    for arguments in (
        ("predict", run, str(folder / "images"), "--out", str(tmp_path / "out")),
        ("evaluate", run, "--data", str(folder), "--json", str(tmp_path / "e.json")),
        ("sweep", run, "--data", str(folder), "--json", str(tmp_path / "s.json"), "--write"),
    ):
        process = _command(*arguments, environ=environ)
        out, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert len(list((tmp_path / "out").glob("*.png"))) == 12
    assert set(np.unique(images.read_label(next((tmp_path / "out").glob("*.png"))))) <= {0, 255}
    told = json.loads((tmp_path / "e.json").read_text())
    assert {"value", "low", "high", "n"} <= set(told["metrics"]["miou"])
    best = json.loads((tmp_path / "s.json").read_text())["cloud"]
    assert models.load(run).threshold == (best["threshold"],)


def _until(run: runs.Run, states: tuple[str, ...], seconds: float = 120) -> runs.Status:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (status := run.status()).state in states:
            return status
        time.sleep(0.2)
    raise AssertionError(f"{run.status()} {run.log_tail()}")


def test_start_twice_stop_resume_and_kill(folder: Path, tmp_path: Path) -> None:
    place = settings.Settings(workspace=tmp_path, labels=tmp_path / "labels")
    options = {**TINY, "epochs": 400}
    run = jobs.start("sky", options, folder, place)
    assert jobs.start("sky", options, folder, place).id == run.id
    assert len(runs.list_runs(place.runs)) == 1
    end = time.monotonic() + 120
    while not run.history() and time.monotonic() < end:
        time.sleep(0.2)
    jobs.stop(run)
    asked = time.monotonic()
    _until(run, ("stopped",))
    print(f"stopped after {time.monotonic() - asked:.1f} s")
    done = len(run.history())
    jobs.resume(run, place)
    end = time.monotonic() + 120
    while len(run.history()) <= done and time.monotonic() < end:
        time.sleep(0.2)
    found = subprocess.run(["pgrep", "-f", run.id], capture_output=True, text=True).stdout.split()
    os.kill(int(found[0]), signal.SIGKILL)
    assert _until(run, ("lost",), 30).state == "lost"
    assert "Resume" in run.status().message
    done = len(run.history())
    jobs.resume(run, place)
    end = time.monotonic() + 120
    while len(run.history()) <= done and time.monotonic() < end:
        time.sleep(0.2)
    assert run.status().state == "running" and len(run.history()) > done
    assert [row["epoch"] for row in run.history()] == list(range(1, len(run.history()) + 1))
    jobs.stop(run)
    _until(run, ("stopped",))


def test_a_missing_gpu_is_named_and_the_run_is_over(folder: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("There is a CUDA GPU on this machine.")
    run = work.prepare("sky", TINY, folder, tmp_path / "runs", None, "cuda")
    with pytest.raises(RunError, match="No CUDA GPU was found. Choose auto or cpu"):
        work.run_training(run)
    assert run.status().state == "failed" and "No CUDA GPU" in run.status().error


def test_a_refusal_is_one_sentence_and_exit_code_one(tmp_path: Path) -> None:
    for arguments, words in (
        (("train", "sky", "--data", str(tmp_path)), "no folder images"),
        (("predict", "nobody", str(tmp_path), "--out", str(tmp_path)), "There is no model"),
        (("predict", "export.pkl", str(tmp_path), "--out", str(tmp_path)), "pickle"),
    ):
        process = _command(*arguments, environ={})
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert words in errors
        assert "Traceback" not in errors


def test_start_from_a_model_of_another_network_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDCORE_WORKSPACE", str(tmp_path))
    run = work.prepare("sky", {**TINY, "epochs": 1}, folder, tmp_path / "runs", None, "cpu")
    work.run_training(run)
    task = get_task("sky")
    assert starting_weights.options_of(run.id, task)["encoder"] == TINY["encoder"]
    second = work.prepare("sky", {"epochs": 1, "crop": 64, "min_steps": 1}, folder, tmp_path / "runs", run.id, "cpu")
    assert work.run_training(second).state == "done"
    with pytest.raises(CloudcoreError, match="network"):
        starting_weights.start_weights(task, make_config(task, {**TINY, "network": "cloudnet"}), run.id)


@pytest.mark.parametrize("name", ["export.pkl", "weights.pt", "../x", "nobody"])
def test_a_model_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ModelError):
        models.load(name)
