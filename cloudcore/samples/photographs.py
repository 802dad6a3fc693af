"""Eight drawn photographs of each cloud genus, for the page and the tests; a score on them says nothing of skill."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.photographs.genera import GENERA

SIDE = 224
EACH = 8

_Field = NDArray[np.float32]


def write(folder: Path, seed: int = 0, progress: Callable[[int, int], None] | None = None) -> None:
    """Draws folder/<Genus>/<code>-<n>.jpg, eight of 224 x 224 each; the same seed draws the same bytes."""
    plans = [(number, index) for number in range(len(GENERA)) for index in range(EACH)]
    for genus in GENERA:
        (folder / genus.name).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for done, _ in enumerate(pool.map(lambda plan: _write(folder, seed, *plan), plans), 1):
            if progress:
                progress(done, len(plans))


def _write(folder: Path, seed: int, number: int, index: int) -> None:
    genus = GENERA[number]
    picture = draw(genus.name, np.random.default_rng([seed, 11, number, index]))
    (folder / genus.name / f"{genus.code}-{index + 1}.jpg").write_bytes(images.encode_jpeg(picture, 90))


def draw(name: str, rng: np.random.Generator) -> images.Image:
    """One picture: a blue sky, the genus's cloud over it, a dark line of land below."""
    thickness, light = _LAYERS[name](rng)
    sky = _sky(rng)
    cover = 1 - np.exp(-np.maximum(thickness, 0))[..., None]
    cloud = np.clip(light, 0.12, 1)[..., None] * np.array([1.0, 1.0, 1.01], np.float32)
    seen = sky * (1 - cover) + cloud * cover
    land = int(SIDE * rng.uniform(0.9, 0.98))
    ridge = land + (6 * _noise(rng, (2, 6))[0]).astype(int)
    below = np.arange(SIDE)[:, None] > ridge[None]
    seen[below] = np.array([0.10, 0.12, 0.09]) * rng.uniform(0.7, 1.3)
    seen = seen * rng.uniform(0.9, 1.05) + 0.008 * rng.standard_normal(seen.shape, np.float32)
    return np.asarray(np.clip(seen * 255, 0, 255), np.uint8)


def _sky(rng: np.random.Generator) -> _Field:
    """Blue above, paler toward the horizon; float32 (224, 224, 3)."""
    down = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None, None]
    top = np.array([0.18, 0.38, 0.72]) * rng.uniform(0.85, 1.15)
    return np.broadcast_to(top * (1 - down) + np.array([0.62, 0.74, 0.86]) * down, (SIDE, SIDE, 3)).astype(np.float32)


def _noise(rng: np.random.Generator, cells: tuple[int, int], octaves: int = 1) -> _Field:
    """Smooth noise about 0, spread about 1: cells (rows, columns) of the coarsest octave; float32 (224, 224)."""
    import cv2

    total = np.zeros((SIDE, SIDE), np.float32)
    for octave in range(octaves):
        grid = rng.standard_normal([min(SIDE, c * 2**octave + 2) for c in cells], np.float32)
        total += np.asarray(cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)) / 2**octave
    return total / np.float32(total.std() + 1e-6)


def _turned(field: _Field, degrees: float) -> _Field:
    import cv2

    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), degrees, 1.5)
    return np.asarray(cv2.warpAffine(field, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT), np.float32)


def _grains(rng: np.random.Generator, px: float, spread: float) -> _Field:
    """A layer of round elements px wide, in patches; 0..about 2."""
    rows = max(3, round(SIDE / px))
    waves = np.sin(np.arange(SIDE, dtype=np.float32) * (2 * np.pi / px))
    warp = 0.6 * _noise(rng, (rows, rows))
    cells = _turned(0.8 * waves[:, None] + 0.6 * waves[None] + warp, float(rng.uniform(-40, 40)))
    patches = np.clip(_noise(rng, (3, 3), 2) + spread, 0, 2)
    return np.asarray(np.clip(cells + 0.3, 0, 2) * patches, np.float32)


def _cirrus(rng: np.random.Generator) -> tuple[_Field, _Field]:
    threads = _turned(_noise(rng, (70, 4), 2), float(rng.uniform(-50, 50)))
    bands = np.clip(_turned(_noise(rng, (6, 2), 2), float(rng.uniform(-40, 40))) + 0.2, 0, 2)
    return np.clip(threads + 0.4, 0, 2) * bands * 0.5, np.full((SIDE, SIDE), 0.97, np.float32)


def _cirrocumulus(rng: np.random.Generator) -> tuple[_Field, _Field]:
    return _grains(rng, 6, 0.5) * 0.6, np.full((SIDE, SIDE), 0.96, np.float32)


