"""A neuron, a pool and kernels, each worked by hand."""

import numpy as np
import pytest

from cloudcore.inside import neuron
from cloudcore.inside.neuron import Neuron


@pytest.mark.parametrize(
    ("name", "wanted"), [("ReLU", 0.5), ("sigmoid", 0.6224593312), ("tanh", 0.4621171573), ("linear", 0.5)]
)
def test_a_neuron_by_hand(name: str, wanted: float) -> None:
    """z = 2 x 1.5 - 1 x 2 - 0.5 = 0.5."""
    one = Neuron(2.0, -1.0, -0.5, name)
    assert one.z(1.5, 2.0) == pytest.approx(0.5)
    assert one.a(1.5, 2.0) == pytest.approx(wanted)


def test_activations_below_zero_and_far_out() -> None:
    z = np.array([-800.0, -1.0, 0.0, 800.0])
    assert neuron.ACTIVATIONS["ReLU"](z).tolist() == [0, 0, 0, 800]
    assert neuron.ACTIVATIONS["sigmoid"](z) == pytest.approx([0, 0.2689414214, 0.5, 1])
    assert neuron.ACTIVATIONS["tanh"](z) == pytest.approx([-1, -0.7615941560, 0, 1])


def test_pooling_two_by_two_leaves_the_odd_rim() -> None:
    patch = np.arange(25.0).reshape(5, 5)
    assert neuron.pool(patch, "max").tolist() == [[6, 8], [16, 18]]
    assert neuron.pool(patch, "mean").tolist() == [[3, 5], [13, 15]]
    assert neuron.pool(patch[:4, :4], "max", 4).tolist() == [[18]]


def test_a_patch_fires_above_its_threshold_alone() -> None:
    patch = np.zeros((5, 5))
    patch[2, 3] = 49.0
    fires = neuron.pool_patch(patch, "max", threshold=40.0, weight=1.0, bias=0.0)
    assert (fires.value, fires.z, fires.a) == (49.0, 9.0, 9.0)
    still = neuron.pool_patch(patch, "mean", threshold=40.0, weight=2.0, bias=1.0)
    assert (still.value, still.z, still.a) == pytest.approx((1.96, 2 * 1.96 + 1 - 40, 0.0))


def test_a_patch_at_the_rim_moves_inward() -> None:
    values = np.arange(64.0).reshape(8, 8)
    assert neuron.patch_at(values, 0, 0)[0, 0] == 0 and neuron.patch_at(values, 7, 7)[-1, -1] == 63
    assert neuron.patch_at(values, 4, 3)[2, 2] == values[4, 3]


def test_a_strong_and_a_weak_place_are_found() -> None:
    values = np.zeros((30, 40))
    values[8:13, 20:25] = 50.0
    assert neuron.place_like(values, 1.0) == (10, 22)
    row, column = neuron.place_like(values, 0.0)
    assert neuron.patch_at(values, row, column).max() == 0


def test_kernels_by_hand() -> None:
    spot = np.zeros((5, 5))
    spot[2, 2] = 9.0
    assert np.array_equal(neuron.slide(spot, neuron.KERNELS["Identity"]), spot)
    assert neuron.slide(spot, neuron.KERNELS["Blur"])[1:4, 1:4] == pytest.approx(np.ones((3, 3)))
    assert neuron.slide(spot, neuron.KERNELS["Sharpen"])[2].tolist() == [0, -9, 45, -9, 0]
    assert neuron.slide(spot, neuron.KERNELS["Edge"])[1:4, 2].tolist() == [-9, 72, -9]
    assert neuron.slide(spot, neuron.KERNELS["Gaussian"])[2, 2] == pytest.approx(9 * 36 / 256)


@pytest.mark.parametrize(("name", "kept"), [("Identity", 1), ("Edge", 0), ("Blur", 1), ("Sharpen", 1), ("Gaussian", 1)])
def test_a_flat_picture_stays_flat_to_the_rim(name: str, kept: int) -> None:
    assert neuron.slide(np.full((7, 6), 3.0), neuron.KERNELS[name]) == pytest.approx(np.full((7, 6), 3.0 * kept))


def test_a_kernel_is_not_turned_around() -> None:
    right = np.array([[0.0, 0, 0], [0, 0, 1], [0, 0, 0]])
    assert neuron.slide(np.array([[1.0, 2, 3]]), right).tolist() == [[2, 3, 3]]
