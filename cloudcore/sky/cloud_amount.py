"""How much cloud a frame shows: fractions of the pixels and of the sky's solid angle, with a span over thresholds.

A probability is held in 255ths on a small grid. Where only the pixels count, the amount is `cloud_fraction`; where each
pixel weighs by the solid angle it sees, it is called `sky_fraction`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import MaskError
from cloudcore.masks import mask
from cloudcore.masks.mask import Mask
from cloudcore.sky.dome import Dome, distance
from cloudcore.sky.sky_grid import SkyGrid

MEASURES = {
    "cloud_fraction": "Cloud fraction",
    "sky_fraction": "Sky fraction",
    "sky_fraction_above_30": "Above 30°",
    "sky_fraction_zenith": "Zenith",
}
"""Measure -> its name on a page: of the pixels; of the solid angle of the whole sky, of what stands 30 degrees or more
above the horizon, and of what lies within 30 degrees of the zenith."""


@dataclass(frozen=True)
class Estimate:
    """A share of cloud, 0..1, and the least and most by other thresholds and models; NaN where no sky is seen."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Prediction:
    """A model's probability of cloud in 255ths, uint8 (h, w), its threshold, and its smallest cloud in grid px."""

    levels: NDArray[np.uint8]
    threshold: float
    min_size: float

    def cloud(self, threshold: float, valid: Mask) -> Mask:
        """bool (h, w): cloud at a threshold, on valid pixels alone."""
        return mask.clean(self.levels.astype(np.float32) / np.float32(255), threshold, self.min_size, valid)


def shares(cloud: Mask, sky: SkyGrid, counted: Mask) -> dict[str, float]:
    """{measure: cloud's share, 0..1} of one mask over what is counted, bool (h, w); NaN where nothing is."""
    found = {"cloud_fraction": cloud_fraction(cloud, counted)}
    for name, part in zip(list(MEASURES)[1:], (sky.valid, sky.high, sky.zenith), strict=True):
        where = part & counted
        total = float(sky.angle.sum(where=where, dtype=np.float64)) if sky.circle is not None else 0.0
        seen = float(sky.angle.sum(where=where & cloud, dtype=np.float64))
        found[name] = min(1.0, seen / total) if total else math.nan
    return found


def estimate(predictions: Sequence[Prediction], sky: SkyGrid, counted: Mask, spread: float) -> dict[str, Estimate]:
    """{measure: Estimate} of one frame as one or several models see it.

    The value is the mean over the models, each at its own threshold; the span is the least and most over all of them at
    that threshold and `spread` below and above it. counted is bool (h, w).
    """
    at_own, every = [], []
    for prediction in predictions:
        for step in (0.0, -spread, spread):
            at = min(max(prediction.threshold + step, 0.0), 1.0)
            found = shares(prediction.cloud(at, sky.valid), sky, counted)
            every.append(found)
            if step == 0.0:
                at_own.append(found)
    return {name: _over_models([f[name] for f in at_own], [f[name] for f in every]) for name in MEASURES}


def _over_models(own: Sequence[float], every: Iterable[float]) -> Estimate:
    spanned = list(every)
    value = float(np.mean(own))
    return Estimate(value, min(min(spanned), value), max(max(spanned), value)) if math.isfinite(value) else _UNSEEN


_UNSEEN = Estimate(math.nan, math.nan, math.nan)


def to_json(found: Mapping[str, Estimate]) -> dict[str, list[float | None]]:
    """The amounts as JSON holds them: None for what is unseen."""
    return {
        name: [round(v, 6) if math.isfinite(v) else None for v in (amount.value, amount.low, amount.high)]
        for name, amount in found.items()
    }


def from_json(amounts: Mapping[str, Sequence[float | None]]) -> dict[str, Estimate]:
    """The amounts that to_json wrote."""
    return {name: Estimate(*(math.nan if v is None else float(v) for v in values)) for name, values in amounts.items()}


OVERCAST = 8
"""Okta of a sky without a gap; 9, sky obscured, is never derived from a mask."""


def okta(cloud_fraction: float) -> int:
    """Eighths of the sky: 0 at exactly 0, 8 at exactly 1, else min(7, max(1, floor(8 f + 0.5))).

    The WMO's rule (Manual on Codes, WMO-No. 306, code table 2700): a trace counts as 1, a gap as 7. Raises MaskError
    where f is not in 0..1.

    >>> [okta(fraction) for fraction in (0, 0.01, 0.5, 0.99, 1)]
    [0, 1, 4, 7, 8]
    """
    if not 0 <= cloud_fraction <= 1:
        raise MaskError(f"Cloud fraction is {cloud_fraction}, wanted 0 to 1: check that the frame has valid pixels")
    if cloud_fraction in (0, 1):
        return OVERCAST * int(cloud_fraction)
    return min(7, max(1, math.floor(8 * cloud_fraction + 0.5)))


def cloud_fraction(cloud: Mask, valid: Mask | None = None) -> float:
    """Cloud px / valid px, 0..1, of bool (H, W); without valid every pixel counts. NaN where no pixel is valid.

    >>> cloud = np.array([[True, True], [False, False]])
    >>> cloud_fraction(cloud, valid=np.array([[True, False], [True, True]]))
    0.3333333333333333
    """
    if valid is None:
        return float(np.count_nonzero(cloud) / cloud.size) if cloud.size else math.nan
    counted = int(np.count_nonzero(valid))
    return int(np.count_nonzero(cloud & valid)) / counted if counted else math.nan


def sky_fraction(cloud: Mask, valid: Mask, dome: Dome) -> float:
    """Cloud's part of the valid solid angle, 0..1; NaN where no pixel is valid.

    cloud and valid are bool (H, W). In an equidistant image a pixel at zenith angle z covers a solid angle proportional
    to sin(z) / z. Cloud within half the radius of the zenith covers 1 - cos(45 degrees) of the hemisphere:

    >>> whole, shape_hw = Dome((200, 200), 200), (401, 401)
    >>> cloud = Dome((200, 200), 100).mask(shape_hw)
    >>> round(sky_fraction(cloud, whole.mask(shape_hw), whole), 3)
    0.293
    """
    angle = distance(dome, valid.shape) * np.float32(math.pi / 2 / dome.radius)
    weight = np.sinc(angle / np.float32(math.pi)) * (valid & (angle <= math.pi / 2))
    total = float(weight.sum(dtype=np.float64))
    return float(weight.sum(where=cloud, dtype=np.float64)) / total if total else math.nan
