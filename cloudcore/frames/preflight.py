"""A look at a folder of labelled frames before anything starts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cloudcore import images
from cloudcore.errors import DataError, ImageError
from cloudcore.frames.labelled import Pair, base_rate, pairs, read_pair
from cloudcore.frames.near_duplicates import fingerprint, join_twins
from cloudcore.frames.splits import split
from cloudcore.masks import mask


@dataclass(frozen=True)
class Preflight:
    """What a look at the data found before anything starts: problems stop a training, notes do not."""

    problems: list[str]
    notes: list[str]
    n_images: int
    base_rate: float


def check(folder: Path, fraction: float = 0.2, seed: int = 0) -> Preflight:
    """Look at a sky data folder before a training: sizes, levels, polarity, empty masks, twins across the split."""
    problems: list[str] = []
    notes: list[str] = []
    try:
        found = pairs(folder)
    except DataError as problem:
        return Preflight([str(problem)], [], 0, float("nan"))
    kept, labels, prints, brighter = [], [], [], 0
    for pair in found:
        try:
            image, label = read_pair(pair)
        except (DataError, ImageError) as problem:
            problems.append(f"{pair.stem}: {problem}")
            continue
        kept.append(pair)
        labels.append(label)
        prints.append(fingerprint(image))
        brighter += _cloud_is_brighter(image, label)
    if problems or not kept:
        return Preflight(problems, notes, len(kept), base_rate(labels))
    notes += _about_labels(kept, labels, brighter)
    joined = join_twins(kept, np.stack(prints))
    if moved := sum(a.group != b.group for a, b in zip(kept, joined, strict=True)):
        notes.append(f"{moved} frames look like frames of another group: they are kept on one side of the split.")
    notes.append(split(joined, fraction, seed).note)
    repeated = [stem for stem, count in Counter(pair.stem for pair in kept).items() if count > 1]
    if repeated:
        problems.append(f"{repeated[0]} is listed twice. Keep one row for each frame.")
    return Preflight(problems, notes, len(kept), base_rate(labels))


def _cloud_is_brighter(image: images.Image, label: mask.Label) -> int:
    grey = image.mean(axis=2)
    cloud, sky = grey[label == mask.CLOUD], grey[label == mask.SKY]
    if min(cloud.size, sky.size) < 100:
        return 0
    return 1 if cloud.mean() > sky.mean() else -1


def _about_labels(kept: Sequence[Pair], labels: Sequence[mask.Label], brighter: int) -> list[str]:
    notes = []
    empty = [pair.stem for pair, label in zip(kept, labels, strict=True) if not (label == mask.CLOUD).any()]
    blank = [pair.stem for pair, label in zip(kept, labels, strict=True) if (label == mask.UNDEFINED).all()]
    if empty:
        notes.append(f"{len(empty)} of {len(kept)} frames have no cloud in their mask, the first is {empty[0]}.")
    if blank:
        notes.append(f"{len(blank)} masks are undefined everywhere and teach nothing, the first is {blank[0]}.")
    if brighter < 0:
        notes.append("What is marked cloud is mostly darker than what is marked sky: check that 255 means cloud.")
    return notes
