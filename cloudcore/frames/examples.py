"""Labelled frames in memory, resized once: what a sky training learns from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.files.opening import sha256_of
from cloudcore.frames.labelled import Pair, read_pair
from cloudcore.frames.near_duplicates import fingerprint
from cloudcore.images import short_side
from cloudcore.masks import mask


@dataclass(frozen=True)
class Example:
    """One resized frame held in memory: image (h, w, 3) uint8, label (h, w) uint8 0/128/255, sha256 of the file.

    print is the fingerprint of the frame as it was, so that no setting changes how frames are split.
    """

    pair: Pair
    image: images.Image
    label: mask.Label
    sha256: str
    print: NDArray[np.float32]


def load(found: Sequence[Pair], side: int, progress: Callable[[int, int], None] | None = None) -> list[Example]:
    """Read pairs and resize them to a shorter side of `side` px (0: as they are). Labels by nearest neighbour."""
    import cv2

    examples = []
    for index, pair in enumerate(found):
        image, label = read_pair(pair)
        out_hw = short_side(image.shape[:2], side)
        small = np.asarray(cv2.resize(label, out_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
        sha256, print_ = sha256_of(pair.image), fingerprint(image)
        examples.append(Example(pair, images.resize(image, out_hw), small, sha256, print_))
        if progress:
            progress(index + 1, len(found))
    return examples
