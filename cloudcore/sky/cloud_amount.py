"""How much cloud a frame shows: fractions of the pixels and of the sky's solid angle, with a span over thresholds.

A probability is held in 255ths on a small grid. Where only the pixels count, the amount is `cloud_fraction`; where each
pixel weighs by the solid angle it sees, it is called `sky_fraction`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import MaskError
from cloudcore.masks import mask
from cloudcore.masks.mask import Mask
from cloudcore.sky import dome
from cloudcore.sky.cameras import Camera
from cloudcore.sky.dome import Dome, distance

ABOVE_DEGREES = 30.0
ZENITH_DEGREES = 30.0
MEASURES = {
    "cloud_fraction": "Cloud fraction",
    "sky_fraction": "Sky fraction",
    "sky_fraction_above_30": "Above 30°",
    "sky_fraction_zenith": "Zenith",
}
"""Measure -> its name on a page: of the pixels; of the solid angle of the whole sky, of what stands 30 degrees or more
above the horizon, and of what lies within 30 degrees of the zenith."""


@dataclass(frozen=True)
class Amount:
    """A share of cloud, 0..1, and the lowest and highest that other thresholds and models say; NaN where unseen."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Answer:
    """A model's probability of cloud in 255ths, uint8 (h, w), its threshold, and its smallest cloud in grid px."""

    levels: NDArray[np.uint8]
    threshold: float
    min_size: float

    def cloud(self, threshold: float, valid: Mask) -> Mask:
        """bool (h, w): cloud at a threshold, on valid pixels alone."""
        return mask.clean(self.levels.astype(np.float32) / np.float32(255), threshold, self.min_size, valid)


@dataclass(frozen=True)
class Grid:
    """A camera's sky on a small grid: what counts, bool (h, w), its dome there, and each pixel's solid angle.

    angle is float32 (h, w), steradian, 0 outside; without a dome nothing but pixels counts: high and zenith are empty.
    """

    circle: Dome | None
    valid: Mask
    angle: NDArray[np.float32]
    high: Mask
    zenith: Mask


def solid_angle(circle: Dome, shape_hw: tuple[int, int]) -> NDArray[np.float32]:
    """float32 (H, W): steradian that each pixel of an equidistant frame sees, 0 below the horizon.

    At zenith angle z = (pi / 2) r / R a pixel is pi / (2 R) high along r and sin z pi / (2 R) / z wide across it: they
    add up to the hemisphere's 2 pi.
    """
    z = dome.distance(circle, shape_hw) * np.float32(math.pi / 2 / circle.radius)
    scale = np.float32((math.pi / 2 / circle.radius) ** 2)
    return np.asarray(np.sinc(z / np.float32(math.pi)) * scale * (z <= math.pi / 2), np.float32)


