"""Drawn radar pictures of six kinds of storm: 136 x 136 px of dBZ, thirty a class, told apart by shape alone.

Each picture's values are dealt out by rank from a distribution that knows nothing of the class: how strong the echo is
says nothing, and how much there is next to nothing; where it stands does. A score on them says nothing of skill.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.radar.folders import SIDE

EACH = 30
HIGHEST_DBZ = 65.0

_Field = NDArray[np.float32]
_Y, _X = np.mgrid[:SIDE, :SIDE].astype(np.float32)


def write(folder: Path, seed: int = 0, each: int = EACH) -> None:
    """Draws folder/<Class>/storm-<n>.png, `each` a class; the same seed draws the same bytes."""
    for number, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(each):
            field = draw(name, np.random.default_rng([seed, 17, number, index]))
            (folder / name / f"storm-{index + 1:02d}.png").write_bytes(images.encode_png(field))


def draw(name: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One picture of a class, dBZ uint8 (136, 136)."""
    structure = _DRAWN[name](rng) + 0.08 * _smooth(rng, 2.0)
    order = np.argsort(structure, axis=None)
    count = round(structure.size * rng.uniform(*_COVER.get(name, (0.10, 0.35))))
    values = np.zeros(structure.size, np.float32)
    strength = np.sort(rng.beta(rng.uniform(1.0, 2.5), rng.uniform(1.5, 4.0), count))
    values[order[-count:]] = 5 + (HIGHEST_DBZ - 5) * strength
    return values.reshape(SIDE, SIDE).astype(np.uint8)


def _smooth(rng: np.random.Generator, sigma: float) -> _Field:
    """Smooth noise of mean 0 and spread 1; sigma in px."""
    field = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE), np.float32), (0, 0), sigma)
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def _bump(row: float, column: float, radius: float) -> _Field:
    return np.asarray(np.exp(-(((_Y - row) ** 2 + (_X - column) ** 2) / radius**2)), np.float32)


def _cellular(rng: np.random.Generator) -> _Field:
    """Separate round cells."""
    field = np.zeros((SIDE, SIDE), np.float32)
    for row, column in rng.uniform(8, SIDE - 8, (int(rng.integers(6, 14)), 2)):
        field = np.maximum(field, _bump(row, column, rng.uniform(5, 10)) * rng.uniform(0.6, 1.2))
    return field


def _line(rng: np.random.Generator) -> _Field:
    """One long bowed line with a sharp front and rain trailing behind it."""
    turn = rng.uniform(0, 2 * np.pi)
    row, column = rng.uniform(50, 86, 2)
    along = (_X - column) * np.cos(turn) + (_Y - row) * np.sin(turn)
    across = (_Y - row) * np.cos(turn) - (_X - column) * np.sin(turn)
    across = across + rng.uniform(-0.004, 0.008) * along**2 + 2 * _smooth(rng, 10)
    behind = np.where(across > 0, rng.uniform(10, 22), rng.uniform(2, 4))
    length = rng.uniform(45, 75)
    field = np.exp(-((across / behind) ** 2) - (along / length) ** 6)
    return np.asarray(field + 0.1 * _smooth(rng, 3) * field, np.float32)


def _tropical(rng: np.random.Generator) -> _Field:
    """Bands that wind around an eye."""
    row, column = rng.uniform(48, 88, 2)
    away = np.hypot(_Y - row, _X - column) + 1
    angle = np.arctan2(_Y - row, _X - column)
    twist = rng.uniform(2.2, 3.2) * (1 if rng.random() < 0.5 else -1)
    bands = np.cos(int(rng.integers(2, 4)) * (angle + twist * np.log(away / 10)) + rng.uniform(0, 6.3))
    eye = 1 - np.exp(-((away / rng.uniform(5, 8)) ** 4))
    wall = np.exp(-(((away - 11) / 5) ** 2))
    field = ((0.5 + 0.5 * bands) * np.exp(-away / 60) + 0.7 * wall) * eye
    return np.asarray(field, np.float32)


def _other(rng: np.random.Generator) -> _Field:
    """A broad sheet of rain without a shape of its own."""
    row, column = rng.uniform(35, 100, 2)
    return np.asarray(_bump(row, column, rng.uniform(45, 70)) + 0.22 * _smooth(rng, 9), np.float32)


def _noise(rng: np.random.Generator) -> _Field:
    """Single bright pixels and spokes around the radar."""
    row, column = rng.uniform(40, 96, 2)
    away, angle = np.hypot(_Y - row, _X - column), np.arctan2(_Y - row, _X - column)
    speckle = rng.random((SIDE, SIDE), np.float32) ** 2
    spokes = np.zeros((SIDE, SIDE), np.float32)
    for at in rng.uniform(-np.pi, np.pi, int(rng.integers(1, 5))):
        apart = np.abs(np.angle(np.exp(1j * (angle - at))))
        spokes = np.maximum(spokes, (apart < rng.uniform(0.02, 0.06)).astype(np.float32))
    return np.asarray(speckle * np.exp(-away / rng.uniform(50, 120)) + 0.6 * spokes, np.float32)


def _missing(rng: np.random.Generator) -> _Field:
    """Another storm of which straight-edged pieces are not there."""
    storm = (_cellular, _line, _tropical, _other)[int(rng.integers(4))](rng)
    field = storm - storm.min() + 0.35 * (1 + _smooth(rng, 8).clip(-1, 1))
    row, column = rng.uniform(30, 106, 2)
    for _ in range(int(rng.integers(3, 6))):
        turn = rng.uniform(0, 2 * np.pi)
        strip = np.abs((_X - column) * np.cos(turn) + (_Y - row) * np.sin(turn) - rng.uniform(-25, 25))
        field[strip < rng.uniform(3, 8)] = -1
    return np.asarray(field, np.float32)


_COVER = {"Missing": (0.22, 0.45)}
"""Share of the picture with echo, where it is not that of the others: without echo around it a gap cannot be seen."""
_DRAWN: dict[str, Callable[[np.random.Generator], _Field]] = {
    "Cellular": _cellular,
    "QLCS": _line,
    "Tropical": _tropical,
    "Other": _other,
    "Noise": _noise,
    "Missing": _missing,
}
CLASSES = tuple(_DRAWN)
"""Names of the drawn classes, SVRIMG's own."""
