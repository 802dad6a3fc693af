"""The genus task: batches as a function of seed and epoch, a training that resumes to the same bits, its model."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cloudcore import images, models, runs
from cloudcore.errors import CloudcoreError, ModelError
from cloudcore.files import atomic
from cloudcore.learning import ensemble, work
from cloudcore.learning.batches import photograph_data, photograph_views
from cloudcore.learning.fit import callbacks, schedule
from cloudcore.learning.options import make_config
from cloudcore.learning.tasks import genus, get_task
from cloudcore.samples import photographs

TINY = {
    "network": "test_resnet",
    "epochs": 2,
    "size": 32,
    "presize": 64,
    "batch": 8,
    "validation": 0.3,
    "test": 0.2,
    "averaging": 0.9,
}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three drawn classes of eight."""
    folder = tmp_path_factory.mktemp("genus")
    photographs.write(folder)
    for name in (
        "Altocumulus",
        "Altostratus",
        "Cirrocumulus",
        "Cirrostratus",
        "Cumulonimbus",
        "Nimbostratus",
        "Stratocumulus",
    ):
        shutil.rmtree(folder / name)
    return folder


def _data(folder: Path, **more: Any) -> photograph_data.GenusData:
    config = make_config(get_task("genus"), {**TINY, **more})
    return genus.dataset(config, folder)


def test_batches_follow_seed_and_epoch_alone(three: Path) -> None:
    one, two = _data(three, mixup=0.4, cutmix=1.0), _data(three, mixup=0.4, cutmix=1.0)
    for (x, y), (again, same) in zip(one.batches(3), two.batches(3), strict=True):
        assert torch.equal(x, again) and torch.equal(y, same)
    other = next(iter(one.batches(4)))
    assert not torch.equal(next(iter(one.batches(3)))[0], other[0])
    assert torch.allclose(other[1].sum(1), torch.ones(len(other[1])))


def test_parts_do_not_overlap(three: Path) -> None:
    found = _data(three)
    parts = [set(found.stems[name]) for name in ("train", "valid", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 24 and all(parts)


def test_classes_can_be_evened_out(three: Path) -> None:
    base = _data(three)
    base.train = [e for e in base.train if e.photo.label != 0 or e.photo.stem.endswith("1")] or base.train
    counts = np.bincount([e.photo.label for e in base.train], minlength=3)
    base.config = make_config(get_task("genus"), {**TINY, "equalise": "equalised"})
    drawn = np.bincount([base.train[i].photo.label for i in base._order(np.random.default_rng(0))], minlength=3)
    assert np.ptp(drawn) <= np.ptp(counts)
    base.config = make_config(get_task("genus"), {**TINY, "equalise": "weighted"})
    assert (base._weights() * counts).sum() == pytest.approx(len(base.train), rel=1e-5)


def test_sides_grow(three: Path) -> None:
    found = _data(three, size=64, progressive=0.5, epochs=9)
    sides = [found.side(epoch) for epoch in range(9)]
    assert sides[0] == 32 and sides[-1] == 64 and sides == sorted(sides)


def test_views_without_strength_are_the_picture(rng: np.random.Generator) -> None:
    picture = photographs.draw("Cirrus", rng)
    plain = photograph_views.augmented([picture], 96, 0.5, 0.0, rng)[0]
    assert np.array_equal(plain.transpose(1, 2, 0), images.resize(picture, (96, 96)).astype(np.float32))
    lit = photograph_views.augmented([picture, picture], 96, 0.5, 1.0, rng)
    assert lit.shape == (2, 3, 96, 96) and lit.min() >= 0 and lit.max() <= 255 and not np.array_equal(lit[0], lit[1])


def test_loss_by_hand() -> None:
    value = genus.loss(make_config(get_task("genus"), {"smoothing": 0.0}))
    logits = torch.tensor([[2.0, 0.0]])
    expected = np.log(1 + np.exp(-2.0))
    assert float(value(logits, torch.tensor([0]))) == pytest.approx(expected, rel=1e-5)
    soft = value(logits, torch.tensor([[0.5, 0.5]]))
    assert float(soft) == pytest.approx(0.5 * expected + 0.5 * (expected + 2), rel=1e-5)


def test_maps_average_to_logits() -> None:
    net = genus.network(make_config(get_task("genus"), TINY), 4).eval()
    deployed, wanted = genus.deploy(make_config(get_task("genus"), TINY), net)
    assert wanted == {"geometry": "square", "side": 32, "multiple": 32}
    with torch.no_grad():
        logits, maps = deployed.eval()(torch.randn(2, 3, 64, 64))
    assert torch.allclose(maps.mean((2, 3)) + net.head.bias, logits, atol=1e-4)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "regnetx_002"])
def test_networks_of_both_libraries(name: str) -> None:
    net = genus.network(make_config(get_task("genus"), {"network": name}), 3).eval()
    with torch.no_grad():
        assert net(torch.randn(1, 3, 64, 64)).shape == (1, 3)


def test_networks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no network 'nonsense'"):
        genus.network(make_config(get_task("genus"), {"network": "nonsense"}), 3)
    with pytest.raises(ModelError, match="takes no picture"):
        genus.network(make_config(get_task("genus"), {"network": "mixer_s32_224"}), 3)
    bad = tmp_path / "weights.pkl"
    bad.write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match="safetensors"):
        genus.network(make_config(get_task("genus"), {**TINY, "weights": str(bad)}), 3)


