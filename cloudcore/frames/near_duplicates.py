"""Near-identical frames: found by a small fingerprint, their groups joined so that no split cuts them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.frames.groups import join
from cloudcore.frames.labelled import Pair

TWIN_DIFFERENCE = 2.5


def fingerprint(image: images.Image) -> NDArray[np.float32]:
    """A 16x16x3 thumbnail, flattened: two frames of nearly equal fingerprints are twins."""
    return images.resize(image, (16, 16)).astype(np.float32).reshape(-1)


def join_twins(found: Sequence[Pair], prints: NDArray[np.float32]) -> list[Pair]:
    """Merge the groups of near-identical frames (mean difference of fingerprints < 2.5 of 255).

    prints is (n, 768), one row a pair. So no twin of a training frame is ever scored.
    """
    names = sorted({pair.group for pair in found})
    number = {name: place for place, name in enumerate(names)}
    joined = join(len(names), ((number[found[one].group], number[found[two].group]) for one, two in near_pairs(prints)))
    return [replace(pair, group=names[joined[number[pair.group]]]) for pair in found]


def near_pairs(prints: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """(i, j), i < j, of fingerprints (n, 768) whose mean difference is below 2.5 of 255."""
    # sixteen means of a fingerprint never differ by more than the whole: they spare most of the work
    coarse = prints.reshape(len(prints), 16, -1).mean(axis=2)
    for index in range(len(prints)):
        rough = np.abs(coarse[index + 1 :] - coarse[index]).mean(axis=1)
        near = np.flatnonzero(rough < TWIN_DIFFERENCE + 0.001)
        difference = np.abs(prints[index + 1 + near] - prints[index]).mean(axis=1)
        for other in near[difference < TWIN_DIFFERENCE]:
            yield index, index + 1 + int(other)
