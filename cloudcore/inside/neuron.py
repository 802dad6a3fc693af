"""The arithmetic inside a network, one step at a time: a neuron, the pool of a patch, a kernel slid over a picture."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "ReLU": lambda z: np.maximum(z, 0.0),
    "sigmoid": lambda z: 0.5 * (1 + np.tanh(z / 2)),  # equals 1 / (1 + exp(-z)) and never overflows
    "tanh": np.tanh,
    "linear": lambda z: np.asarray(z, np.float64),
}
"""Name -> a(z), elementwise."""

KERNELS: dict[str, Floats] = {
    "Identity": np.array([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    "Edge": np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "Blur": np.full((3, 3), 1 / 9),
    "Sharpen": np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "Gaussian": np.outer([1.0, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256,
}
"""Name -> weights (k, k): what people wrote by hand before networks learnt theirs; Gaussian is binomial, 5 x 5."""

PATCH = 5
POOLS = ("max", "mean")


@dataclass(frozen=True)
class Neuron:
    """Two weights, a bias and the name of an activation."""

    w1: float
    w2: float
    bias: float
    activation: str

    def z(self, x1: float, x2: float) -> float:
        """The weighted sum w1 x1 + w2 x2 + b."""
        return self.w1 * x1 + self.w2 * x2 + self.bias

    def a(self, x1: float, x2: float) -> float:
        """What the neuron passes on: its activation of z."""
        return float(ACTIVATIONS[self.activation](np.array(self.z(x1, x2))))


@dataclass(frozen=True)
class Pooled:
    """A patch pooled to one number, and a neuron after it: z = weight x pooled + bias - threshold, a = ReLU(z)."""

    value: float
    z: float
    a: float


def pool(values: Floats, kind: str, size: int = 2) -> Floats:
    """Maximum or mean of squares of `size`, side by side: (H, W) -> (H // size, W // size); a rest at the rim is left.

    kind is "max" or "mean".
    """
    rows, columns = (side // size for side in values.shape)
    squares = values[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return np.asarray(squares.max((1, 3)) if kind == "max" else squares.mean((1, 3)), np.float64)


def pool_patch(patch: Floats, kind: str, threshold: float, weight: float, bias: float) -> Pooled:
    """A whole patch (h, w) pooled to one number, then one neuron with ReLU that fires above the threshold."""
    value = float(patch.max() if kind == "max" else patch.mean())
    z = weight * value + bias - threshold
    return Pooled(value, z, max(0.0, z))


def patch_at(values: Floats, row: int, column: int, side: int = PATCH) -> Floats:
    """The square (side, side) around a place of (H, W), moved inward where the rim is near."""
    top = min(max(row - side // 2, 0), values.shape[0] - side)
    left = min(max(column - side // 2, 0), values.shape[1] - side)
    return np.asarray(values[top : top + side, left : left + side], np.float64)


def place_like(values: Floats, share: float) -> tuple[int, int]:
    """The place (row, column) whose 5x5 mean lies nearest to a share of the largest such mean of (H, W).

    An eighth of each side is left out, so that the place stands well inside the picture.
    """
    top, left = (side // 8 for side in values.shape)
    around = slide(values, np.full((PATCH, PATCH), 1 / PATCH**2))[top : values.shape[0] - top, left:]
    around = around[:, : values.shape[1] - 2 * left]
    row, column = np.unravel_index(int(np.abs(around - share * around.max()).argmin()), around.shape)
    return int(row) + top, int(column) + left


def slide(values: Floats, kernel: Floats) -> Floats:
    """A kernel (k, k), k odd, slid over (H, W) as a convolution layer does it: weights times pixels, summed.

    The kernel is not turned around. Beyond the rim the pixels are mirrored, so the size stays.
    """
    rows, columns = kernel.shape
    padded = np.pad(values.astype(np.float64), ((rows // 2,) * 2, (columns // 2,) * 2), mode="symmetric")
    height, width = values.shape
    total = np.zeros((height, width))
    for row in range(rows):
        for column in range(columns):
            total += kernel[row, column] * padded[row : row + height, column : column + width]
    return total
