"""The mask of an image by a model's own thresholds and smallest sizes, against the steps done one by one."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloudcore import images, models
from cloudcore.errors import MaskError, ModelError
from cloudcore.masks import clean
from tests import toy_class_model, toy_model


@pytest.fixture
def image(rng: np.random.Generator) -> images.Image:
    """Soft noise of 60 x 90 px with large and small bright places."""
    noise = cv2.GaussianBlur(rng.integers(0, 256, (60, 90, 3)).astype(np.float32), (0, 0), 3)
    return np.clip(127 + 6 * (np.asarray(noise) - 127), 0, 255).astype(np.uint8)


def _with_grid(folder: Path, grid_hw: tuple[int, int]) -> models.Predictor:
    info = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**info, "grid_hw": list(grid_hw)}))
    return models.load(folder)


def test_a_mask_is_cleaned_within_the_valid_pixels(tmp_path: Path) -> None:
    """A band across the frame, cut in two: the smaller piece is below the smallest size."""
    band = np.zeros((60, 90, 3), np.uint8)
    band[20:40] = 255
    model = models.load(toy_model.write(tmp_path / "toy", min_size=900))
    valid = np.ones((60, 90), np.bool_)
    valid[:, 60:70] = False
    found, whole = model.mask(band, valid), model.mask(band)
    assert whole[30].all() and found[30].tolist() == [True] * 60 + [False] * 30
    assert found.dtype == np.bool_ and np.array_equal(found, clean(model(band), 0.5, 900, valid))
    with pytest.raises(MaskError, match="valid mask"):
        model.mask(band, valid[1:])


def test_min_size_counts_pixels_of_the_models_grid(image: images.Image, tmp_path: Path) -> None:
    model = _with_grid(toy_model.write(tmp_path / "toy", min_size=25), (30, 45))
    valid = np.ones((60, 90), np.bool_)
    valid[11:37, 41:63] = False
    small = clean(model(image, (30, 45)), 0.5, 25, valid[::2, ::2])
    assert np.array_equal(model.mask(image, valid), np.repeat(np.repeat(small, 2, 0), 2, 1) & valid)
    assert np.array_equal(model.mask(image, valid[::2, ::2], out_hw=(30, 45)), small)


def test_several_masks_each_by_its_own_numbers(image: images.Image, tmp_path: Path) -> None:
    folder = toy_model.write_patterns(tmp_path / "toy")
    models.write_threshold(folder, [0.3, 0.5, 0.7, 0.9], [0, 100, 20, 3], (60, 90))
    model = models.load(folder)
    probability, valid = model(image), np.arange(90) + np.zeros((60, 1)) < 70
    found = model.mask(image, valid)
    assert found.shape == (4, 60, 90) and len({plane.sum() for plane in found}) > 1
    for plane, one, level, size in zip(found, probability, model.threshold, model.min_size, strict=True):
        assert np.array_equal(plane, clean(one, level, size, valid))


def test_a_class_has_no_mask(image: images.Image, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no mask"):
        models.load(toy_class_model.write(tmp_path / "toy")).mask(image)
