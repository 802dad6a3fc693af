"""Pictures: colours where they belong, one-bit PNG, night and day."""

import base64

import cv2
import numpy as np
import pytest

from cloudcore.errors import MaskError
from cloudcore.views import render

GREY = np.full((40, 60, 3), 100, np.uint8)


def _square(top: int, left: int, side: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    out = np.zeros((40, 60), bool)
    out[top : top + side, left : left + side] = True
    return out


def test_error_map_colours_each_kind() -> None:
    predicted, truth = _square(5, 5, 12), _square(5, 11, 12)
    shown = render.error_map(GREY, predicted, truth)
    grey = 100 * render.GREY_LIGHT
    assert shown[30, 50].tolist() == [62, 62, 62]
    assert shown[8, 6].tolist() == [round(grey * 0.18 + part * 0.82) for part in render.FALSE_CLOUD]
    assert shown[8, 13].tolist() == [round(grey * 0.7 + part * 0.3) for part in render.HIT]
    missed = shown[5:17, 17:23].reshape(-1, 3)
    assert len(np.unique(missed, axis=0)) == 2 and (missed[:, 2] > missed[:, 0]).all()


def test_outside_is_darker_than_a_hole_is_hatched() -> None:
    valid = np.zeros((40, 60), bool)
    valid[5:35, 5:55] = True
    valid[15:25, 20:30] = False
    zone = render.zones(valid, (40, 60))
    assert zone[0, 0] == render.OUTSIDE and zone[20, 25] == render.HOLE and zone[7, 7] == render.VALID
    shown = render.error_map(GREY, ~valid, ~valid, valid)
    assert shown[0, 0].tolist() == [45, 45, 45]
    assert len(np.unique(shown[15:25, 20:30].reshape(-1, 3), axis=0)) == 2
    assert (shown[7, 7] == 62).all()


@pytest.mark.parametrize("night", [True, False])
def test_overlay_tints_and_outlines(night: bool) -> None:
    cloud = _square(10, 10, 20)
    shown = render.overlay(GREY, cloud, night)
    colour = np.array(render.cloud_colour(night))
    assert shown[20, 20].tolist() == np.rint(66 + 0.34 * colour).astype(int).tolist()
    assert (shown[10, 20] == colour).all() and (shown[5, 5] == 100).all()
    assert np.abs(shown[9, 20] - (50 + colour / 2)).max() <= 0.5


def test_masks_of_another_size_are_refused() -> None:
    with pytest.raises(MaskError, match="one size"):
        render.overlay(GREY, np.zeros((3, 3), bool), True)
    with pytest.raises(MaskError, match="at least one"):
        render.strip([])


def test_night_and_day(rng: np.random.Generator) -> None:
    night = np.clip(rng.normal(40, 8, (200, 200, 3)), 0, 255).astype(np.uint8)
    day = np.tile(np.array([90, 140, 200], np.uint8), (200, 200, 1))
    assert render.is_night(night) and not render.is_night(day)
    assert not render.is_night(np.full((200, 200, 3), 235, np.uint8))


@pytest.mark.parametrize("shape_hw", [(5, 8), (7, 13), (64, 65)])
def test_mask_png_reads_back(rng: np.random.Generator, shape_hw: tuple[int, int]) -> None:
    mask = rng.random(shape_hw) > 0.5
    content = render.mask_png(mask, (1, 2, 3, 200))
    back = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(back[..., 3] == 200, mask)
    assert (back[mask] == [3, 2, 1, 200]).all()


def test_strip_and_data_url() -> None:
    shown = render.strip([GREY, np.full((20, 30, 3), 9, np.uint8)], gap=4)
    assert shown.shape == (40, 124, 3) and not shown[:, 60:64].any() and (shown[:, 64:] == 9).all()
    url = render.data_url(b"abc", "image/png")
    assert base64.b64decode(url.removeprefix("data:image/png;base64,")) == b"abc"


def test_patterns_are_outlined_in_their_own_colours() -> None:
    """A tint inside, the colour on the rim, near-black casing outside, nothing elsewhere; another class another hue."""
    image = np.full((40, 60, 3), 200, np.uint8)
    masks = np.zeros((4, 40, 60), bool)
    masks[1, 10:30, 10:30] = masks[2, 10:30, 35:55] = True
    out = render.patterns(image, masks)
    assert tuple(out[10, 20]) == render.PATTERNS[1] and tuple(out[10, 45]) == render.PATTERNS[2]
    assert out[9, 20].max() < 60 and tuple(out[2, 2]) == (200, 200, 200)
    assert tuple(out[20, 20]) != (200, 200, 200) and not np.array_equal(out[20, 20], out[20, 45])
