"""Run lengths: pinned answers, round trips, the smaller grid, COCO, and every bad text of the dialect."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cloudcore.errors import MaskError, RLEError
from cloudcore.masks import coco_rle, rle
from cloudcore.masks.mask import Mask

ROOT = Path(__file__).parents[2]
masks = arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24)))


def blobs(rng: np.random.Generator, shape_hw: tuple[int, int], sigma: float) -> Mask:
    """A smooth random mask."""
    noise = cv2.GaussianBlur(rng.standard_normal(shape_hw).astype(np.float32), (0, 0), sigma)
    return np.asarray(noise > 0)


def test_pinned_answer() -> None:
    #  1 4 7       . # .
    #  2 5 8  of   # # .   columns first, counted from 1: pixels 2, 3, 4, 5 and 9
    #  3 6 9       # . #
    shape = np.array([[0, 1, 0], [1, 1, 0], [1, 0, 1]], np.bool_)
    assert rle.encode(shape) == "2 4 9 1"
    assert np.array_equal(rle.decode("2 4 9 1", (3, 3)), shape)


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_row_28_empty_text_is_an_empty_mask(text: str) -> None:
    decoded = rle.decode(text, (3, 4))
    assert decoded.shape == (3, 4) and decoded.dtype == np.bool_ and not decoded.any()
    assert rle.encode(decoded) == ""


def test_touching_runs_first_and_last_pixel_and_loose_spacing() -> None:
    assert rle.decode("1 2 3 1", (2, 3)).ravel("F").tolist() == [True, True, True, False, False, False]
    assert rle.decode("1 6", (2, 3)).all()
    assert np.flatnonzero(rle.decode(" 06\t1\n", (2, 3)).ravel("F")).tolist() == [5]


HOSTILE = {
    "row 29: one number alone": ("1", "run 1"),
    "row 30: odd count": ("1 2 5", "run 2"),
    "row 31: zero length": ("1 2 5 0", "run 2"),
    "row 32: negative length": ("1 2 5 -3", "run 2"),
    "row 33: start 0": ("0 2", "run 1"),
    "row 34: negative start": ("-4 2", "run 1"),
    "row 35: past the end": ("1 2 11 3", "run 2"),
    "row 35: start past the end": ("13 1", "run 1"),
    "row 36: overlapping runs": ("1 4 4 2", "run 2"),
    "row 36: the same run twice": ("1 4 1 4", "run 2"),
    "row 37: unsorted runs": ("5 2 1 2", "run 2"),
    "row 38: exponent": ("1e3 1", "run 1"),
    "row 38: decimal point": ("1.0 2", "run 1"),
    "row 38: plus sign": ("+1 2", "run 1"),
    "row 38: underscore": ("1_0 2", "run 1"),
    "row 38: letters": ("1 2 x 1", "run 2"),
    "row 38: digits of another script": ("\u0661 2", "run 1"),
    "row 39: huge start": ("99999999999999999999999 1", "run 1"),
    "row 39: wraps round 64 bits": ("18446744073709551617 1", "run 1"),
    "row 39: huge length": ("1 9223372036854775807", "run 1"),
    "row 39: more digits than int() takes": ("1 " + "9" * 5000, "run 1"),
    "row 39: zeros without end": ("0" * 5000 + " 1", "run 1"),
    "NUL": ("1 2\x00", "run 1"),
    "no-break space": ("1\u00a02", "digits"),
    "lone surrogate": ("1 2 \ud800 1", "run 2"),
}


@pytest.mark.parametrize(("text", "named"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_refused_and_the_run_named(text: str, named: str) -> None:
    for call in (lambda: rle.decode(text, (3, 4)), lambda: rle.decode_to(text, (3, 4), (2, 2))):
        with pytest.raises(RLEError) as caught:
            call()
        assert named in str(caught.value) and len(str(caught.value)) < 200


@settings(deadline=None)
@given(st.lists(st.integers(-1, 14).map(str) | st.sampled_from(["", "x", "1e1", "007"]), max_size=8))
def test_the_parser_agrees_with_a_plain_reading(tokens: list[str]) -> None:
    """The compiled parser accepts exactly what the rules, written out slowly, accept."""
    words = " ".join(tokens).split()
    good = len(words) % 2 == 0 and all(word.isdigit() and int(word) >= 1 for word in words)
    painted: list[int] = []
    for start, length in zip(words[::2], words[1::2], strict=False) if good else ():
        painted.extend(range(int(start), int(start) + int(length)))
    good = good and painted == sorted(set(painted)) and max(painted, default=0) <= 12
    if good:
        assert (np.flatnonzero(rle.decode(" ".join(tokens), (3, 4)).ravel("F")) + 1).tolist() == painted
    else:
        with pytest.raises(RLEError, match="Got "):
            rle.decode(" ".join(tokens), (3, 4))


@pytest.mark.parametrize("value", [None, float("nan"), 5, b"1 2"])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(RLEError, match="wanted text"):
        rle.decode(value, (3, 4))  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(0, 3), (3, -1), (3,), (2.5, 2), (10**6, 10**6), None])
def test_shapes_that_are_none_are_refused(shape: object) -> None:
    with pytest.raises(RLEError, match="Got the shape"):
        rle.decode("", shape)  # type: ignore[arg-type]


@settings(deadline=None)
@given(masks)
def test_round_trip(mask: Mask) -> None:
    text = rle.encode(mask)
    assert np.array_equal(rle.decode(text, mask.shape), mask)
    assert rle.encode(np.asfortranarray(mask)) == text
    assert rle.encode(np.repeat(mask, 2, axis=0)[::2]) == text


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 70), (70, 1), (97, 131), (300, 411)])
def test_round_trip_of_noise_on_odd_shapes(shape_hw: tuple[int, int], rng: np.random.Generator) -> None:
    mask = rng.random(shape_hw) > 0.5
    assert np.array_equal(rle.decode(rle.encode(mask), shape_hw), mask)
    assert np.array_equal(coco_rle.decode(coco_rle.encode(mask)), mask)


def test_encode_of_unaligned_memory(rng: np.random.Generator) -> None:
    mask = np.asfortranarray(rng.random((40, 9)) > 0.5)
    assert rle.encode(mask[:, 1:]) == rle.encode(mask[:, 1:].copy())
    flat = (rng.random(8 * 8 + 3) > 0.5)[3:]
    assert rle.encode(flat.reshape(8, 8).T) == rle.encode(flat.reshape(8, 8).T.copy())


def test_encode_refuses_labels() -> None:
    with pytest.raises(MaskError, match="wanted bool"):
        rle.encode(np.array([[0, 255]], np.uint8))  # type: ignore[arg-type]


@settings(deadline=None)
@given(masks, st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_decode_to_equals_opencv(mask: Mask, out_hw: tuple[int, int]) -> None:
    resized = cv2.resize(mask.view(np.uint8), out_hw[::-1], interpolation=cv2.INTER_NEAREST)
    small = rle.decode_to(rle.encode(mask), mask.shape, out_hw)
    assert small.shape == out_hw and small.dtype == np.bool_
    assert np.array_equal(small, resized.astype(np.bool_))


@pytest.mark.parametrize("out_hw", [(350, 525), (320, 640), (384, 576), (1400, 2100), (701, 333), (1500, 2200)])
def test_decode_to_from_a_satellite_frame(out_hw: tuple[int, int], rng: np.random.Generator) -> None:
    mask = blobs(rng, (1400, 2100), 15)
    resized = cv2.resize(mask.view(np.uint8), out_hw[::-1], interpolation=cv2.INTER_NEAREST)
    assert np.array_equal(rle.decode_to(rle.encode(mask), mask.shape, out_hw), resized.astype(np.bool_))


def test_repair_sorts_and_merges_and_nothing_else() -> None:
    assert rle.repair("7 2 1 4 3 3", (3, 4)) == ("1 5 7 2", True)
    assert rle.repair("1 4 2 1", (3, 4)) == ("1 4", True)
    assert rle.repair("1 2 5 2", (3, 4)) == ("1 2 5 2", False)
    assert rle.repair("", (3, 4)) == ("", False)
    for text in ("1", "0 2", "1 20", "1e1 2", "1 0"):
        with pytest.raises(RLEError):
            rle.repair(text, (3, 4))


def test_coco_pinned_answers() -> None:
    # the mask of test_pinned_answer: 1 sky, 4 cloud, 3 sky, 1 cloud; the fourth count is written as 1 - 4 = -3
    shape = np.array([[0, 1, 0], [1, 1, 0], [1, 0, 1]], np.bool_)
    assert coco_rle.encode(shape, compressed=False) == {"size": [3, 3], "counts": [1, 4, 3, 1]}
    assert coco_rle.encode(shape) == {"size": [3, 3], "counts": "143M"}
    # 100 = 00011 00100 in base 32: low part 4 with the bit for more (4 + 32 + 48 = "T"), then 3
    assert coco_rle.encode(np.zeros((10, 10), np.bool_)) == {"size": [10, 10], "counts": "T3"}
    # 16 needs a second letter, because the bit for 16 alone would read as a sign
    assert coco_rle.encode(np.ones((4, 4), np.bool_)) == {"size": [4, 4], "counts": "0`0"}


@settings(deadline=None)
@given(masks)
def test_coco_round_trip(mask: Mask) -> None:
    for compressed in (True, False):
        coco = coco_rle.encode(mask, compressed)
        assert np.array_equal(coco_rle.decode(coco), mask)
    assert np.array_equal(coco_rle.decode({**coco, "counts": coco_rle.encode(mask)["counts"].encode()}), mask)


@pytest.mark.parametrize(
    "coco",
    [
        {"size": [2, 2]},
        {"counts": [4]},
        {"size": [2], "counts": [2]},
        {"size": "22", "counts": [4]},
        {"size": [2, 2], "counts": [3]},
        {"size": [2, 2], "counts": [5]},
        {"size": [2, 2], "counts": [5, -1]},
        {"size": [2, 2], "counts": [4.0]},
        {"size": [2, 2], "counts": [True, 3]},
        {"size": [2, 2], "counts": None},
        {"size": [2, 2], "counts": "T"},
        {"size": [2, 2], "counts": "~"},
        {"size": [2, 2], "counts": "4 0"},
        {"size": [2, 2], "counts": "o" * 100},
        {"size": [2, 2], "counts": "\u00e9"},
        {"size": [2, 2], "counts": ""},
        {"size": [10**5, 10**5], "counts": [10**10]},
        {"size": [2, 2], "counts": [10**5000]},
    ],
    ids=range(18),
)
def test_hostile_coco_is_refused(coco: dict[str, object]) -> None:
    with pytest.raises(RLEError) as caught:
        coco_rle.decode(coco)
    assert str(caught.value).startswith("Got ") and len(str(caught.value)) < 200


def test_importing_loads_no_compiler() -> None:
    code = (
        "import sys, cloudcore.masks.rle, cloudcore.masks.mask, cloudcore.masks.metrics, cloudcore.masks.sweep; "
        "sys.exit(bool({'numba', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@settings(deadline=None)
@given(masks)
def test_kaggle_and_coco_say_the_same(mask: Mask) -> None:
    """Every way between the three forms ends at the same mask and the same text."""
    kaggle = rle.encode(mask)
    for compressed in (True, False):
        coco = coco_rle.encode(rle.decode(kaggle, mask.shape), compressed)
        assert coco == coco_rle.encode(mask, compressed)
        assert rle.encode(coco_rle.decode(coco)) == kaggle


@settings(deadline=None)
@given(masks)
def test_runs_are_the_mask(mask: Mask) -> None:
    text = rle.encode(mask)
    found = rle.runs(text, mask.shape)
    painted = np.zeros(mask.size, np.bool_)
    for start, stop in found:
        painted[start:stop] = True
    assert np.array_equal(painted.reshape(mask.shape[::-1]).T, mask)
    assert int((found[:, 1] - found[:, 0]).sum()) == mask.sum() and rle.from_runs(found) == text
