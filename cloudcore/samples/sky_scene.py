"""What stands in a sample sky: a fisheye view, its horizon, and cloud layers as exact optical depth.

Clouds live on a plane above a round earth and are seen through the fisheye, so they shrink towards the horizon as real
ones do. Noise is sampled from one periodic texture per kind with its coarser copies (a mip pyramid): the far clouds
are averaged instead of sparkling.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore.masks.mask import Mask
from cloudcore.sky.dome import Dome

Floats = NDArray[np.float32]
Kind = Literal["cumulus", "cells", "cirrus", "sheet"]

SIDE, LEVELS = 512, 6
PERIOD = 4.0
"""A texture's period on the cloud plane at scale 1, in cloud heights."""
FLATTENING = 0.035
"""Bends the plane down at a distance, and stands for the height of the clouds: they do not thin out to lines."""


@dataclass(frozen=True)
class Texture:
    """Periodic noise of mean 0 and deviation 1, level k at half the size of level k - 1, all in one padded atlas."""

    atlas: Floats
    tops: NDArray[np.int32]
    sorted_values: Floats

    def level_above(self, share: float) -> float:
        """The value that `share` of the texture exceeds."""
        return float(np.quantile(self.sorted_values, 1 - min(max(share, 0.0), 1.0)))


@dataclass(frozen=True)
class Layer:
    """Clouds of one height: cover 0..1, greatest optical depth, size (1 = as the texture), drift on the plane."""

    kind: Kind
    cover: float
    depth: float
    scale: float = 1.0
    angle: float = 0.0
    offset: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class View:
    """A fisheye camera: frame size, dome, and the seed of what stands on its horizon."""

    name: str
    shape_hw: tuple[int, int]
    dome: Dome
    seed: int
    style: Literal["mountain", "town"]

    @cached_property
    def offset_yx(self) -> tuple[Floats, Floats]:
        """float32 (H, W) each: px from the centre, down and right."""
        y, x = np.mgrid[0 : self.shape_hw[0], 0 : self.shape_hw[1]].astype(np.float32)
        return y - np.float32(self.dome.centre_yx[0]), x - np.float32(self.dome.centre_yx[1])

    @cached_property
    def zenith_angle(self) -> Floats:
        """float32 (H, W), radians, pi / 2 at the radius and going on outside."""
        return np.asarray(np.hypot(*self.offset_yx) * np.float32(np.pi / 2 / self.dome.radius), np.float32)

    @cached_property
    def altitude(self) -> Floats:
        """float32 (H, W), degrees, not below 0."""
        return np.asarray(np.maximum(np.degrees(np.float32(np.pi / 2) - self.zenith_angle), 0), np.float32)

    @cached_property
    def azimuth(self) -> Floats:
        """float32 (H, W), radians from the right, clockwise as seen."""
        return np.arctan2(*self.offset_yx)

    @cached_property
    def up(self) -> Floats:
        """float32 (H, W): the sine of the altitude, at least 0.02."""
        return np.maximum(np.cos(np.minimum(self.zenith_angle, np.float32(1.6))), np.float32(0.02))

    @cached_property
    def rays(self) -> tuple[Floats, Floats, Floats]:
        """Unit vectors of the pixels: right, down (of the picture), up."""
        angle = np.minimum(self.zenith_angle, np.float32(np.pi / 2))
        flat = np.sin(angle)
        return flat * np.cos(self.azimuth), flat * np.sin(self.azimuth), np.cos(angle)

    @cached_property
    def plane(self) -> tuple[Floats, Floats, Floats]:
        """Where each ray meets the clouds (x, y in cloud heights), and log2 of a pixel's footprint there."""
        reach = 1 / np.sqrt(self.up**2 + np.float32(FLATTENING))
        flat = np.sqrt(np.maximum(1 - self.up**2, 0)) * reach
        footprint = np.float32(np.pi / 2 / self.dome.radius) * reach * np.sqrt(reach)
        return flat * np.cos(self.azimuth), flat * np.sin(self.azimuth), np.log2(footprint)

    @cached_property
    def inside(self) -> Floats:
        """float32 (H, W): 1 inside the lens circle, 0 outside, with a soft edge of a pixel."""
        return np.clip(np.float32(self.dome.radius) + np.float32(0.5) - np.hypot(*self.offset_yx), 0, 1)

    @cached_property
    def objects(self) -> Floats:
        """float32 (H, W): how much of each pixel a thing on the horizon covers, 0..1."""
        return _objects(self)

    @cached_property
    def valid(self) -> Mask:
        """bool (H, W): sky, that is inside the dome and behind no object."""
        return np.asarray(self.dome.mask(self.shape_hw) & (self.objects <= 0.5), np.bool_)

    def angle_to(self, altitude: float, azimuth: float) -> Floats:
        """float32 (H, W), radians between each ray and a direction (degrees)."""
        a, b = np.radians(altitude), np.radians(azimuth)
        x, y, z = self.rays
        towards = np.array([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)], np.float32)
        cosine = x * towards[0] + y * towards[1] + z * towards[2]
        return np.asarray(np.arccos(np.clip(cosine, -1, 1)), np.float32)

    def pixel_of(self, altitude: float, azimuth: float) -> tuple[float, float]:
        """(y, x) of a direction given in degrees."""
        away = self.dome.radius * (90 - altitude) / 90
        y, x = self.dome.centre_yx
        return y + away * np.sin(np.radians(azimuth)), x + away * np.cos(np.radians(azimuth))


