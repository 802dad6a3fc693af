"""The sample workspace: what it holds, that it is exact and repeatable, and neither trivial nor empty."""

import csv
from pathlib import Path

import numpy as np
import pytest

from cloudcore import images
from cloudcore import samples as cloud_samples
from cloudcore.errors import DataError
from cloudcore.samples import patterns, workspace
from cloudcore.samples.sky_camera import Scene, photograph
from cloudcore.samples.sky_scene import Layer, View, optical_depth, texture
from cloudcore.sky import cloud_amount, dome

CAMERA3_VALID = cloud_samples.CAMERA3.valid
SMALL = View("small", (96, 96), dome.Dome((48.0, 47.0), 44.0), 1, "town")


def test_the_folder_holds_what_is_promised(samples: Path) -> None:
    """24 frames of 512 with labels of the three levels, half by night, from several nights and two cameras."""
    frames = images.list_images(samples / "sky" / "images")
    assert len(frames) == 24
    assert [f.name for f in frames] == [f.name for f in images.list_images(samples / "sky" / "masks")]
    assert {f.name.split("_")[0] for f in frames} == {"camera1", "camera2"}
    assert len({f.name.split("T")[0] for f in frames}) >= 8
    shares = []
    for frame in frames:
        label = images.read_label(samples / "sky" / "masks" / frame.name)
        assert images.shape_hw(frame) == label.shape == (512, 512)
        assert set(np.unique(label)) <= {0, 128, 255}
        assert label[0, 0] == 128
        shares.append(cloud_amount.cloud_fraction(label == 255, label != 128))
    assert min(shares) == 0 and max(shares) > 0.95 and 0.3 < np.mean(shares) < 0.7


def test_the_night_is_known_and_smooth(samples: Path) -> None:
    """40 frames in order of time; the cloud comes and goes without jumps, from clear to overcast."""
    with (samples / "night" / "truth.csv").open() as source:
        rows = list(csv.DictReader(source))
    assert list(rows[0]) == ["file", "time_utc", "cloud_fraction"] and len(rows) == 40
    assert [r["time_utc"] for r in rows] == sorted(r["time_utc"] for r in rows)
    assert all((samples / "night" / "images" / r["file"]).is_file() for r in rows)
    share = np.array([float(r["cloud_fraction"]) for r in rows])
    assert share.min() < 0.02 and share.max() > 0.95 and np.abs(np.diff(share)).max() < 0.25
    assert images.read(samples / "night" / "images" / rows[0]["file"]).shape == (256, 256, 3)


def test_the_night_has_exact_masks(samples: Path) -> None:
    """Every frame of the night has a label of its size, whose cloud fraction is the one in the table."""
    with (samples / "night" / "truth.csv").open() as source:
        known = {Path(row["file"]).stem: float(row["cloud_fraction"]) for row in csv.DictReader(source)}
    masks = images.list_images(samples / "night" / "masks")
    assert {path.stem for path in masks} == known.keys()
    for path in masks:
        label = images.read_label(path)
        assert label.shape == (256, 256) and set(np.unique(label)) <= {0, 128, 255}
        assert np.array_equal(label != 128, CAMERA3_VALID)
        assert cloud_amount.cloud_fraction(label == 255, label != 128) == pytest.approx(known[path.stem], abs=1e-6)


def test_no_single_brightness_tells_cloud_from_sky(samples: Path) -> None:
    """The samples are worth learning from: the best global threshold stays well below a perfect score."""
    bright, cloud = [], []
    for frame in images.list_images(samples / "sky" / "images"):
        label = images.read_label(samples / "sky" / "masks" / frame.name)
        bright.append(images.read(frame).mean(axis=2)[label != 128])
        cloud.append(label[label != 128] == 255)
    values, truth = np.concatenate(bright), np.concatenate(cloud)
    best = max(float(((values > t) == truth).mean()) for t in np.quantile(values, np.linspace(0.05, 0.95, 19)))
    assert 0.5 < best < 0.85


def test_the_same_seed_draws_the_same_bytes() -> None:
    """A frame depends on its seed alone, and another seed draws another."""
    layers = [Layer("cumulus", 0.4, 5.0), Layer("cirrus", 0.4, 1.0)]

    def frame(seed: int) -> np.ndarray:
        return photograph(SMALL, Scene(True, (40, 20)), optical_depth(SMALL, layers, seed), seed)

    assert np.array_equal(frame(3), frame(3))
    assert not np.array_equal(frame(3), frame(4))


@pytest.mark.parametrize("kind", ["cumulus", "cells", "cirrus", "sheet"])
def test_cover_rules_the_cloudy_part(kind: str) -> None:
    """More cover, more cloud; none at 0; the texture is standard and periodic in level sizes."""
    view = View("wide", (192, 192), dome.Dome((96.0, 96.0), 94.0), 1, "town")
    shares = [
        float((optical_depth(view, [Layer(kind, cover, 5.0, 0.5)], 0) > cloud_samples.CUT)[view.valid].mean())
        for cover in (0.0, 0.2, 0.5, 0.8)
    ]
    assert shares[0] == 0 and shares == sorted(shares) and shares[-1] > 0.5
    values = texture(kind, 0).sorted_values
    assert abs(values.mean()) < 0.1 and abs(values.std() - 1) < 0.1


def test_stars_go_out_behind_cloud() -> None:
    """The brightest pixels of a starry sky vanish when thick cloud comes before them."""
    scene = Scene(True, None, glow=0.05)
    clear = photograph(SMALL, scene, np.zeros((96, 96), np.float32), 0)[SMALL.valid].max(axis=1).astype(int)
    thick = photograph(SMALL, scene, np.full((96, 96), 6, np.float32), 0)[SMALL.valid].max(axis=1).astype(int)
    assert np.sort(clear)[-20:].mean() > np.sort(thick)[-20:].mean() + 30


def test_objects_are_no_sky() -> None:
    """The horizon holds something on every sample camera, and what it covers is not valid."""
    for view in (cloud_samples.CAMERA1, cloud_samples.CAMERA2, cloud_samples.CAMERA3):
        inside = view.dome.mask(view.shape_hw)
        assert 0.01 < 1 - view.valid[inside].mean() < 0.15
        assert not view.valid[~inside].any()


def test_progress_is_told_and_a_full_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress ends at 1; nothing is left beside the folder; a second write refuses in a sentence."""
    monkeypatch.setattr(workspace, "_NIGHTS", workspace._NIGHTS[:1])
    monkeypatch.setattr(workspace, "_DAYS", ())
    monkeypatch.setattr(workspace, "NIGHT_FRAMES", 3)
    monkeypatch.setattr(patterns, "SCENES", patterns.SCENES[:1])
    heard: list[tuple[float, str]] = []
    cloud_samples.write(tmp_path / "new", 1, lambda share, words: heard.append((share, words)))
    assert heard[-1] == (1.0, "5 of 5 pictures drawn") and heard == sorted(heard)
    assert [p.name for p in tmp_path.iterdir()] == ["new"]
    with pytest.raises(DataError, match="already holds"):
        cloud_samples.write(tmp_path / "new", 1)


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When drawing breaks off, neither the folder nor a part of it stays."""

    def fail(*_: object) -> float:
        raise OSError("disk full")

    monkeypatch.setattr(workspace, "_draw", fail)
    with pytest.raises(OSError, match="disk full"):
        cloud_samples.write(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
