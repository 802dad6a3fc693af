"""The sweep against cleaning and counting once for every cell: equal to the last bit."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from cloudcore.errors import MaskError
from cloudcore.masks import mask, metrics, sweep

ROOT = Path(__file__).parents[2]


def brute_force(
    probability: NDArray[np.float32],
    truth: mask.Mask,
    thresholds: object,
    min_sizes: object,
    valid: mask.Mask | None = None,
) -> NDArray[np.float64]:
    """Dice of every pair, each from its own cleaned mask."""
    rows = [
        [metrics.dice(mask.clean(probability, threshold, size, valid), truth, valid) for size in min_sizes]  # type: ignore[attr-defined]
        for threshold in thresholds  # type: ignore[attr-defined]
    ]
    return np.array(rows, np.float64)


def smooth(rng: np.random.Generator, side: int, passes: int) -> NDArray[np.float32]:
    """Smoothed noise stretched to 0..1, in float32."""
    field = rng.random((side, side))
    for _ in range(passes):
        for axis in (0, 1):
            field = (np.roll(field, 1, axis) + field + np.roll(field, -1, axis)) / 3
    return ((field - field.min()) / np.ptp(field)).astype(np.float32)


SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))
LEVELS = [0.0, 0.1, 0.2, 0.25, 0.3, 0.5, 0.7, 0.9, 1.0]


@st.composite
def scenes(draw: st.DrawFn) -> tuple[NDArray[np.float32], mask.Mask, mask.Mask | None]:
    """A probability full of exact threshold values and NaN, a truth, and a valid mask or None."""
    shape = draw(SHAPES)
    values = st.sampled_from([*LEVELS, 0.05, 0.95, float("nan")]) | st.floats(0, 1, width=32)
    probability = draw(arrays(np.float32, shape, elements=values))
    valid = draw(st.none() | arrays(np.bool_, shape))
    return probability, draw(arrays(np.bool_, shape)), valid


@settings(max_examples=150, deadline=None)
@given(
    scenes(),
    st.lists(st.sampled_from(LEVELS), min_size=1, max_size=6),
    st.lists(st.integers(0, 20), min_size=1, max_size=5),
)
def test_equals_brute_force(
    scene: tuple[NDArray[np.float32], mask.Mask, mask.Mask | None], thresholds: list[float], min_sizes: list[int]
) -> None:
    probability, truth, valid = scene
    expected = brute_force(probability, truth, thresholds, min_sizes, valid)
    surface = sweep.dice_sweep(probability, truth, thresholds, min_sizes, valid)
    assert surface.dtype == np.float64
    assert np.array_equal(surface, expected)


@pytest.mark.parametrize("passes", [0, 2, 12])
@pytest.mark.parametrize("masked", [False, True])
def test_equals_brute_force_on_a_field(passes: int, masked: bool, rng: np.random.Generator) -> None:
    probability, truth = smooth(rng, 90, passes), smooth(rng, 90, 8) > 0.5
    valid = np.hypot(*np.mgrid[-1:1:90j, -1:1:90j]) < 0.9 if masked else None
    thresholds, min_sizes = sweep.THRESHOLDS[::4], (0, 1, 2, 7, 30, 200, 3000, 10**6)
    expected = brute_force(probability, truth, thresholds, min_sizes, valid)
    assert np.array_equal(sweep.dice_sweep(probability, truth, thresholds, min_sizes, valid), expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_equality_at_the_threshold_for_every_float_type(dtype: type, rng: np.random.Generator) -> None:
    thresholds = np.linspace(0.05, 0.95, 19)
    probability = rng.choice(thresholds, (20, 30)).astype(dtype)
    truth = rng.random((20, 30)) > 0.5
    expected = brute_force(probability, truth, thresholds, (0, 2))
    assert np.array_equal(sweep.dice_sweep(probability, truth, thresholds, (0, 2)), expected)


def test_many_thresholds_close_together_and_far_apart(rng: np.random.Generator) -> None:
    near = np.float32(0.5) + np.arange(-40, 40) * np.spacing(np.float32(0.5))
    thresholds = [*near.tolist(), -3.0e38, 3.0e38, -1.0, 2.0]
    probability = rng.choice(near, (12, 12)).astype(np.float32)
    probability[0, :4] = (np.inf, -np.inf, np.nan, 0.0)
    truth = rng.random((12, 12)) > 0.5
    expected = brute_force(probability, truth, thresholds, (0, 3))
    assert np.array_equal(sweep.dice_sweep(probability, truth, thresholds, (0, 3)), expected)


def test_by_hand() -> None:
    probability = np.array([[0.9, 0.6, 0.0, 0.7]], np.float32)
    truth = np.array([[True, True, False, False]])
    surface = sweep.dice_sweep(probability, truth, [0.5, 0.65], [0, 1])
    # 0.5 keeps {0, 1} and {3}: 4/5; above size 1 only {0, 1}: 1. 0.65 keeps {0} and {3}: 2/4; above 1 nothing: 0
    assert surface.tolist() == [[4 / 5, 1.0], [2 / 4, 0.0]]
    predicted, hit, true = sweep.counts_sweep(probability, truth, [0.5, 0.65], [0, 1])
    assert (predicted.tolist(), hit.tolist(), true) == ([[3, 2], [2, 0]], [[2, 2], [1, 0]], 2)


def test_both_empty_is_one() -> None:
    nothing = np.zeros((3, 3), np.bool_)
    assert sweep.dice_sweep(np.zeros((3, 3), np.float32), nothing, [0.5], [0]).tolist() == [[1.0]]
    assert sweep.dice_sweep(np.ones((3, 3), np.float32), nothing, [0.5], [0, 9]).tolist() == [[0.0, 1.0]]


def test_counts_pool_over_frames(rng: np.random.Generator) -> None:
    frames = [(smooth(rng, 30, 2), smooth(rng, 30, 3) > 0.5) for _ in range(3)]
    counts = [sweep.counts_sweep(probability, truth) for probability, truth in frames]
    predicted, hit, true = (sum(part) for part in zip(*counts, strict=True))
    surface = sweep.dice_of(predicted, hit, true)
    pooled = metrics.pooled(
        metrics.confusion(mask.clean(probability, sweep.THRESHOLDS[20], sweep.MIN_SIZES[3]), truth)
        for probability, truth in frames
    )
    assert surface.shape == (49, 17) and surface[20, 3] == pooled.dice


def test_default_grid() -> None:
    assert sweep.THRESHOLDS[0] == 0.02 and sweep.THRESHOLDS[-1] == 0.98 and len(sweep.THRESHOLDS) == 49
    assert sweep.MIN_SIZES[0] == 0 and sweep.MIN_SIZES[-1] == 2000 and len(sweep.MIN_SIZES) == 17


def test_empty_lists_give_an_empty_surface() -> None:
    assert sweep.dice_sweep(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.bool_), [], [1, 2]).shape == (0, 2)
    assert sweep.dice_sweep(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.bool_), [0.5], []).shape == (1, 0)


def test_best_prefers_the_middle_among_equals() -> None:
    surface = np.array([[0.5, 0.9], [0.9, 0.9], [0.9, 0.1]])
    assert sweep.best(surface, [0.1, 0.4, 0.9], [0, 50]) == (0.4, 0.0, 0.9)
    assert sweep.best(np.array([[0.1, 0.3]]), [0.2], [5, 6]) == (0.2, 6.0, 0.3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: sweep.dice_sweep(np.zeros((2, 2), np.float32), np.zeros((2, 3), np.bool_)),
        lambda: sweep.dice_sweep(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.bool_), valid=np.ones((1, 2), bool)),
        lambda: sweep.dice_sweep(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.bool_)),
        lambda: sweep.dice_sweep(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.bool_), [float("nan")], [0]),
        lambda: sweep.dice_sweep(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.bool_), [0.5], [float("nan")]),
        lambda: sweep.best(np.zeros((2, 2)), [0.5], [0]),
        lambda: sweep.best(np.zeros((0, 2)), [], [0, 1]),
    ],
)
def test_wrong_input_is_refused_in_words(call: object) -> None:
    with pytest.raises(MaskError, match=r"Got .*; wanted "):
        call()  # type: ignore[operator]


def test_nothing_is_left_to_compile_after_warm() -> None:
    """In a fresh process: every kernel is compiled by warm(), and a real frame asks for no other types."""
    code = """
import numpy as np
from cloudcore.masks import rle, rle_kernels, sweep, sweep_kernels

def compiled():
    kernels = {**vars(rle_kernels), **vars(sweep_kernels)}  # those without an underscore are called from outside
    return {name: len(one.signatures) for name, one in kernels.items() if hasattr(one, "signatures") and name[0] != "_"}

sweep.warm()
before = compiled()
assert len(before) == 8 and all(before.values()), before
field = np.random.default_rng(0).random((40, 50)).astype(np.float32)
sweep.dice_sweep(field, field > 0.4, valid=field > 0.1)
text = rle.encode(field > 0.5)
rle.decode(text, (40, 50)), rle.decode_to(text, (40, 50), (20, 25)), rle.from_runs(rle.runs(text, (40, 50)))
assert compiled() == before, (before, compiled())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