def _spectral(rng: np.random.Generator, slope: float, low: float, stretch: float = 1.0) -> Floats:
    """Periodic noise whose amplitude falls as frequency^-slope above `low` cycles; stretched along x where wanted."""
    fy = np.fft.fftfreq(SIDE, 1 / SIDE)[:, None]
    fx = np.fft.rfftfreq(SIDE, 1 / SIDE)[None, :] * stretch
    frequency = np.hypot(fy, fx)
    amplitude = np.where(frequency < low, 0.0, np.maximum(frequency, low) ** -slope)
    noise = np.fft.rfft2(rng.standard_normal((SIDE, SIDE)))
    field = np.fft.irfft2(noise * amplitude, (SIDE, SIDE))
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def _billows(rng: np.random.Generator) -> Floats:
    """Rounded heaps with sharp valleys: folded octaves over a smooth base."""
    field = 0.85 * _spectral(rng, 2.2, 2.0)
    for octave in range(5):
        low = 5.0 * 2**octave
        band = _spectral(rng, 3.0, low)
        field += np.float32(0.62 * 0.62**octave) * np.abs(band)
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def _cells(rng: np.random.Generator) -> Floats:
    """Altocumulus: small heaps of one size, gathered in fields."""
    heaps = np.sqrt(np.sqrt(np.abs(_spectral(rng, 4.0, 10.0, 0.8) * _spectral(rng, 4.0, 13.0, 0.8))))
    field = 0.8 * _spectral(rng, 2.2, 1.0) + 1.9 * heaps + 0.3 * np.abs(_spectral(rng, 2.5, 30.0))
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def _streaks(rng: np.random.Generator) -> Floats:
    """Cirrus: fibres along x, bent by a slow warp."""
    fine, slow = _spectral(rng, 1.7, 2.0, 6.0), _spectral(rng, 2.6, 1.0)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    bent = cv2.remap(np.tile(fine, (2, 2)), (x + 14 * slow) % SIDE, (y + 40 * slow) % SIDE, cv2.INTER_LINEAR)
    field = np.asarray(bent, np.float32) + 0.9 * slow
    return np.asarray((field - field.mean()) / field.std(), np.float32)


