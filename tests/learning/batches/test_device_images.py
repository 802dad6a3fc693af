"""Pictures held on a device: their views are what OpenCV reads, and each task's batches made there are sound."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from cloudcore import images
from cloudcore.learning.batches import device_images, exposure, photograph_views
from cloudcore.learning.options import make_config
from cloudcore.learning.tasks import get_task
from cloudcore.samples import patterns, photographs, radar


def _smooth(rng: np.random.Generator, shape: Sequence[int]) -> Any:
    grainy = rng.integers(0, 255, shape).astype(np.uint8)
    return cv2.GaussianBlur(grainy, (0, 0), 4).astype(np.uint8)


@pytest.mark.parametrize(
    ("border", "flag"),
    [("zeros", cv2.BORDER_CONSTANT), ("border", cv2.BORDER_REPLICATE), ("reflection", cv2.BORDER_REFLECT)],
)
def test_views_are_what_opencv_reads(rng: np.random.Generator, border: str, flag: int) -> None:
    picture = _smooth(rng, (90, 120, 3))
    warps = [cv2.getRotationMatrix2D((60, 45), angle, scale) for angle, scale in ((0, 1), (33, 1.4), (-120, 0.8))]
    there = device_images.DeviceImages([picture] * 3, "cpu")
    views = there.views([0, 1, 2], np.stack(warps), (64, 80), border=border)
    for view, warp in zip(views, warps, strict=True):
        wanted = cv2.warpAffine(picture, warp, (80, 64), flags=cv2.INTER_LINEAR, borderMode=flag).astype(float)
        away = np.abs(view.permute(1, 2, 0).numpy() - wanted)
        assert away.mean() < 0.6 and np.quantile(away, 0.99) < 4


def test_labels_keep_their_levels_and_what_is_outside_stays_undefined(rng: np.random.Generator) -> None:
    labels = [rng.choice(np.array([0, 128, 255], np.uint8), shape) for shape in ((40, 50), (60, 30))]
    warps = np.stack([cv2.getRotationMatrix2D((20, 20), 45, 1.1), np.array([[1.0, 0, 10], [0, 1.0, -5]])])
    views = (
        device_images.DeviceImages(labels, "cpu", fill=128).views([0, 1], warps, (48, 48), nearest=True)[:, 0].numpy()
    )
    assert set(np.unique(views)) == {0, 128, 255}
    assert (views[1, :, :10] == 128).all() and (views[1, 55:] == 128).all()
    assert np.array_equal(views[1, :43, 10:40], labels[1][5:48, :30])


def test_finer_reading_averages() -> None:
    checks = np.indices((64, 64)).sum(0).astype(np.uint8) % 2 * 200
    half = np.array([[[0.5, 0, -0.25], [0, 0.5, -0.25]]])
    view = device_images.DeviceImages([checks], "cpu").views([0], half, (32, 32), border="border", finer=2)
    assert np.allclose(view.numpy(), 100)


def test_cuts_there_are_the_cuts_here(rng: np.random.Generator) -> None:
    pictures = [_smooth(rng, (100, 140, 3)), _smooth(rng, (128, 96, 3))]
    boxes = photograph_views.draw([(100, 140), (128, 96)], 0.5, 1.0, rng)
    boxes[:, 4] = (0, 1)
    here = photograph_views.cut(pictures, boxes, 90)
    there = photograph_views.cut_on_device(device_images.DeviceImages(pictures, "cpu"), [0, 1], boxes, 90).numpy()
    assert np.abs(here - there).mean() < 2 and np.quantile(np.abs(here - there), 0.99) < 10


def test_bits_are_unpacked_as_numpy_does(rng: np.random.Generator) -> None:
    bits = rng.integers(0, 2, (3, 4, 5, 13)).astype(np.uint8)
    packed = torch.from_numpy(np.packbits(bits, axis=-1))
    assert np.array_equal(device_images.unpack_bits(packed, 13).numpy(), bits)


def test_light_is_the_same_on_arrays_and_tensors(rng: np.random.Generator) -> None:
    views = rng.uniform(0, 255, (5, 3, 8, 9)).astype(np.float32)
    here = photograph_views.jitter_colour(views, 0.8, np.random.default_rng(4))
    there = photograph_views.jitter_colour(torch.from_numpy(views), 0.8, np.random.default_rng(4)).numpy()
    assert np.allclose(here, there, atol=0.01) and not np.allclose(here, views, atol=5)


def test_exposure_by_hand() -> None:
    x = torch.full((2, 3, 4, 4), 127.5)
    ones = np.ones((2, 3))
    seen = exposure.exposed(x, ones * [[1], [2]], np.array([2.0, 1.0]), np.zeros(2), np.zeros(2), 0)
    assert torch.allclose(seen[0], torch.tensor(63.75)) and torch.allclose(seen[1], torch.tensor(255.0))
    noisy = [exposure.exposed(x, ones, np.ones(2), np.ones(2), np.full(2, 5.0), seed) for seed in (1, 1, 2)]
    assert torch.equal(noisy[0], noisy[1]) and not torch.equal(noisy[0], noisy[2])


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of a few pictures for every task."""
    root = tmp_path_factory.mktemp("held")
    rng = np.random.default_rng(2)
    for number in range(8):
        image = _smooth(rng, (64, 72, 3))
        label = np.where(image[..., 0] > 127, 255, 0).astype(np.uint8)
        images.write_png(root / "sky" / "images" / f"a_{number}.png", image)
        images.write_png(root / "sky" / "masks" / f"a_{number}.png", label)
    for name in ("Cirrus", "Cumulus"):
        for number in range(6):
            images.write_png(root / "genus" / name / f"{number}.png", photographs.draw(name, rng))
    for name in ("Cellular", "QLCS"):
        for number in range(6):
            field = radar.draw(name, rng)
            images.write_png(root / "radar" / name / f"{number}.png", field)
    for draw in list(patterns.write(root / "patterns"))[:3]:
        draw()
    return root


OPTIONS: dict[str, dict[str, Any]] = {
    "sky": {"size": 64, "crop": 48, "batch": 4, "validation": 0.0},
    "genus": {"size": 64, "presize": 64, "batch": 6, "mixup": 0.4, "cutmix": 0.4, "validation": 0.0, "test": 0.0},
    "radar": {"validation": 0.0},
    "patterns": {"validation": 0.0, "flips": False, "shift_scale_rotate": 0.0, "grid_distortion": 0.0, "blur": 0.0},
}


@pytest.mark.parametrize("name", list(OPTIONS))
def test_batches_made_on_a_device_are_a_function_of_seed_and_epoch(drawn: Path, name: str) -> None:
    """The place cpu:0 stands for a GPU: any place but plain cpu takes the way of a device."""
    task = get_task(name)
    prepared = task.dataset(make_config(task, OPTIONS[name]), drawn / name)
    here = list(prepared.batches(1))
    prepared.device = torch.device("cpu", 0)
    first, again, later = (list(prepared.batches(epoch)) for epoch in (1, 1, 2))
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0][0], later[0][0])
    for (x, y), (u, v) in zip(here, first, strict=True):
        assert (x.shape, x.dtype, y.shape, y.dtype) == (u.shape, u.dtype, v.shape, v.dtype)
        assert abs(float(x.mean() - u.mean())) < 0.35 and torch.isfinite(u).all()
