"""Near-identical frames: found by a small fingerprint, their groups joined so that no split cuts them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.frames.labelled import Pair

TWIN_DIFFERENCE = 2.5


def fingerprint(image: images.Image) -> NDArray[np.float32]:
    """A 16x16x3 thumbnail, flattened: two frames of nearly equal fingerprints are twins."""
    return images.resize(image, (16, 16)).astype(np.float32).reshape(-1)


def join_twins(found: Sequence[Pair], prints: NDArray[np.float32]) -> list[Pair]:
    """Merge the groups of near-identical frames (mean difference of fingerprints < 2.5 of 255).

    prints is (n, 768), one row a pair. So no twin of a training frame is ever scored.
    """
    parent = {pair.group: pair.group for pair in found}

    def root(group: str) -> str:
        while parent[group] != group:
            group = parent[group]
        return group

    # sixteen means of a fingerprint never differ by more than the whole: they spare most of the work
    coarse = prints.reshape(len(prints), 16, -1).mean(axis=2)
    for index in range(len(found)):
        rough = np.abs(coarse[index + 1 :] - coarse[index]).mean(axis=1)
        near = np.flatnonzero(rough < TWIN_DIFFERENCE + 0.001)
        difference = np.abs(prints[index + 1 + near] - prints[index]).mean(axis=1)
        for other in near[difference < TWIN_DIFFERENCE]:
            one, two = sorted((root(found[index].group), root(found[index + 1 + int(other)].group)))
            parent[two] = one
    return [replace(pair, group=root(pair.group)) for pair in found]
