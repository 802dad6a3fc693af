"""First coats: they follow colour and brightness, keep to valid, and answer on flat frames too."""

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudcore import images
from cloudcore.errors import MaskError
from cloudcore.sky import initial_masks


def _half_blue() -> images.Image:
    """Blue sky at the left, grey cloud at the right, uint8 (64, 64, 3)."""
    image = np.full((64, 64, 3), (70, 110, 190), np.uint8)
    image[:, 32:] = (180, 182, 185)
    return image


def _half_lit() -> images.Image:
    """A dark sky with stars at the left, a dull glow at the right, uint8 (128, 128, 3)."""
    image = np.full((128, 128, 3), 18, np.uint8)
    image[::9, 4:60:11] = 255
    image[:, 64:] = 70
    return image


def test_red_blue_worked_by_hand() -> None:
    image = np.array([[[0, 0, 200], [100, 50, 100], [200, 0, 0], [0, 0, 0], [50, 0, 150]]], np.uint8)
    assert initial_masks.red_blue(image).tolist() == [[0.0, 0.5, 1.0, 0.5, 0.25]]


def test_red_blue_is_zero_outside_valid() -> None:
    valid = np.zeros((64, 64), np.bool_)
    valid[:, 40:] = True
    whiteness = initial_masks.red_blue(_half_blue(), valid)
    assert whiteness.dtype == np.float32
    assert not whiteness[:, :40].any()
    assert (whiteness[:, 40:] > 0.45).all()


def test_ratio_finds_cloud_by_day() -> None:
    cloud = initial_masks.from_ratio(_half_blue())
    assert not cloud[:, :32].any()
    assert cloud[:, 32:].all()


def test_ratio_threshold_comes_from_valid_pixels_alone() -> None:
    image = _half_blue()
    image[:8] = (255, 0, 0)  # a red overlay text would draw the threshold up
    valid = np.ones((64, 64), np.bool_)
    valid[:8] = False
    cloud = initial_masks.from_ratio(image, valid)
    assert not cloud[:8].any()
    assert cloud[8:, 32:].all()
    assert not cloud[8:, :32].any()


def test_brightness_finds_lit_cloud_and_no_stars() -> None:
    cloud = initial_masks.from_brightness(_half_lit())
    assert not cloud[:, :60].any()
    assert cloud[:, 68:].all()


@pytest.mark.parametrize("coat", [initial_masks.from_ratio, initial_masks.from_brightness])
def test_flat_frames_are_sky(coat: Callable[..., Any]) -> None:
    assert not coat(np.full((32, 32, 3), 90, np.uint8), None).any()
    assert not coat(_half_blue(), np.zeros((64, 64), np.bool_)).any()


@pytest.mark.parametrize("coat", [initial_masks.from_ratio, initial_masks.from_brightness, initial_masks.red_blue])
def test_another_size_of_valid_is_refused(coat: Callable[..., Any]) -> None:
    with pytest.raises(MaskError, match="64"):
        coat(_half_blue(), np.ones((32, 32), np.bool_))


def test_uncertainty_worked_by_hand() -> None:
    probability = np.array([[0.5, 1.0, 0.75, 0.0]], np.float32)
    assert initial_masks.uncertainty(probability) == pytest.approx((1 + 0 + 0.5 + 0) / 4)
    assert initial_masks.uncertainty(probability, np.array([[True, False, False, False]])) == 1.0
    assert initial_masks.uncertainty(probability, np.zeros((1, 4), np.bool_)) == 0.0


def _real_accuracy(source: str) -> float:
    folder = Path(os.environ["CLOUDCORE_REAL_DATA"]) / "allsky"
    with (folder / "pairs.csv").open(newline="") as table:
        rows = [r for r in csv.DictReader(table) if r["source"] == source and not r["mask"].endswith("_3GT.png")]
    scores = []
    for row in rows[::8]:
        grey = images.read_label(folder / row["mask"])
        valid = grey > 0 if source == "wsiseg" else np.ones(grey.shape, np.bool_)
        truth = grey == 255 if source == "wsiseg" else grey > 127
        scores.append(
            float((initial_masks.from_ratio(images.read(folder / row["image"]), valid) == truth)[valid].mean())
        )
    return float(np.mean(scores))


@pytest.mark.skipif("CLOUDCORE_REAL_DATA" not in os.environ, reason="CLOUDCORE_REAL_DATA names no real frames")
@pytest.mark.parametrize("source", ["wsiseg", "swinseg"])
def test_adaptive_ratio_on_real_frames(source: str) -> None:
    assert _real_accuracy(source) > 0.75
