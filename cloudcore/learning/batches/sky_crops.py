"""How a crop of a sky frame is drawn at random, and cut on the CPU."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.frames import examples
from cloudcore.masks import mask


class CropSettings(Protocol):
    """What a crop depends on: its side, px, and the strength of the augmentation, 0..1."""

    @property
    def crop(self) -> int:
        """Side of the square, px."""

    @property
    def augment(self) -> float:
        """Strength of the augmentation, 0..1."""


@dataclass(frozen=True)
class Crop:
    """How one crop is taken: the affine map (2, 3) from px of the frame to px of the crop, and its exposure."""

    warp: NDArray[np.float64]
    gain: NDArray[np.float64] = field(default_factory=lambda: np.ones(3))
    gamma: float = 1.0
    grey: bool = False
    noise: float = 0.0


def draw(example: examples.Example, config: CropSettings, rng: np.random.Generator) -> Crop:
    """Scale, turn, shift and mirror in one map; gain, tint and gamma, now and then grey, and noise."""
    import cv2

    side, strength = config.crop, config.augment
    height, width = example.label.shape
    scale = float(np.exp(rng.uniform(-0.45, 0.45) * strength))
    angle = float(rng.uniform(-180, 180)) if strength and rng.random() < 0.5 else 0.0
    reach_y, reach_x = max(0.0, height - side / scale) / 2, max(0.0, width - side / scale) / 2
    centre = (width / 2 + rng.uniform(-1, 1) * reach_x, height / 2 + rng.uniform(-1, 1) * reach_y)
    warp = np.vstack([cv2.getRotationMatrix2D(centre, angle, scale), [0, 0, 1]])
    warp[:2, 2] += side / 2 - np.array(centre)
    if not strength:
        return Crop(warp[:2])
    quarter = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, side - 1.0], [0.0, 0.0, 1.0]])
    warp = np.linalg.matrix_power(quarter, int(rng.integers(4))) @ warp
    if rng.integers(2):
        warp = np.array([[-1.0, 0.0, side - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) @ warp
    gain = np.exp(rng.normal(0, 0.15 * strength) + rng.normal(0, 0.06 * strength, 3))
    gamma, grey = float(np.exp(rng.normal(0, 0.15 * strength))), bool(rng.random() < 0.15 * strength)
    noise = float(rng.uniform(0, 8 * strength)) if rng.random() < 0.5 else 0.0
    return Crop(warp[:2], gain, gamma, grey, noise)


def cut(example: examples.Example, side: int, drawn: Crop, rng: np.random.Generator) -> tuple[images.Image, mask.Label]:
    """Image (side, side, 3) and label (side, side), uint8; outside the frame black and undefined."""
    import cv2

    nearest, size_wh = cv2.INTER_NEAREST, (side, side)
    image = np.asarray(cv2.warpAffine(example.image, drawn.warp, size_wh, flags=cv2.INTER_LINEAR), np.uint8)
    label = np.asarray(cv2.warpAffine(example.label, drawn.warp, size_wh, flags=nearest, borderValue=(128,)), np.uint8)
    curves = np.clip(np.linspace(0, 1, 256)[:, None] * drawn.gain, 0, 1) ** drawn.gamma
    image = np.asarray(cv2.LUT(image, np.rint(curves * 255).astype(np.uint8)[None]), np.uint8)
    if drawn.grey:
        image = np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
    if drawn.noise:
        noise = rng.standard_normal(image.shape, np.float32) * np.float32(drawn.noise)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image, label