def grid(camera: Camera, out_hw: tuple[int, int]) -> Grid:
    """The sky of a camera on a grid of out_hw, of the proportions of its frame."""
    rows, columns = (out / own for out, own in zip(out_hw, camera.shape_hw, strict=True))
    valid = camera.valid(camera.shape_hw)
    small = cv2.resize(valid.view(np.uint8), out_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    valid = np.asarray(small, np.uint8) > 0
    none = np.zeros(out_hw, np.bool_)
    if camera.dome is None:
        return Grid(None, valid, valid.astype(np.float32), none, none)
    y, x = camera.dome.centre_yx
    centre = ((y + 0.5) * rows - 0.5, (x + 0.5) * columns - 0.5)
    circle = Dome(centre, camera.dome.radius * math.sqrt(rows * columns))
    high = np.nan_to_num(dome.altitude(circle, out_hw), nan=-1)
    angle = solid_angle(circle, out_hw) * valid
    return Grid(circle, valid, angle, valid & (high >= ABOVE_DEGREES), valid & (high >= 90 - ZENITH_DEGREES))


def shares(cloud: Mask, sky: Grid, counted: Mask) -> dict[str, float]:
    """{measure: cloud's share, 0..1} of one mask over what is counted, bool (h, w); NaN where nothing is."""
    found = {"cloud_fraction": cloud_fraction(cloud, counted)}
    for name, part in zip(list(MEASURES)[1:], (sky.valid, sky.high, sky.zenith), strict=True):
        where = part & counted
        total = float(sky.angle.sum(where=where, dtype=np.float64)) if sky.circle is not None else 0.0
        seen = float(sky.angle.sum(where=where & cloud, dtype=np.float64))
        found[name] = min(1.0, seen / total) if total else math.nan
    return found


def amounts(answers: Sequence[Answer], sky: Grid, counted: Mask, spread: float) -> dict[str, Amount]:
    """{measure: Amount} of one frame as one or several models see it.

    The value is the mean over the models, each at its own threshold; the span is the least and most over all of them at
    that threshold and `spread` below and above it. counted is bool (h, w).
    """
    at_own, every = [], []
    for answer in answers:
        for step in (0.0, -spread, spread):
            at = min(max(answer.threshold + step, 0.0), 1.0)
            found = shares(answer.cloud(at, sky.valid), sky, counted)
            every.append(found)
            if step == 0.0:
                at_own.append(found)
    return {name: _amount([f[name] for f in at_own], [f[name] for f in every]) for name in MEASURES}


def _amount(own: Sequence[float], every: Iterable[float]) -> Amount:
    spanned = list(every)
    value = float(np.mean(own))
    return Amount(value, min(min(spanned), value), max(max(spanned), value)) if math.isfinite(value) else _UNSEEN


_UNSEEN = Amount(math.nan, math.nan, math.nan)


def as_numbers(found: Mapping[str, Amount]) -> dict[str, list[float | None]]:
    """The amounts as JSON holds them: None for what is unseen."""
    return {
        name: [round(v, 6) if math.isfinite(v) else None for v in (amount.value, amount.low, amount.high)]
        for name, amount in found.items()
    }


def from_numbers(told: Mapping[str, Sequence[float | None]]) -> dict[str, Amount]:
    """The amounts that as_numbers wrote."""
    return {name: Amount(*(math.nan if v is None else float(v) for v in values)) for name, values in told.items()}


OVERCAST = 8
"""Okta of a sky without a gap; 9, sky obscured, is never derived from a mask."""


def okta(cloud_fraction: float) -> int:
    """Eighths of the sky: 0 at exactly 0, 8 at exactly 1, else min(7, max(1, floor(8 f + 0.5))).

    The WMO's rule: a trace counts as 1, a gap as 7. Raises MaskError where f is not in 0..1.
    """
    if not 0 <= cloud_fraction <= 1:
        raise MaskError(f"Cloud fraction is {cloud_fraction}, wanted 0 to 1: check that the frame has valid pixels")
    if cloud_fraction in (0, 1):
        return OVERCAST * int(cloud_fraction)
    return min(7, max(1, math.floor(8 * cloud_fraction + 0.5)))


def cloud_fraction(cloud: Mask, valid: Mask | None = None) -> float:
    """Cloud px / valid px, 0..1; NaN where no pixel is valid."""
    if valid is None:
        return float(np.count_nonzero(cloud) / cloud.size) if cloud.size else math.nan
    counted = int(np.count_nonzero(valid))
    return int(np.count_nonzero(cloud & valid)) / counted if counted else math.nan


def sky_fraction(cloud: Mask, valid: Mask, dome: Dome) -> float:
    """Cloud's part of the valid solid angle, 0..1; NaN where no pixel is valid.

    In an equidistant image a pixel at zenith angle z covers a solid angle proportional to sin(z) / z.
    """
    angle = distance(dome, valid.shape) * np.float32(math.pi / 2 / dome.radius)
    weight = np.sinc(angle / np.float32(math.pi)) * (valid & (angle <= math.pi / 2))
    total = float(weight.sum(dtype=np.float64))
    return float(weight.sum(where=cloud, dtype=np.float64)) / total if total else math.nan
