"""Hold out whole groups of frames, source by source."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cloudcore.frames.labelled import BLOCK, Pair


@dataclass(frozen=True)
class Split:
    """Training and validation pairs, what they were grouped by, and a sentence about it."""

    train: tuple[Pair, ...]
    valid: tuple[Pair, ...]
    by: str
    note: str


def split(found: Sequence[Pair], fraction: float = 0.2, seed: int = 0) -> Split:
    """Hold out whole groups until each source has about that fraction (0..1) of its frames in validation.

    Seeded. With fewer than two groups nothing is held out, and the note says so.
    """
    by = _grouped_by(found)
    sources: dict[str, dict[str, list[Pair]]] = defaultdict(lambda: defaultdict(list))
    for pair in found:
        sources[pair.group.split("/", 1)[0]][pair.group].append(pair)
    held: set[str] = set()
    for name in sorted(sources):
        held |= _held_out(sources[name], fraction, np.random.default_rng([seed, len(held)]))
    train = tuple(pair for pair in found if pair.group not in held)
    valid = tuple(pair for pair in found if pair.group in held)
    if not valid:
        return Split(train, (), by, f"No validation: all {len(train)} frames belong to one {by}, so none is held out.")
    return Split(train, valid, by, f"{len(train)} frames to learn from, {len(valid)} held out, split by {by}.")


def _grouped_by(found: Sequence[Pair]) -> str:
    return "night" if all(" block " not in pair.group for pair in found) else f"blocks of {BLOCK}"


def _held_out(groups: dict[str, list[Pair]], fraction: float, rng: np.random.Generator) -> set[str]:
    if len(groups) < 2:
        return set()
    wanted = fraction * sum(len(members) for members in groups.values())
    order = [sorted(groups)[i] for i in rng.permutation(len(groups))]
    held: set[str] = set()
    count = 0
    for group in order[:-1]:
        if held and abs(count + len(groups[group]) - wanted) > abs(count - wanted):
            continue
        if count >= wanted:
            break
        held.add(group)
        count += len(groups[group])
    return held
