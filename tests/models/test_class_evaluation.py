"""Scores of a classifier, each pinned by an answer worked by hand; rejection; the review of a folder; the table."""

import csv
from pathlib import Path

import numpy as np
import pytest

from cloudcore import models
from cloudcore.errors import DataError
from cloudcore.files import opening
from cloudcore.masks import metrics
from cloudcore.models import class_evaluation, class_review, class_table, evaluation
from cloudcore.photographs import folders
from cloudcore.samples import photographs
from tests import toy_class_model


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("genus")
    photographs.write(folder)
    return folder


def test_macro_f1_by_hand() -> None:
    matrix = np.array([[2, 1, 0], [0, 1, 0], [0, 0, 0]])
    # class 0: 2*2/(2+3) = 0.8; class 1: 2*1/(2+1) = 2/3; class 2 never occurs
    assert class_evaluation.macro_f1(matrix) == pytest.approx((0.8 + 2 / 3) / 2)


def test_top_k_and_auroc_by_hand() -> None:
    p = np.array([[0.5, 0.3, 0.15, 0.05], [0.4, 0.3, 0.2, 0.1]], np.float32)
    assert class_evaluation.top_k(p, np.array([2, 3]), 3) == 0.5
    assert class_evaluation.auroc([3.0, 2.0, 1.0], [2.0, 0.0]) == pytest.approx((1 + 1 + 0.5 + 1 + 0 + 1) / 6)
    assert np.isnan(class_evaluation.auroc([1.0], []))


def test_intervals_need_twenty(rng: np.random.Generator) -> None:
    p = rng.dirichlet(np.ones(4), 30).astype(np.float32)
    truth = rng.integers(0, 4, 30)
    table = class_evaluation.score(p, truth)
    for name in ("macro_f1", "accuracy", "top3"):
        assert table[name]["low"] < table[name]["value"] < table[name]["high"] and table[name]["n"] == 30
    # resampling adds to the ECE, so its value may lie below the interval: that is worked out draw by draw instead
    draws = np.random.default_rng(0).integers(0, 30, (1000, 30))
    resampled = [metrics.ece(p[drawn], truth[drawn]) for drawn in draws]
    ends = [round(float(end), 5) for end in np.percentile(resampled, (2.5, 97.5))]
    assert [table["ece"]["low"], table["ece"]["high"]] == ends and ends[0] < ends[1] and table["ece"]["n"] == 30
    assert class_evaluation.score(p[:19], truth[:19])["accuracy"]["low"] is None
    assert table["majority_accuracy"]["value"] == pytest.approx(np.bincount(truth).max() / 30, abs=1e-5)
    with pytest.raises(DataError, match="No photograph"):
        class_evaluation.score(p[:0], truth[:0])


def test_reliability_counts_every_answer(rng: np.random.Generator) -> None:
    p = rng.dirichlet(np.ones(4), 50).astype(np.float32)
    bins = class_evaluation.reliability(p, rng.integers(0, 4, 50))
    assert sum(row["n"] for row in bins) == 50 and len(bins) == 10
    assert all(row["confidence"] is None for row in bins if not row["n"])


def test_evaluate_leaves_out_what_was_learnt(drawn: Path, tmp_path: Path) -> None:
    learnt = [opening.sha256_of(path) for path in sorted((drawn / "Cirrus").glob("*.jpg"))]
    model = models.load(toy_class_model.write(tmp_path / "toy", trained_on=learnt))
    result = evaluation.evaluate(model, drawn)
    assert result["left_out"] == 8 and result["n"] == 24 and result["task"] == "genus"
    assert np.array(result["confusion"]).sum() == 24
    assert evaluation.evaluate(model, drawn, every=True)["n"] == 32


def test_rejection_is_scored_for_each_kind_apart(drawn: Path, tmp_path: Path) -> None:
    model = models.load(toy_class_model.write(tmp_path / "toy"))
    real = tmp_path / "real"
    (real / "radar" / "images").mkdir(parents=True)
    for path in sorted((drawn / "Nimbostratus").glob("*.jpg")):
        (real / "radar" / "images" / path.name).write_bytes(path.read_bytes())
    result = evaluation.evaluate(model, drawn, against=real)
    row = result["metrics"]["auroc_radar"]
    assert 0 <= row["value"] <= 1 and row["n"] == 8 and row["n_clouds"] == 32 and row["low"] is None
    assert "auroc_satellite" not in result["metrics"]


def test_review_sorts_by_loss_and_counts_confusions(drawn: Path, tmp_path: Path) -> None:
    model = models.load(toy_class_model.write(tmp_path / "toy"))
    review = class_review.review(model, drawn)
    losses = [one.loss for one in review.part(None)]
    assert losses == sorted(losses, reverse=True) and len(losses) == 32
    counts = class_review.matrix(review.photos, 4)
    pairs = class_review.confused_pairs(counts, review.classes)
    assert sum(count for *_, count in pairs) + counts.trace() == 32
    assert [count for *_, count in pairs] == sorted((count for *_, count in pairs), reverse=True)
    assert not review.part(True)


def test_predictions_table(drawn: Path, tmp_path: Path) -> None:
    model = models.load(toy_class_model.write(tmp_path / "toy"))
    listed = [(photo.path, drawn) for photo in folders.list_photos(drawn, ("Cirrus",))]
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    written, refused = class_table.write_table(model, [*listed, (tmp_path / "bad.jpg", tmp_path)], tmp_path / "out")
    rows = list(csv.DictReader((tmp_path / "out" / "predictions.csv").open()))
    assert written == 8 and len(refused) == 1 and len(rows) == 8
    assert tuple(rows[0]) == class_table.COLUMNS and rows[0]["file"] == "Cirrus/Ci-1.jpg"
    assert float(rows[0]["p1"]) >= float(rows[0]["p2"]) >= float(rows[0]["p3"])


def test_prediction_maps_and_rejection(drawn: Path, tmp_path: Path) -> None:
    from cloudcore import images

    image = images.read(drawn / "Cumulus" / "Cu-1.jpg")
    model = models.load(toy_class_model.write(tmp_path / "toy"))
    prediction = model.classify(image)
    assert prediction.accepted and prediction.probability.sum() == pytest.approx(1)
    activation = model.activation_map(image)
    assert activation is not None and activation.shape == image.shape[:2]
    assert activation.min() >= 0 and activation.max() == 1
    assert np.allclose(model(image), prediction.probability)
    strict = models.load(toy_class_model.write(tmp_path / "strict", energy=1e9))
    assert not strict.classify(image).accepted
