"""The sample satellite images: Kaggle's layout, exact boxes, repeatable, and something to learn in them."""

import csv
from pathlib import Path

import numpy as np

from cloudcore import images
from cloudcore.masks import rle
from cloudcore.samples import patterns
from cloudcore.samples.patterns import PATTERNS, SCENES, SHAPE_HW, Box, Scene


def _rows(samples: Path) -> list[dict[str, str]]:
    with (samples / "patterns" / "train.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_folder_holds_kaggles_layout(samples: Path) -> None:
    """Twelve images of 1400 x 2100 and four rows for each; every pattern occurs, one image has none, some several."""
    files = images.list_images(samples / "patterns" / "train_images")
    rows = _rows(samples)
    assert [file.name for file in files] == sorted(scene.name for scene in SCENES) and len(files) == 12
    assert [row["Image_Label"] for row in rows] == [f"{s.name}_{p}" for s in SCENES for p in PATTERNS]
    assert all(images.shape_hw(file) == SHAPE_HW for file in files)
    present = [sum(bool(row["EncodedPixels"]) for row in rows[start : start + 4]) for start in range(0, 48, 4)]
    assert min(present) == 0 and max(present) == 3
    assert all(sum(bool(row["EncodedPixels"]) for row in rows[at::4]) >= 4 for at in range(4))


def test_labels_are_the_boxes_less_the_gap(samples: Path) -> None:
    """What stands in the table is what was drawn: inside every box, never in the black swath gap."""
    for scene, start in zip(SCENES, range(0, 48, 4), strict=True):
        for row, truth in zip(_rows(samples)[start : start + 4], patterns.masks(scene), strict=True):
            assert np.array_equal(rle.decode(row["EncodedPixels"], SHAPE_HW), truth)
    gapped = SCENES[0]
    image = images.read(samples / "patterns" / "train_images" / gapped.name)
    black = (image < 8).all(axis=2)
    assert 0.05 < black.mean() < 0.2 and not (patterns.masks(gapped)[0] & black).sum() > 400


def test_the_run_lengths_are_those_of_rle() -> None:
    """The table's writer, which needs no compiler, agrees with the house's own."""
    scene = Scene("x.jpg", (Box("Gravel", 0, 0, 30, 40), Box("Gravel", 1380, 2000, 1400, 2100)), gap=(20, 30, 5))
    mask = patterns.masks(scene)[2]
    assert patterns._runs(mask) == rle.encode(mask) and mask[0, 0] and mask[-1, -1]
    assert patterns._runs(np.zeros(SHAPE_HW, bool)) == ""


def test_the_same_seed_draws_the_same_bytes() -> None:
    """An image depends on its seed alone, and another seed draws another."""
    scene = SCENES[5]
    assert np.array_equal(patterns.draw(scene, 1, 5), patterns.draw(scene, 1, 5))
    assert not np.array_equal(patterns.draw(scene, 1, 5), patterns.draw(scene, 2, 5))


def test_patterns_are_brighter_and_differ_in_grain(samples: Path) -> None:
    """Boxes hold more cloud than what lies around them, and no brightness alone tells the patterns apart."""
    light: dict[str, list[float]] = {pattern: [] for pattern in PATTERNS}
    for scene in (scene for scene in SCENES if scene.boxes):
        image = images.read(samples / "patterns" / "train_images" / scene.name).mean(axis=2)
        truth = np.stack(patterns.masks(scene))
        around = image[~truth.any(axis=0) & (image > 8)].mean()
        for pattern, mask in zip(PATTERNS, truth, strict=True):
            if mask.any():
                light[pattern].append(float(image[mask].mean()))
                assert image[mask].std() > 12
        assert max(values[-1] for values in light.values() if values) > around
    means = {pattern: float(np.mean(values)) for pattern, values in light.items()}
    assert means["Flower"] > means["Sugar"] and min(means.values()) > 15