def _cirrostratus(rng: np.random.Generator) -> tuple[_Field, _Field]:
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    row, column = rng.uniform(50, 120), rng.uniform(60, 160)
    away = np.hypot(y - row, x - column)
    light = 0.82 + 0.5 * np.exp(-((away / 22) ** 2)) + 0.08 * np.exp(-(((away - 75) / 4) ** 2))
    veil = 1.0 + 0.12 * _turned(_noise(rng, (30, 3), 2), float(rng.uniform(-40, 40)))
    return veil + 2 * np.exp(-((away / 20) ** 2)), light.astype(np.float32)


def _altocumulus(rng: np.random.Generator) -> tuple[_Field, _Field]:
    thick = _grains(rng, 17, 0.6) * 1.3
    return thick, np.asarray(0.97 - 0.11 * thick, np.float32)


def _altostratus(rng: np.random.Generator) -> tuple[_Field, _Field]:
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    glow = np.exp(-((np.hypot(y - rng.uniform(40, 110), x - rng.uniform(50, 170)) / 45) ** 2))
    light = 0.56 + 0.22 * glow + 0.015 * _turned(_noise(rng, (10, 3), 2), float(rng.uniform(-20, 20)))
    return np.full((SIDE, SIDE), 4.0, np.float32), light.astype(np.float32)


def _nimbostratus(rng: np.random.Generator) -> tuple[_Field, _Field]:
    down = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None]
    rain = _noise(rng, (2, 40)) * 0.02 * down
    light = 0.34 + 0.06 * down + 0.025 * _noise(rng, (4, 3), 3) + rain
    return np.full((SIDE, SIDE), 6.0, np.float32), np.asarray(light, np.float32)


def _stratocumulus(rng: np.random.Generator) -> tuple[_Field, _Field]:
    rows = _turned(_noise(rng, (7, 4), 3), float(rng.uniform(-15, 15)))
    return np.clip(rows + 1.3, 0, 3) * 1.8, np.asarray(0.62 - 0.12 * rows, np.float32)


def _stratus(rng: np.random.Generator) -> tuple[_Field, _Field]:
    light = rng.uniform(0.66, 0.78) + 0.01 * _noise(rng, (3, 2), 2)
    return np.full((SIDE, SIDE), 5.0, np.float32), np.asarray(light, np.float32)


def _heap(rng: np.random.Generator, centre: float, base: float, width: float, height: float) -> tuple[_Field, _Field]:
    """One heaped cloud with a flat base (px): thickness, and light that falls off toward the base."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    up = (base - y) / height
    edge = 1 - ((x - centre) / width) ** 2 - np.clip(up, 0, None) ** 1.4 + 0.22 * _noise(rng, (14, 14), 3)
    thick = np.where(up > -0.03, np.clip(edge * 8, 0, 6), 0)
    return thick.astype(np.float32), np.asarray(0.55 + 0.5 * np.clip(up, 0, 1) ** 0.6, np.float32)


def _cumulus(rng: np.random.Generator) -> tuple[_Field, _Field]:
    thick, light = np.zeros((SIDE, SIDE), np.float32), np.full((SIDE, SIDE), 0.6, np.float32)
    base = rng.uniform(120, 175)
    for _ in range(int(rng.integers(2, 5))):
        one, bright = _heap(
            rng, rng.uniform(10, 214), base * rng.uniform(0.75, 1), rng.uniform(28, 60), rng.uniform(28, 60)
        )
        light = np.where(one > thick, bright, light)
        thick = np.maximum(thick, one)
    return thick, light


def _cumulonimbus(rng: np.random.Generator) -> tuple[_Field, _Field]:
    centre, base = rng.uniform(80, 145), rng.uniform(170, 190)
    tower, light = _heap(rng, centre, base, rng.uniform(60, 80), rng.uniform(130, 150))
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    top = base - rng.uniform(125, 145)
    anvil = 1 - ((x - centre - 25) / 120) ** 2 - ((y - top) / rng.uniform(14, 22)) ** 2
    anvil = np.clip(4 * (anvil + 0.15 * _turned(_noise(rng, (40, 5), 2), 4.0)), 0, 4)
    light = np.asarray(light - 0.28 * np.clip((y - base + 50) / 60, 0, 1), np.float32)
    dark = np.clip((y - base) / 10, 0, 1) * np.clip(1.2 - np.abs(x - centre) / 80, 0, 1) * 1.5
    light = np.where(y > base, 0.32, light)
    return np.maximum(np.maximum(tower, anvil), dark).astype(np.float32), light.astype(np.float32)


_LAYERS: dict[str, Callable[[np.random.Generator], tuple[_Field, _Field]]] = {
    "Cirrus": _cirrus,
    "Cirrocumulus": _cirrocumulus,
    "Cirrostratus": _cirrostratus,
    "Altocumulus": _altocumulus,
    "Altostratus": _altostratus,
    "Nimbostratus": _nimbostratus,
    "Stratocumulus": _stratocumulus,
    "Stratus": _stratus,
    "Cumulus": _cumulus,
    "Cumulonimbus": _cumulonimbus,
}
