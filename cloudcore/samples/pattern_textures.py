"""Periodic noise that the sample satellite images are made of: a texture of optical thickness a pattern, and veils."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Kind = Literal["Fish", "Flower", "Gravel", "Sugar", "billow", "veil", "slow", "grain"]

SIDE = 1024


def build(seed: int) -> None:
    """Make every texture of a seed, on as many threads as there are processors; later calls find them ready."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(lambda kind: texture(kind, seed), _MAKERS))


def window(kind: Kind, seed: int, rng: np.random.Generator, shape_hw: tuple[int, int], scale: float) -> Floats:
    """A piece of a texture, float32 (H, W), at a random place, turned a little and mirrored at random."""
    field = texture(kind, seed)
    angle = 0.0 if kind == "grain" else float(rng.uniform(-0.35, 0.35))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    corner = rng.uniform(0, SIDE, 2)
    if kind == "grain":  # full size: a plain cut-out is enough and quick
        row, column = (int(value) for value in corner)
        rows, columns = (row + np.arange(shape_hw[0])) % SIDE, (column + np.arange(shape_hw[1])) % SIDE
        return np.ascontiguousarray(field[rows][:, columns])
    warp = np.array([[mirror * c, -s, corner[0]], [mirror * s, c, corner[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(field, warp, shape_hw[::-1], flags=flags, borderMode=cv2.BORDER_WRAP)
    return np.asarray(cut, np.float32)


@lru_cache(maxsize=24)
def texture(kind: Kind, seed: int) -> Floats:
    """Periodic noise (1024, 1024) of mean 0 and deviation 1; built once a seed, then kept."""
    kinds: tuple[Kind, ...] = ("Fish", "Flower", "Gravel", "Sugar", "billow", "veil", "slow", "grain")
    rng = np.random.default_rng([seed, 5, kinds.index(kind)])
    field = _MAKERS[kind](rng)
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def _spectral(rng: np.random.Generator, slope: float, low: float, stretch: float = 1.0, side: int = SIDE) -> Floats:
    """Periodic noise whose amplitude falls as frequency^-slope above `low` cycles; stretched along x where wanted."""
    fy = np.fft.fftfreq(side, 1 / side)[:, None]
    fx = np.fft.rfftfreq(side, 1 / side)[None, :] * stretch
    frequency = np.hypot(fy, fx).astype(np.float32)
    amplitude = np.maximum(frequency, np.float32(low)) ** np.float32(-slope)
    amplitude[frequency < low * 0.7] = 0
    waves = rng.standard_normal((side, side // 2 + 1, 2), np.float32).view(np.complex64)[..., 0]
    field = np.fft.irfft2(waves * amplitude, (side, side))
    return np.asarray(field / field.std(), np.float32)


def _nearest(rng: np.random.Generator, cells: int, jitter: float) -> tuple[Floats, Floats, Floats]:
    """(nearest, second nearest distance, in cells; a number 0..1 of the nearest) of jittered points, periodic."""
    points = rng.uniform(-jitter, jitter, (cells, cells, 2)).astype(np.float32)
    numbers = rng.random((cells, cells)).astype(np.float32)
    at = (np.arange(SIDE, dtype=np.float32) + np.float32(0.5)) * (cells / SIDE)
    cell, part = at.astype(np.int32), at - np.floor(at) - np.float32(0.5)
    first = np.full((SIDE, SIDE), 9, np.float32)
    second, number = first.copy(), np.zeros_like(first)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            grid = np.ix_((cell + down) % cells, (cell + right) % cells)
            dy = points[..., 0][grid] + np.float32(down) - part[:, None]
            dx = points[..., 1][grid] + np.float32(right) - part[None, :]
            away = dy * dy + dx * dx
            nearer = away < first
            second = np.minimum(second, np.where(nearer, first, away))
            number = np.where(nearer, numbers[grid], number)
            first = np.minimum(first, away)
    return np.sqrt(first), np.sqrt(second), number


def _bent(field: Floats, rng: np.random.Generator, reach: float, low: float) -> Floats:
    """The field with every point moved by up to some `reach` px: what was drawn with a ruler looks grown."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    moved = (np.float32(reach) * _spectral(rng, 2.0, low, side=SIDE // 4) for _ in range(2))
    down, right = (cv2.resize(field, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) for field in moved)
    return np.asarray(cv2.remap(field, x + right, y + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32)


def _flower(rng: np.random.Generator) -> Floats:
    """Big rounded patches with clear lanes between them."""
    first, second, number = _nearest(rng, 7, 0.26)
    lane = np.clip((second - first) / 0.10, 0, 1)
    patch = np.clip((0.27 + 0.24 * number - first) / 0.2, -1.2, 1.1) * lane
    return _bent(np.asarray(patch, np.float32), rng, 9.0, 14.0) + np.float32(0.10) * _heaps(rng, 26.0)


def _gravel(rng: np.random.Generator) -> Floats:
    """Grains of about one size; the rims of some are bright arcs, as gusts spread out below them."""
    first, second, number = _nearest(rng, 30, 0.42)
    gate = np.clip(_spectral(rng, 2.0, 18.0) + 0.35, 0, 1.4)
    rim = np.exp(-(((second - first) / 0.17) ** 2)) * gate
    grain = np.clip((0.40 - first) / 0.22, 0, 1) * (number > 0.4)
    bent = _bent(np.asarray(1.15 * rim + 1.0 * grain, np.float32), rng, 5.5, 40.0)
    rough = np.float32(0.16) * _heaps(rng, 40.0) + np.float32(0.34) * _spectral(rng, 2.2, 5.0)
    return np.asarray(bent + rough, np.float32)


def _sugar(rng: np.random.Generator) -> Floats:
    """Fine veins and dust of very small heaps, in faint streets."""
    vein = (1 - np.abs(_spectral(rng, 2.6, 46.0, 1.5))) + 0.8 * (1 - np.abs(_spectral(rng, 2.4, 80.0)))
    street = 0.75 * _spectral(rng, 2.2, 12.0, 2.4) + 0.55 * _spectral(rng, 2.4, 4.0)
    return _bent(np.asarray(vein + np.float32(0.7) * street, np.float32), rng, 5.0, 10.0)


def _ribs(rng: np.random.Generator) -> Floats:
    """Long narrow ridges across the spine, branching."""
    ridge = 1 - np.abs(_spectral(rng, 2.6, 15.0, 1.9))
    return _bent(np.asarray(ridge + 0.45 * (1 - np.abs(_spectral(rng, 2.2, 34.0))), np.float32), rng, 7.0, 9.0)


def _heaps(rng: np.random.Generator, low: float) -> Floats:
    """Rounded heaps with sharp valleys: three octaves of folded noise from `low` cycles on."""
    return np.asarray(sum(0.6**n * np.abs(_spectral(rng, 3.0, low * 2**n)) for n in range(3)), np.float32)


def _billow(rng: np.random.Generator) -> Floats:
    """Heaps gathered in groups by a smooth base."""
    return np.asarray(np.float32(0.75) * _spectral(rng, 2.0, 5.0) + _heaps(rng, 18.0), np.float32)


def _veil(rng: np.random.Generator) -> Floats:
    """High thin cloud: fibres along x, bent."""
    fibre = _spectral(rng, 1.6, 3.0, 4.0) + np.float32(0.9) * _spectral(rng, 2.0, 2.0)
    return _bent(np.asarray(fibre, np.float32), rng, 26.0, 3.0)


_MAKERS: dict[Kind, Callable[[np.random.Generator], Floats]] = {
    "Fish": _ribs,
    "Flower": _flower,
    "Gravel": _gravel,
    "Sugar": _sugar,
    "billow": _billow,
    "veil": _veil,
    "slow": lambda rng: _spectral(rng, 2.0, 2.0),
    "grain": lambda rng: _heaps(rng, 42.0),
}