@lru_cache(maxsize=8)
def texture(kind: Kind, seed: int) -> Texture:
    """The noise of a kind of cloud; built once a seed, then kept."""
    rng = np.random.default_rng([seed, {"cumulus": 1, "cells": 2, "cirrus": 3, "sheet": 4}[kind]])
    makers = {"cumulus": _billows, "cells": _cells, "cirrus": _streaks}
    level = makers[kind](rng) if kind in makers else _spectral(rng, 1.9, 1.5)
    values = np.sort(level[::4, ::4].ravel())
    rows, tops, top = [], [], 0
    for _ in range(LEVELS):
        padded = np.pad(level, 1, mode="wrap")
        rows.append(np.pad(padded, ((0, 0), (0, SIDE + 2 - padded.shape[1]))))
        tops.append(top)
        top += padded.shape[0]
        level = np.asarray(cv2.resize(level, (level.shape[1] // 2,) * 2, interpolation=cv2.INTER_AREA), np.float32)
    return Texture(np.concatenate(rows), np.array(tops, np.int32), values)


def sample(noise: Texture, u: Floats, v: Floats, lod: Floats) -> Floats:
    """Noise at u, v (in periods) averaged over 2^lod texels; between two levels it is mixed."""
    lod = np.clip(lod, 0, LEVELS - 1.001)
    lower = lod.astype(np.int32)
    u, v = u - np.floor(u), v - np.floor(v)
    found = []
    for level in (lower, lower + 1):
        side = np.ldexp(np.float32(SIDE), -level)
        x, y = u * side + np.float32(0.5), v * side + np.float32(0.5) + noise.tops[level].astype(np.float32)
        found.append(cv2.remap(noise.atlas, x, y, cv2.INTER_LINEAR))
    return np.asarray(found[0] + (lod - lower) * (found[1] - found[0]), np.float32)


def _density(view: View, layer: Layer, seed: int) -> Floats:
    """The layer's noise along every ray, above 0 where its cover says cloud."""
    x, y, footprint = view.plane
    c, s = np.cos(layer.angle) / (PERIOD * layer.scale), np.sin(layer.angle) / (PERIOD * layer.scale)
    u = x * np.float32(c) + y * np.float32(s) + np.float32(layer.offset[0])
    v = y * np.float32(c) - x * np.float32(s) + np.float32(layer.offset[1])
    lod = footprint + np.float32(np.log2(SIDE / (PERIOD * layer.scale)))
    slow = sample(texture("sheet", seed), v * np.float32(0.31), u * np.float32(0.31), lod - np.float32(1.7))
    warp = np.float32(0.012 if layer.kind in ("cirrus", "cells") else 0.03)
    body = texture(layer.kind, seed)
    noise = sample(body, u + warp * slow, v - warp * slow, lod)
    fine = sample(texture("cumulus", seed), u * np.float32(3.7), v * np.float32(3.7), lod + np.float32(1.9))
    # A second, larger octave breaks the texture's repeats: no two patches of the sky are alike.
    mixed = (noise + np.float32(0.7) * slow) / np.float32(1.22) + np.float32(_FINE[layer.kind]) * fine
    return np.asarray(mixed - np.float32(body.level_above(layer.cover)), np.float32)


def optical_depth(view: View, layers: list[Layer], seed: int) -> Floats:
    """float32 (H, W): optical depth of all layers along each ray; the slant lengthens the way through a layer."""
    total = np.zeros(view.shape_hw, np.float32)
    for layer in (layer for layer in layers if layer.cover > 0):
        above = np.maximum(_density(view, layer, seed) + np.float32(0.12), 0)
        soft = np.float32(_SOFT[layer.kind])
        total += np.float32(layer.depth) * above * above / (above + soft)
    return np.asarray(total * np.sqrt(np.minimum(1 / view.up, np.float32(2.2))), np.float32)


_FINE = {"cumulus": 0.13, "cells": 0.06, "cirrus": 0.03, "sheet": 0.05}
_SOFT = {"cumulus": 0.25, "cells": 0.4, "cirrus": 1.1, "sheet": 1.0}
"""How much fine structure a kind of cloud shows, and how slowly its edge thickens."""


def _skyline(view: View, rng: np.random.Generator) -> Floats:
    """Height in degrees of what stands at each of 2880 azimuths."""
    at = np.linspace(0, 2 * np.pi, 2880, endpoint=False)
    ridge = sum(rng.normal(0, 0.9 / n**0.8) * np.cos(n * at + rng.uniform(0, 7)) for n in range(1, 40))
    line = np.maximum(0.5 + np.asarray(ridge) * 0.6, 0.0)
    middle, wide = rng.uniform(0, 2 * np.pi, 4), rng.uniform(0.12, 0.5, 4)
    for _ in range(260 if view.style == "mountain" else 110):
        group = rng.integers(4)
        where = rng.normal(middle[group], wide[group])
        pointed = view.style == "mountain" and rng.random() < 0.5
        height, width = rng.uniform(1.2, 4.2), rng.uniform(0.012, 0.022) if pointed else rng.uniform(0.02, 0.05)
        away = np.abs((at - where + np.pi) % (2 * np.pi) - np.pi) / width
        crown = np.clip(1 - away, 0, 1) if pointed else np.sqrt(np.clip(1 - away**2, 0, 1))
        line = np.maximum(line, height * crown * (0.82 + 0.36 * rng.random(at.size)))
    for _ in range(9 if view.style == "town" else 1):
        where, height, width = rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 3.6), rng.uniform(0.03, 0.10)
        line = np.maximum(line, height * (np.abs((at - where + np.pi) % (2 * np.pi) - np.pi) < width))
    return np.asarray(line, np.float32)


def _objects(view: View) -> Floats:
    """Trees, roofs, telescope domes and a mast around the edge, drawn at twice the size and averaged."""
    rng = np.random.default_rng([view.seed, 77])
    fine_hw = (view.shape_hw[0] * 2, view.shape_hw[1] * 2)
    (cy, cx), radius = view.dome.centre_yx, view.dome.radius * 2
    y, x = np.mgrid[0 : fine_hw[0], 0 : fine_hw[1]].astype(np.float32)
    y, x = y - np.float32(2 * cy + 0.5), x - np.float32(2 * cx + 0.5)
    altitude = 90 - 90 * np.hypot(y, x) / np.float32(radius)
    azimuth = np.arctan2(y, x) % np.float32(2 * np.pi)
    line = _skyline(view, rng)
    solid = altitude < line[(azimuth * np.float32(line.size / 2 / np.pi)).astype(np.int32) % line.size]
    for width, height in ((11.0, 9.0), (5.5, 5.0)) if view.style == "mountain" else ((7.0, 6.0),):
        turn = np.degrees((azimuth - np.float32(rng.uniform(0, 6.2)) + np.pi) % (2 * np.pi) - np.pi)
        round_top = height * np.sqrt(np.maximum(1 - (turn / np.float32(width)) ** 2, 0))
        slit = (np.abs(turn) < width * 0.09) & (altitude > height * 0.45)
        solid |= (altitude < np.where(np.abs(turn) < width, np.maximum(round_top, height * 0.35), 0)) & ~slit
    canvas = solid.astype(np.uint8) * np.uint8(255)
    _mast(canvas, (2 * cy, 2 * cx), radius, rng)
    small = cv2.resize(canvas, view.shape_hw[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def _mast(canvas: NDArray[np.uint8], centre_yx: tuple[float, float], radius: float, rng: np.random.Generator) -> None:
    """A tapered pole from the edge inwards with two arms, and one thin wire."""
    scale = radius / 480
    turn = rng.uniform(0, 2 * np.pi)

    def point(away: float, aside: float = 0.0) -> tuple[int, int]:
        y = centre_yx[0] + away * radius * np.sin(turn) + aside * np.cos(turn) * scale
        x = centre_yx[1] + away * radius * np.cos(turn) - aside * np.sin(turn) * scale
        return round(x), round(y)

    cv2.fillPoly(canvas, [np.array([point(1, 5), point(0.72, 2), point(0.72, -2), point(1, -5)], np.int32)], 255)
    for away, reach in ((0.74, 10), (0.80, 14)):
        cv2.line(canvas, point(away, -reach), point(away, reach), 255, max(1, round(2 * scale)), cv2.LINE_AA)
    cv2.line(canvas, point(0.72, 0), point(0.66, 0), 255, max(1, round(2 * scale)), cv2.LINE_AA)
