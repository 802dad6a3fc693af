"""Threshold, components, min_size and the three label levels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cloudcore.errors import MaskError
from cloudcore.masks import mask


def drawn(*rows: str) -> mask.Mask:
    """A mask from rows of "#" (cloud) and "." (sky)."""
    return np.array([[letter == "#" for letter in row] for row in rows])


def test_threshold_is_strict_and_cast_to_float32() -> None:
    exact = np.float32(0.3)
    probability = np.array([[exact, np.nextafter(exact, np.float32(1)), np.nan]], np.float32)
    # 0.3 in double precision is below float32(0.3): without the cast the first pixel would be cloud
    assert mask.clean(probability, 0.3, 0).tolist() == [[False, True, False]]


def test_area_must_exceed_min_size() -> None:
    shape = drawn("##...", "##..#", ".....")
    assert np.array_equal(mask.remove_small(shape, 3), drawn("##...", "##...", "....."))
    assert not mask.remove_small(shape, 4).any()
    assert np.array_equal(mask.remove_small(shape, 0), shape)
    assert np.array_equal(mask.remove_small(shape, 0.5), shape)


def test_diagonal_pixels_are_one_component() -> None:
    shape = drawn("#..", ".#.", "..#")
    assert np.array_equal(mask.remove_small(shape, 2), shape)


def test_nothing_outside_valid_is_cloud_or_joins() -> None:
    probability = np.full((1, 5), 0.9, np.float32)
    valid = drawn("##.##")
    assert np.array_equal(mask.clean(probability, 0.5, 1, valid), valid)
    assert not mask.clean(probability, 0.5, 2, valid).any()  # joined through the middle they would be five


def test_more_components_than_sixteen_bits_count() -> None:
    probability = np.zeros((600, 600), np.float32)
    probability[::2, ::2] = 1.0
    probability[0, 1] = 1.0
    cleaned = mask.clean(probability, 0.5, 1)
    assert np.flatnonzero(cleaned).tolist() == [0, 1, 2]


@settings(deadline=None)
@given(arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.integers(0, 6))
def test_remove_small_equals_a_flood_fill(shape: mask.Mask, min_size: int) -> None:
    expected, left = np.zeros_like(shape), {tuple(p) for p in np.argwhere(shape).tolist()}
    while left:
        group, edge = set(), [left.pop()]
        while edge:
            y, x = edge.pop()
            group.add((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            edge.extend(near)
        for place in group if len(group) > min_size else ():
            expected[place] = True
    assert np.array_equal(mask.remove_small(shape, min_size), expected)


def test_column_major_and_sliced_masks_are_read_right(rng: np.random.Generator) -> None:
    shape = rng.random((30, 40)) > 0.6
    expected = mask.remove_small(shape, 3)
    assert np.array_equal(mask.remove_small(np.asfortranarray(shape), 3), expected)
    assert np.array_equal(mask.remove_small(np.repeat(shape, 2, axis=1)[:, ::2], 3), expected)


def test_inputs_are_left_alone(rng: np.random.Generator) -> None:
    shape = rng.random((8, 8)) > 0.5
    kept = shape.copy()
    mask.remove_small(shape, 0)[:] = False
    mask.remove_small(shape, 2)[:] = False
    assert np.array_equal(shape, kept)


@settings(deadline=None)
@given(arrays(np.uint8, (5, 4), elements=st.sampled_from([0, 128, 255])))
def test_labels_round_trip(label: mask.Label) -> None:
    assert np.array_equal(mask.to_label(*mask.from_label(label)), label)


def test_label_levels() -> None:
    cloud, valid = mask.from_label(np.array([[0, 128, 255]], np.uint8))
    assert cloud.tolist() == [[False, False, True]]
    assert valid.tolist() == [[True, False, True]]
    assert mask.to_label(drawn("#.")).tolist() == [[255, 0]]
    cloud, valid = mask.from_label(drawn("#."))
    assert cloud.tolist() == [[True, False]] and valid.all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: mask.from_label(np.array([[0, 100, 255]], np.uint8)),
        lambda: mask.from_label(np.zeros((2, 2, 3), np.uint8)),
        lambda: mask.from_label(np.zeros((2, 2), np.float32)),
        lambda: mask.to_label(np.zeros((2, 2), np.bool_), np.zeros((2, 3), np.bool_)),
        lambda: mask.clean(np.zeros((2, 2), np.uint8), 0.5, 0),
        lambda: mask.clean(np.zeros((1, 2, 2), np.float32), 0.5, 0),
        lambda: mask.clean(np.zeros((2, 2), np.float32), 0.5, 0, np.ones((3, 2), np.bool_)),
        lambda: mask.as_mask(np.array([[0, 255]], np.uint8)),
        lambda: mask.as_mask(np.zeros((2, 2), np.float32)),
    ],
)
def test_wrong_arrays_are_refused_in_words(call: object) -> None:
    with pytest.raises(MaskError, match=r"Got .*; wanted "):
        call()  # type: ignore[operator]


def test_zeros_and_ones_pass_as_a_mask() -> None:
    assert mask.as_mask(np.array([[0, 1]], np.uint8)).tolist() == [[False, True]]
