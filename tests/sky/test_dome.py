"""The sky circle and what is counted inside it."""

import math
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudcore import images
from cloudcore import samples as writer
from cloudcore.errors import ImageError, MaskError
from cloudcore.sky import cameras, cloud_amount, dome, dome_search
from cloudcore.sky.dome import Dome

REAL = Path(os.environ.get("CLOUDCORE_REAL_DATA", "")) / "allsky"
real = pytest.mark.skipif("CLOUDCORE_REAL_DATA" not in os.environ, reason="CLOUDCORE_REAL_DATA names no real frames")
CIRCLE = Dome((30.0, 40.0), 25.0)


def drawn(shape_hw: tuple[int, int], circle: Dome, inside: int = 120, outside: int = 12) -> np.ndarray:
    """A noisy frame with a bright disc."""
    canvas = np.full(shape_hw, outside, np.uint8)
    centre = (round(circle.centre_yx[1] * 16), round(circle.centre_yx[0] * 16))
    cv2.circle(canvas, centre, round(circle.radius * 16), inside, -1, cv2.LINE_AA, 4)
    noise = np.random.default_rng(0).normal(0, 2, (*shape_hw, 3))
    return np.clip(canvas[..., None] + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("fraction", "wanted"),
    [(0, 0), (1e-9, 1), (0.0624, 1), (0.1874, 1), (0.1875, 2), (0.5, 4), (0.9374, 7), (0.9999, 7), (1, 8)],
)
def test_okta_by_hand(fraction: float, wanted: int) -> None:
    assert cloud_amount.okta(fraction) == wanted


@given(st.floats(0, 1))
def test_okta_is_never_nine(fraction: float) -> None:
    """0 only when nothing, 8 only when all, else the formula."""
    got = cloud_amount.okta(fraction)
    assert (got == 0) == (fraction == 0) and (got == 8) == (fraction == 1)
    assert got in (0, 8) or got == min(7, max(1, math.floor(8 * fraction + 0.5)))


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_okta_refuses_what_is_no_fraction(bad: float) -> None:
    with pytest.raises(MaskError, match="0 to 1"):
        cloud_amount.okta(bad)


def test_fractions_by_hand() -> None:
    cloud = np.array([[True, True], [False, False]])
    valid = np.array([[True, False], [True, True]])
    assert cloud_amount.cloud_fraction(cloud) == 0.5
    assert cloud_amount.cloud_fraction(cloud, valid) == pytest.approx(1 / 3)
    assert math.isnan(cloud_amount.cloud_fraction(cloud, np.zeros((2, 2), np.bool_)))


def test_sky_fraction_weighs_by_solid_angle() -> None:
    """The cap within 60 degrees of the zenith is half of the half sphere, though 4/9 of the pixels."""
    circle = Dome((300.0, 300.0), 290.0)
    valid = circle.mask((601, 601))
    cap = dome.altitude(circle, (601, 601)) >= 30
    assert cloud_amount.sky_fraction(cap & valid, valid, circle) == pytest.approx(0.5, abs=0.002)
    assert cloud_amount.cloud_fraction(cap & valid, valid) == pytest.approx(4 / 9, abs=0.002)
    assert cloud_amount.sky_fraction(valid, valid, circle) == pytest.approx(1.0)
    assert math.isnan(cloud_amount.sky_fraction(cap, np.zeros_like(valid), circle))


def test_altitude_runs_from_zenith_to_horizon() -> None:
    altitude = dome.altitude(CIRCLE, (60, 80))
    assert altitude.dtype == np.float32 and altitude[30, 40] == 90
    assert altitude[30, 65] == pytest.approx(0, abs=1e-4) and np.isnan(altitude[30, 66])
    assert altitude[30, 52] == pytest.approx(90 - 90 * 12 / 25, abs=1e-4)
    assert np.array_equal(np.isfinite(altitude), CIRCLE.mask((60, 80)))


@pytest.mark.parametrize(
    ("shape_hw", "circle", "inside", "outside"),
    [
        ((512, 512), Dome((252, 256), 241), 120, 12),
        ((480, 640), Dome((230, 330), 260), 200, 5),  # cut off above and below
        ((300, 300), Dome((160.4, 139.6), 101.3), 40, 30),
        ((1600, 2400), Dome((790, 1210), 705), 90, 3),
    ],
)
def test_a_drawn_circle_is_found(shape_hw: tuple[int, int], circle: Dome, inside: int, outside: int) -> None:
    found = dome_search.find(drawn(shape_hw, circle, inside, outside))
    assert found is not None
    allowed = 2.0 * max(1, max(shape_hw) / 800)
    assert np.hypot(*np.subtract(found.centre_yx, circle.centre_yx)) <= allowed
    assert abs(found.radius - circle.radius) <= allowed


