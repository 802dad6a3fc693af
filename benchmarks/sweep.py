"""Dice of 140 thresholds x 17 sizes on one 512x512 frame: the tree against the published loops."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Case, Way
from cloudcore.masks import sweep

THRESHOLDS = np.arange(1, 141) / 141
MIN_SIZES = sweep.MIN_SIZES


def scene(side: int = 512, seed: int = 7) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A probability as a pixel classifier gives it, smooth cloud with a little grain, and the cloud without grain."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((2, side, side)).astype(np.float32)
    cloud, grain = (np.asarray(cv2.GaussianBlur(noise[k], (0, 0), sigma)) for k, sigma in enumerate((14, 1.5)))
    logits = 2 * cloud / float(np.std(cloud)) + 0.3 * grain / float(np.std(grain))
    return (1 / (1 + np.exp(-logits))).astype(np.float32), cloud > 0


def published_clean(probability: NDArray[np.float32], threshold: float, min_size: float) -> NDArray[np.float32]:
    """The search's cleaning as the public notebooks wrote it: one comparison of the whole frame a component."""
    binary = cv2.threshold(probability, threshold, 1, cv2.THRESH_BINARY)[1]
    number, component = cv2.connectedComponents(binary.astype(np.uint8))
    cleaned = np.zeros(probability.shape, np.float32)
    for index in range(1, number):
        pixels: Any = component == index
        if pixels.sum() > min_size:
            cleaned[pixels] = 1
    return cleaned


def brute_force(probability: NDArray[np.float32], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Clean and count anew for every pair."""
    surface, wanted = np.zeros((len(THRESHOLDS), len(MIN_SIZES))), truth.astype(np.float32)
    for row, threshold in enumerate(THRESHOLDS):
        for column, min_size in enumerate(MIN_SIZES):
            cleaned = published_clean(probability, threshold, min_size)
            both = cleaned.sum() + wanted.sum()
            surface[row, column] = 2 * (cleaned * wanted).sum() / both if both else 1.0
    return surface


def label_once(probability: NDArray[np.float32], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Label the components once a threshold and judge all sizes from their areas."""
    surface, total = np.zeros((len(THRESHOLDS), len(MIN_SIZES))), int(truth.sum())
    for row, threshold in enumerate(THRESHOLDS):
        binary = (probability > np.float32(threshold)).astype(np.uint8)
        number, component, statistics, _ = cv2.connectedComponentsWithStats(binary, connectivity=8)
        areas = statistics[1:, cv2.CC_STAT_AREA]
        hits = np.bincount(np.asarray(component)[truth], minlength=number)[1:]
        for column, min_size in enumerate(MIN_SIZES):
            kept = areas > min_size
            both = int(areas[kept].sum()) + total
            surface[row, column] = 2 * int(hits[kept].sum()) / both if both else 1.0
    return surface


def _ours(probability: NDArray[np.float32], truth: NDArray[np.bool_]) -> Way:
    return lambda: sweep.dice_sweep(probability, truth, THRESHOLDS, MIN_SIZES)


def _against_brute_force() -> tuple[Way, Way]:
    frame = scene()
    return _ours(*frame), lambda: brute_force(*frame)


def _against_labelling() -> tuple[Way, Way]:
    frame = scene()
    return _ours(*frame), lambda: label_once(*frame)


CASES = [
    Case("sweep-brute-force", _against_brute_force, goal=2000, repeats=9, other_repeats=1),
    Case("sweep-label-once", _against_labelling, goal=20, repeats=9),
]
