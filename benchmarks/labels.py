"""Saving a label: the 95th percentile of saves, each committed to the disk and exported, against 50 ms."""

import tempfile
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Case, Seconds, Way
from cloudcore.labels import LabelStore

SHAPE_HW = (512, 512)
SAVES = 60
ALLOWED = 0.050


def _clouds(seed: int) -> NDArray[np.bool_]:
    """A mask of cloud-like blobs, bool (H, W)."""
    noise = np.random.default_rng(seed).random(SHAPE_HW, np.float32)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 12) > 0.5)


def _saving() -> tuple[Way, Way]:
    folder = tempfile.TemporaryDirectory(prefix="cloudcore-labels-")
    store = LabelStore(folder.name)
    painted = [_clouds(seed) for seed in range(8)]

    def ours() -> Seconds:
        head = store.head("sky", "frame")
        base = 0 if head is None else head.revision
        times = []
        for number in range(base, base + SAVES):
            mask, operation_id = painted[number % len(painted)], f"save {number} in {folder.name}"
            start = time.perf_counter()
            store.save("sky", "frame", mask, base_revision=number, author="clock", operation_id=operation_id)
            times.append(time.perf_counter() - start)
        return Seconds(np.percentile(times, 95))

    return ours, lambda: Seconds(ALLOWED)


CASES = [Case("p95 of a save, 512x512, of 50 ms", _saving, goal=1.0, repeats=5)]