def test_no_circle_no_dome(rng: np.random.Generator) -> None:
    """Flat, noisy, streaked and one-sided pictures have none."""
    slope = np.tile(np.linspace(20, 200, 300, dtype=np.uint8)[None, :, None], (200, 1, 3))
    noise = rng.integers(0, 255, (240, 240, 3), dtype=np.uint8)
    soft = cv2.resize(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8), (300, 300), interpolation=cv2.INTER_CUBIC)
    for image in (np.full((200, 200, 3), 90, np.uint8), noise, slope, soft, np.zeros((16, 16, 3), np.uint8)):
        assert dome_search.find(image) is None


def test_the_samples_domes_are_found_within_two_pixels(samples: Path) -> None:
    """Every third sky frame and every eighth of the night, against the cameras that drew them."""
    views = {view.name: view for view in (writer.CAMERA1, writer.CAMERA2, writer.CAMERA3)}
    frames = images.list_images(samples / "sky" / "images")[::3] + images.list_images(samples / "night" / "images")[::8]
    for frame in frames:
        true, found = views[frame.name.split("_")[0]].dome, dome_search.find(images.read(frame))
        assert found is not None, frame.name
        assert np.hypot(*np.subtract(found.centre_yx, true.centre_yx)) <= 2, frame.name
        assert abs(found.radius - true.radius) <= 2, frame.name


@real
@pytest.mark.parametrize("name", ["ASC100-1006_003", "ASC100-1006_150", "ASC100-1006_279"])
def test_whole_sky_frames_by_day(name: str) -> None:
    """WSISEG: the labels' sky is an ellipse, a little smaller than the lens circle; disc and sky agree all the same."""
    found = dome_search.find(images.read(REAL / "images" / "wsiseg" / f"{name}.png"))
    sky = images.read_label(REAL / "masks" / "wsiseg" / f"{name}.png") != 0
    assert found is not None
    disc = found.mask(sky.shape)
    assert (disc & sky).sum() / (disc | sky).sum() > 0.85 and (disc & sky).sum() / sky.sum() > 0.97


@real
@pytest.mark.parametrize("name", ["kpno_category_4", "kpno_Mask_7-14"])
def test_kitt_peak_by_night(name: str) -> None:
    """Text over the frame and a faint edge: the published circle, to a few px."""
    found = dome_search.find(images.read(REAL / "unlabelled_night" / f"{name}.png"))
    assert found is not None and cameras.KPNO.dome is not None
    assert np.hypot(*np.subtract(found.centre_yx, cameras.KPNO.dome.centre_yx)) < 4
    assert abs(found.radius - cameras.KPNO.dome.radius) < 4


@real
@pytest.mark.parametrize("folder", ["swinseg", "hyta"])
def test_crops_have_no_dome(folder: str) -> None:
    """Undistorted patches and ordinary photographs: no circle is invented."""
    for frame in images.list_images(REAL / "images" / folder)[::6]:
        assert dome_search.find(images.read(frame)) is None, frame.name


@real
def test_pink_paint_is_the_horizon() -> None:
    """The Kitt Peak ignore mask: paint round the edge, nothing in the middle of the sky but the thin mast."""
    pink = dome.horizon_from_pink(images.read(REAL / "kpno_Ignore_horizon_mask.png"))
    inside = Dome((252, 256), 241).mask(pink.shape)
    assert 0.02 < pink[inside].mean() < 0.25
    assert pink[Dome((252, 256), 90).mask(pink.shape)].mean() < 0.01


def test_pink_is_told_from_grey_and_blue() -> None:
    image = np.full((20, 20, 3), 200, np.uint8)
    image[:5] = (255, 70, 240)
    image[5:10] = (90, 120, 220)
    assert np.array_equal(dome.horizon_from_pink(image), np.arange(20)[:, None] < np.full((20, 20), 5))
    with pytest.raises(ImageError, match="no pink"):
        dome.horizon_from_pink(image[10:])
