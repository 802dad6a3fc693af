"""Scoring of frames: kept levels, counts of every step, scores and intervals."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from cloudcore import images, models
from cloudcore.errors import DataError
from cloudcore.files import opening
from cloudcore.frames import listing
from cloudcore.labels import LabelStore
from cloudcore.masks import mask, metrics
from cloudcore.ui import lens
from cloudcore.ui.compare import predictions
from tests import toy_model

GRID = lens.Grid()


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A data folder of three frames of 48x64 whose lower part is undefined."""
    for number in range(3):
        image = cv2.GaussianBlur(rng.integers(0, 256, (48, 64, 3), np.uint8), (0, 0), 3)
        label = np.where(image[..., 0] > 127, mask.CLOUD, mask.SKY).astype(np.uint8)
        label[40:] = mask.UNDEFINED
        for part, array in (("images", image), ("masks", label)):
            (tmp_path / "set" / part).mkdir(parents=True, exist_ok=True)
            images.write_png(tmp_path / "set" / part / f"f{number}.png", array)
    return tmp_path / "set"


@pytest.fixture
def model(tmp_path: Path) -> models.Predictor:
    """A model without training."""
    return models.load(toy_model.write(tmp_path / "toy"))


def test_kept_levels_are_the_models_answer(folder: Path, model: models.Predictor, tmp_path: Path) -> None:
    case = predictions.cases_of_folder(folder)[0]
    image, _ = predictions.read(case, LabelStore(tmp_path / "labels"), "sky")
    first = predictions.levels(tmp_path / "cache", model, case, image, GRID)
    kept = list((tmp_path / "cache").rglob("*.png"))
    assert len(kept) == 1
    assert np.array_equal(first, lens.levels(model(image), GRID.thresholds))
    assert np.array_equal(predictions.levels(tmp_path / "cache", model, case, image, GRID), first)
    kept[0].write_bytes(b"broken")
    assert np.array_equal(predictions.levels(tmp_path / "cache", model, case, image, GRID), first)


def test_counts_equal_clean_and_confusion(folder: Path, model: models.Predictor, tmp_path: Path) -> None:
    case = predictions.cases_of_folder(folder)[1]
    image, label = predictions.read(case, LabelStore(tmp_path / "labels"), "sky")
    cloud, valid = mask.from_label(label)
    counts = predictions.count(lens.levels(model(image), GRID.thresholds), label, GRID)
    for k, m in [(20, 0), (49, 3), (60, 8)]:
        cleaned = mask.clean(model(image), GRID.thresholds[k], GRID.min_sizes[m], valid)
        wanted = metrics.confusion(cleaned, cloud, valid)
        assert counts.confusion(k, m).tolist() == [wanted.tp, wanted.fp, wanted.fn, wanted.tn]
        assert counts.dice()[k, m] == pytest.approx(wanted.dice)


def test_scores_are_those_of_metrics(rng: np.random.Generator) -> None:
    found = rng.integers(1, 500, (7, 4))
    frames = [metrics.Confusion(*(int(value) for value in row)) for row in found]
    pooled, said = metrics.pooled(frames), predictions.scores(found)
    for name in set(said) - {"cloud_error"}:
        assert said[name] == pytest.approx(getattr(pooled, name))
    assert said["cloud_error"] == pytest.approx(metrics.fraction_error(frames))


def test_both_empty_is_one_and_intervals_need_frames(rng: np.random.Generator) -> None:
    empty = predictions.scores(np.array([[0, 0, 0, 50]]))
    assert empty["dice"] == empty["iou"] == 1 and np.isnan(empty["precision"])
    assert predictions.intervals(rng.integers(1, 9, (19, 4))) == {}
    low, high = predictions.intervals(rng.integers(1, 900, (40, 4)))["dice"]
    assert 0 < low < high < 1


def test_a_painted_label_goes_before_the_mask_file(folder: Path, tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "labels")
    store.save("sky", "f1", np.ones((48, 64), bool), base_revision=0, author="ann", operation_id="1")
    frames = listing.list_frames(folder / "images")
    found = {case.stem: case for case in predictions.cases(frames, folder / "images", store, "sky")}
    assert [found[stem].revision for stem in ("f0", "f1", "f2")] == [0, 1, 0]
    assert (predictions.read(found["f1"], store, "sky")[1] == mask.CLOUD).all()
    assert found["f0"].identity != found["f2"].identity


def test_a_label_of_another_size_is_refused(folder: Path, tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "labels")
    store.save("sky", "f1", np.ones((20, 20), bool), base_revision=0, author="ann", operation_id="1")
    case = next(
        c
        for c in predictions.cases(listing.list_frames(folder / "images"), folder / "images", store, "sky")
        if c.stem == "f1"
    )
    with pytest.raises(DataError, match="20 × 20"):
        predictions.read(case, store, "sky")


def test_trained_on_is_told_by_content(folder: Path, tmp_path: Path) -> None:
    cases = predictions.cases_of_folder(folder)
    known = models.load(toy_model.write(tmp_path / "t", trained_on=[opening.sha256_of(cases[0].path)]))
    assert [predictions.trained_on(known, case) for case in cases] == [True, False, False]


def test_thinning_only_above_the_limit() -> None:
    assert predictions.thinning((1400, 1500)) == 1 and predictions.thinning((3456, 5184)) == 3
