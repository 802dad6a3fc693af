"""Satellite patterns: sweep of a validation set, training input, a cleaned overlay, the check of run lengths."""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Case, Seconds, Way
from benchmarks.rle import label, plain_decode
from cloudcore.masks import mask, rle, sweep
from cloudcore.models import mask_evaluation
from cloudcore.samples import patterns
from cloudcore.satellite import cache as satellite_cache
from cloudcore.satellite.table import GRID_HW, PATTERNS, SHAPE_HW
from cloudcore.views import render

IMAGES, MEASURED = 444, 37
"""Images of the published validation set, and how many of them are swept here: a twelfth, the time times twelve."""
SIZE_HW = (320, 640)
BATCH = 8
MEAN, STD = np.array((0.485, 0.456, 0.406), np.float32), np.array((0.229, 0.224, 0.225), np.float32)
Floats = NDArray[np.float32]


def probability(rng: np.random.Generator, shape_hw: tuple[int, int], grain: float) -> Floats:
    """A smooth field in 0..1 with components of many sizes."""
    field = cv2.GaussianBlur(rng.standard_normal(shape_hw).astype(np.float32), (0, 0), grain)
    field += np.float32(0.6) * cv2.GaussianBlur(rng.standard_normal(shape_hw).astype(np.float32), (0, 0), grain / 3)
    return np.asarray(1 / (1 + np.exp(-2.5 * field / field.std())), np.float32)


def _sweep() -> tuple[Way, Way]:
    """Best of 49 thresholds x 20 sizes for every class, from probabilities stored on disk; the goal is one minute."""
    rng, folder = np.random.default_rng(3), tempfile.mkdtemp()
    path = Path(folder) / "stored.npy"
    stored = np.lib.format.open_memmap(path, "w+", np.float16, (MEASURED, 4, *GRID_HW))
    for index in range(MEASURED):
        stored[index] = np.stack([probability(rng, GRID_HW, 11.0) for _ in PATTERNS])
    stored.flush()
    truth = [rle.decode_to(rle.encode(np.roll(label(), 90 * k, axis=1)), SHAPE_HW, GRID_HW) for k in range(4)]

    def one_class(place: int) -> dict[str, Any]:
        planes = np.load(path, mmap_mode="r")[:, place]
        sums = np.zeros((len(sweep.THRESHOLDS), len(mask_evaluation.MIN_SIZES)))
        for plane in planes:
            sums += sweep.dice_sweep(
                plane.astype(np.float32), truth[place], sweep.THRESHOLDS, mask_evaluation.MIN_SIZES
            )
        return mask_evaluation.best_of(sums / MEASURED, MEASURED, 0)

    def ours() -> Seconds:
        began = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one_class, range(4)))
        return Seconds((time.perf_counter() - began) * IMAGES / MEASURED)

    return ours, lambda: Seconds(60.0)


def _input() -> tuple[Way, Way]:
    """A batch for training at 320 x 640: from the cache, or decoded, resized and normalised image by image."""
    import torch

    from cloudcore.learning.batches.pattern_data import normalise

    folder = Path(tempfile.mkdtemp())
    for draw in patterns.write(folder):
        draw()
    table, place, names = satellite_cache.sources(folder)
    cache = satellite_cache.build(table, place, names, SIZE_HW, folder / "cache")
    texts = {name: [table.text(name, pattern) for pattern in PATTERNS] for name in names}
    chosen = list(range(BATCH))

    def ours() -> Any:
        x = torch.from_numpy(np.stack([cache.images[index] for index in chosen])).permute(0, 3, 1, 2)
        return normalise(x), torch.from_numpy(cache.masks(chosen))

    def other() -> Any:
        x = np.empty((BATCH, *SIZE_HW, 3), np.float32)
        y = np.empty((BATCH, *SIZE_HW, 4), np.float32)
        for index in chosen:
            image = cv2.cvtColor(cv2.imread(str(place / names[index])), cv2.COLOR_BGR2RGB)
            masks = np.stack([plain_decode(text) for text in texts[names[index]]], axis=-1).astype(np.float32)
            x[index] = (cv2.resize(image, SIZE_HW[::-1]).astype(np.float32) / 255 - MEAN) / STD
            y[index] = cv2.resize(masks, SIZE_HW[::-1])
        return torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), torch.from_numpy(y.transpose(0, 3, 1, 2).copy())

    return ours, other


def plain_post_process(values: Floats, threshold: float, min_size: int) -> NDArray[np.float32]:
    """Threshold, components, then one pass over the whole image for each component, as published."""
    cut = cv2.threshold(values, threshold, 1, cv2.THRESH_BINARY)[1]
    count, component = cv2.connectedComponents(cut.astype(np.uint8))
    kept = np.zeros(values.shape, np.float32)
    for c in range(1, count):
        p = component == c
        if p.sum() > min_size:
            kept[p] = 1
    return kept


def _clean() -> tuple[Way, Way]:
    """The mask of a slider step at 1400 x 2100, and the layer that shows it: one-bit PNG, or a blended JPEG."""
    rng = np.random.default_rng(8)
    values = probability(rng, SHAPE_HW, 26.0)
    image = rng.integers(0, 255, (*SHAPE_HW, 3), np.uint8)

    def ours() -> bytes:
        return render.mask_png(mask.clean(values, 0.6, 10_000), (255, 92, 138, 90))

    def other() -> Any:
        kept = plain_post_process(values, 0.6, 10_000)
        painted = image.copy()
        painted[kept == 1] = (255, 92, 138)
        return cv2.imencode(".jpg", cv2.addWeighted(painted, 0.35, image, 0.65, 0))[1]

    if not np.array_equal(plain_post_process(values, 0.6, 10_000) > 0, mask.clean(values, 0.6, 10_000)):
        raise ValueError("The two ways give different masks.")
    return ours, other


def _check() -> tuple[Way, Way]:
    """Run lengths read and proved sound, against the published decode and count: at most a twentieth of it."""
    text = rle.encode(label())
    return lambda: rle.runs(text, SHAPE_HW), lambda: plain_decode(text).sum()


CASES = [
    Case("patterns-sweep-444x4-in-60s", _sweep, goal=1, repeats=3),
    Case("patterns-input-320x640", _input, goal=15, repeats=9),
    Case("patterns-clean-overlay-1400x2100", _clean, goal=25, repeats=9),
    Case("rle-check-in-plain-decode", _check, goal=20, repeats=101),
]
