"""How unlike the photographs a model learnt from a picture is, by plain statistics of colour and sharpness.

A classifier alone answers strongly to pictures of another world, such as a radar image. The distance of a picture's
statistics from those of the photographs learnt from (Mahalanobis 1936) tells many of them apart, without ever having
seen one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import images

SIDE = 96
LEVELS, BANDS = 4, 4

Floats = NDArray[np.float64]


def statistics(image: images.Image) -> Floats:
    """28 numbers of a picture, float64: colour, saturation, dark and bright shares, gradients by size, bands."""
    import cv2

    small = images.resize(image, (SIDE, SIDE)).astype(np.float32) / 255
    grey, saturation = small.mean(axis=2), small.max(axis=2) - small.min(axis=2)
    warm = small[..., 0] - small[..., 2]
    found = [
        *small.mean((0, 1)),
        *small.std((0, 1)),
        saturation.mean(),
        saturation.std(),
        (grey < 0.03).mean(),
        (grey > 0.97).mean(),
        warm.mean(),
        warm.std(),
    ]
    for level in range(LEVELS):
        side = SIDE >> level
        coarse = np.asarray(cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA))
        found += [np.log(np.abs(np.diff(coarse, axis=axis)).mean() + 1e-3) for axis in (0, 1)]
    for band in np.array_split(grey, BANDS):
        found += [band.mean(), np.log(band.std() + 1e-2)]
    return np.asarray(found, np.float64)


def fit(pictures: Sequence[images.Image]) -> dict[str, Any]:
    """{mean, whiten}: what `distance` needs, from at least 60 photographs; empty with fewer."""
    rows = np.stack([statistics(picture) for picture in pictures])
    if len(rows) < 60:
        return {}
    covariance = np.cov(rows.T) + 1e-4 * np.eye(rows.shape[1])
    whiten = np.linalg.cholesky(np.linalg.inv(covariance)).T
    return {"mean": np.round(rows.mean(axis=0), 6).tolist(), "whiten": np.round(whiten, 5).tolist()}


def distance(image: images.Image, fitted: Mapping[str, Any]) -> float:
    """Mahalanobis distance of a picture from the photographs `fit` saw; 0 where nothing was fitted."""
    if not fitted:
        return 0.0
    away = statistics(image) - np.asarray(fitted["mean"])
    return float(np.linalg.norm(np.asarray(fitted["whiten"]) @ away))
