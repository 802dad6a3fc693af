"""Twins among photographs, by perceptual hash and thumbprint."""

import numpy as np
from numpy.typing import NDArray

from cloudcore import images

HASH_SIDE = 16
TWIN_BITS = 60
TWIN_DIFFERENCE = 10.0
"""Twins: at most 60 of 255 hash bits differ (chance: 127), 16 x 16 thumbnails by less than 10 of 255 on average."""

Bits = NDArray[np.uint8]


def perceptual_hash(image: images.Image) -> Bits:
    """255 bits, uint8 (255,): the signs of the lowest cosine coefficients of the grey picture about their median.

    The mean is left out. After Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010).
    """
    import cv2

    grey = cv2.cvtColor(images.resize(image, (64, 64)), cv2.COLOR_RGB2GRAY).astype(np.float32)
    low = cv2.dct(grey)[:HASH_SIDE, :HASH_SIDE].reshape(-1)[1:]
    return np.asarray(low > np.median(low), np.uint8)


def thumbprint(image: images.Image) -> NDArray[np.float32]:
    """A 16 x 16 x 3 thumbnail, float32 (768,)."""
    return images.resize(image, (16, 16)).astype(np.float32).reshape(-1)


def find_twins(hashes: NDArray[np.uint8], prints: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Pairs (i < j) of near-identical pictures: hashes (n, 255) of 0 and 1, prints (n, 768)."""
    signs = hashes.astype(np.float32) * 2 - 1
    found = []
    for index in range(len(hashes) - 1):
        apart = (hashes.shape[1] - signs[index + 1 :] @ signs[index]) / 2
        for other in np.flatnonzero(apart <= TWIN_BITS) + index + 1:
            if np.abs(prints[index] - prints[other]).mean() < TWIN_DIFFERENCE:
                found.append((index, int(other)))
    return found


def shrunk(image: images.Image, side: int) -> images.Image:
    height, width = image.shape[:2]
    scale = side / min(height, width)
    if scale >= 1:
        return image
    return images.resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))