def _run(folder: Path, root: Path, **more: Any) -> runs.Run:
    run = work.prepare("genus", {**TINY, **more}, folder, root, None, "cpu")
    work.run_training(run)
    return run


def test_train_leaves_a_calibrated_model(three: Path, tmp_path: Path) -> None:
    run = _run(three, tmp_path / "runs")
    assert run.status().state == "done"
    info = json.loads((run.model_folder / "model.json").read_text())
    assert info["classes"] == ["Cirrus", "Cumulus", "Stratus"] and info["temperature"] > 0
    assert info["rejection"]["recall"] == 0.95 and info["scores"]["part"] == "test"
    assert info["scores"]["metrics"]["macro_f1"]["n"] == len(info["tested_on"])
    assert not set(info["calibrated_on"]) & set(info["trained_on"]["images"])
    model = models.load(run.model_folder)
    picture = images.read(next((three / "Cirrus").glob("*.jpg")))
    assert model(picture).shape == (3,) and model.activation_map(picture) is not None
    row = run.history()[-1]
    assert {"macro_f1", "top3", "accuracy", "ece", "error_rate"} <= set(row)


def test_resume_gives_the_same_bits(three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _run(three, tmp_path / "whole", mixup=0.4)
    keep = callbacks.KeepEpoch.after_epoch

    def stop_after_one(self: Any) -> None:
        keep(self)
        self.reporter.run.request_stop()

    broken = work.prepare("genus", {**TINY, "mixup": 0.4}, three, tmp_path / "broken", None, "cpu")
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.KeepEpoch, "after_epoch", stop_after_one)
        assert work.run_training(broken).state == "stopped"
    (broken.folder / "stop").unlink(missing_ok=True)
    assert work.run_training(broken).state == "done"
    one, two = (run.model_folder / "weights.safetensors" for run in (whole, broken))
    assert one.read_bytes() == two.read_bytes()


def test_fine_tuning_moves_the_head_first(three: Path, tmp_path: Path) -> None:
    first = _run(three, tmp_path / "runs")
    weights = str(first.model_folder / "weights.safetensors")
    config = make_config(get_task("genus"), {**TINY, "weights": weights, "frozen": 0.5, "body_rate": 0.1})
    rates = schedule._fine_tuning_rates(config)
    assert rates(0.2)[0] == 0.0 and rates(0.2)[1] > 0
    body, head = rates(0.8)
    assert body == pytest.approx(0.1 * head) and head > 0
    assert _run(three, tmp_path / "runs", weights=weights).status().state == "done"


def test_one_class_is_refused_before_anything_starts(three: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(three / "Cirrus", alone / "Cirrus")
    with pytest.raises(CloudcoreError, match="at least two classes"):
        work.prepare("genus", TINY, alone, tmp_path / "runs", None, "cpu")
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


def test_two_models_become_one(three: Path, tmp_path: Path) -> None:
    one, two = (_run(three, tmp_path / "runs", seed=seed, epochs=1) for seed in (1, 2))
    joined = models.load(ensemble.join([str(one.folder), str(two.folder)], three, tmp_path / "both", "Both"))
    picture = images.read(next((three / "Cumulus").glob("*.jpg")))
    apart = [models.load(run.model_folder).logits(picture) for run in (one, two)]
    assert np.allclose(joined.logits(picture), np.mean(apart, axis=0), atol=1e-3)
    assert joined.info["joined"] == ["test_resnet", "test_resnet"] and joined.info["temperature"] > 0
    with pytest.raises(ModelError, match="there already"):
        ensemble.join([str(one.folder)], three, tmp_path / "both", "Both")
    info = models.ModelInfo.read(two.model_folder)
    replace(info, trained_on=replace(info.trained_on, images=info.calibrated_on)).write(two.model_folder)
    with pytest.raises(ModelError, match="were learnt from"):
        ensemble.join([str(one.folder), str(two.folder)], three, tmp_path / "mixed", "Mixed")


def test_a_separate_test_folder_is_scored_alone(three: Path, tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    shutil.copytree(three, apart)
    task = get_task("genus")
    same = task.dataset(make_config(task, {**TINY, "test_folder": str(apart)}), three)
    assert not same.test, "files that are learnt from are no test"
    for path in apart.rglob("*.jpg"):
        atomic.replace_file(path, images.encode_jpeg(images.read(path)[:, ::-1].copy()))
    mirrored = task.dataset(make_config(task, {**TINY, "test_folder": str(apart)}), three)
    assert len(mirrored.test) == len(list(apart.rglob("*.jpg"))) > 0
    assert len(mirrored.train) + len(mirrored.valid) == len(list(three.rglob("*.jpg")))
    shutil.rmtree(apart / sorted(path.name for path in apart.iterdir())[0])
    with pytest.raises(CloudcoreError, match="The test folder holds"):
        task.dataset(make_config(task, {**TINY, "test_folder": str(apart)}), three)
    with pytest.raises(CloudcoreError, match="There is no test folder"):
        task.dataset(make_config(task, {**TINY, "test_folder": str(tmp_path / "none")}), three)
