"""Satellite-like sample images: trade-wind clouds over a dark ocean, and the boxes they were drawn in as exact labels.

Four ways clouds organise (Fish, Flower, Gravel, Sugar) are each a periodic texture of optical thickness, laid into
boxes with soft edges. Everything is drawn at half size; grain is added at full size, where the picture is looked at.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.files import atomic
from cloudcore.masks.mask import Mask
from cloudcore.samples.pattern_textures import build, window

Floats = NDArray[np.float32]
Pattern = Literal["Fish", "Flower", "Gravel", "Sugar"]

PATTERNS: tuple[Pattern, ...] = ("Fish", "Flower", "Gravel", "Sugar")
SHAPE_HW = (1400, 2100)
HALF_HW = (700, 1050)
QUALITY = 90
CLOUD = (238.0, 241.0, 244.0)


@dataclass(frozen=True)
class Box:
    """Where a pattern lies, in px of the full image: rows top..bottom, columns left..right, ends exclusive."""

    pattern: Pattern
    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Scene:
    """One image to draw: its name, its boxes, the swath gap (its left edge above and below, width; px), sun glint."""

    name: str
    boxes: tuple[Box, ...]
    gap: tuple[int, int, int] | None = None
    glint: float | None = None
    sparse: float = 1.0


def _scene(name: str, *rows: tuple[Pattern, int, int, int, int], **more: float | tuple[int, int, int] | None) -> Scene:
    return Scene(f"{name}.jpg", tuple(Box(*row) for row in rows), **more)  # type: ignore[arg-type]


SCENES: tuple[Scene, ...] = (
    _scene("aqua_2009-01-22", ("Fish", 180, 240, 880, 1620), gap=(1720, 1880, 190)),
    _scene("aqua_2010-12-30", ("Flower", 90, 110, 1180, 1260), ("Sugar", 700, 1340, 1330, 2020), glint=0.72),
    _scene("aqua_2012-02-03", ("Gravel", 160, 700, 1240, 2010), glint=0.1),
    _scene("aqua_2013-01-17", ("Sugar", 220, 120, 1150, 1330), gap=(1500, 1340, 210)),
    _scene("aqua_2014-12-05", gap=(620, 850, 230), sparse=1.5),
    _scene(
        "aqua_2016-02-11",
        ("Fish", 60, 60, 640, 1230),
        ("Flower", 60, 1290, 650, 2050),
        ("Gravel", 690, 620, 1360, 1900),
    ),
    _scene("terra_2008-12-19", ("Flower", 120, 880, 1300, 2040), gap=(300, 130, 180), glint=0.9),
    _scene("terra_2010-01-16", ("Gravel", 70, 60, 760, 1040), ("Flower", 420, 1000, 1340, 2050), glint=0.55),
    _scene("terra_2011-02-26", ("Sugar", 60, 820, 760, 2060), ("Fish", 640, 60, 1350, 1160)),
    _scene("terra_2013-12-08", ("Fish", 330, 700, 1190, 2060), gap=(180, 330, 200)),
    _scene("terra_2015-01-31", ("Gravel", 100, 120, 1010, 960), ("Sugar", 480, 1050, 1330, 2040), glint=0.3),
    _scene("terra_2016-12-24", sparse=0.7, glint=0.65),
)


def write(folder: Path, seed: int = 0) -> Iterator[Callable[[], None]]:
    """Writes folder/train.csv at once and yields one call an image that draws folder/train_images/NAME.jpg.

    The calls may run in any thread and order; the same seed draws the same bytes.
    """
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("Image_Label", "EncodedPixels"))
    for scene in SCENES:
        for pattern, mask in zip(PATTERNS, masks(scene), strict=True):
            table.writerow((f"{scene.name}_{pattern}", _runs(mask)))
    atomic.replace_file(folder / "train.csv", text.getvalue().encode())
    (folder / "train_images").mkdir(exist_ok=True)
    build(seed)
    for index, scene in enumerate(SCENES):
        yield partial(_write_image, folder / "train_images" / scene.name, scene, seed, index)


def _write_image(path: Path, scene: Scene, seed: int, index: int) -> None:
    path.write_bytes(images.encode_jpeg(draw(scene, seed, index), QUALITY))


def masks(scene: Scene) -> tuple[Mask, ...]:
    """The labels of a scene, a bool (1400, 2100) for each of PATTERNS: its boxes together, less the swath gap."""
    gap = _gap(scene, SHAPE_HW)
    found = []
    for pattern in PATTERNS:
        mask: Mask = np.zeros(SHAPE_HW, np.bool_)
        for box in (box for box in scene.boxes if box.pattern == pattern):
            mask[box.top : box.bottom, box.left : box.right] = True
        found.append(mask & ~gap)
    return tuple(found)


def draw(scene: Scene, seed: int, index: int) -> images.Image:
    """The picture of a scene, uint8 (1400, 2100, 3)."""
    rng = np.random.default_rng([seed, 4, index])
    thick = _background(rng, scene.sparse, scene.boxes, seed)
    for box in scene.boxes:
        _lay(thick, box, rng, seed)
    grain = window("grain", seed, rng, SHAPE_HW, 1.0)
    thick = np.asarray(cv2.resize(thick, SHAPE_HW[::-1], interpolation=cv2.INTER_CUBIC), np.float32)
    thick = np.maximum(thick * (1 + np.float32(0.26) * grain), 0)
    white = 1 - cv2.exp(-thick)
    channels = []
    for sea, cloud in zip(_sea(rng, scene.glint, seed), CLOUD, strict=True):
        large = cv2.resize(sea, SHAPE_HW[::-1], interpolation=cv2.INTER_LINEAR)
        channels.append(cv2.convertScaleAbs(large + white * (np.float32(cloud) - large)))
    picture = np.asarray(cv2.merge(channels), np.uint8)
    picture[_gap(scene, SHAPE_HW)] = 0
    return picture


def _sea(rng: np.random.Generator, glint: float | None, seed: int) -> list[Floats]:
    """Dark blue water, three channels at half size, brighter and greyer where the sun is mirrored."""
    y, x = np.mgrid[0 : HALF_HW[0], 0 : HALF_HW[1]].astype(np.float32)
    haze = 1 + np.float32(0.10) * window("slow", seed, rng, HALF_HW, 0.7)
    tilt = np.float32(rng.uniform(-5, 5)) * (y / HALF_HW[0] - np.float32(0.5))
    mirrored = np.zeros(HALF_HW, np.float32)
    if glint is not None:
        away = x / HALF_HW[1] - np.float32(glint) - np.float32(0.10) * (y / HALF_HW[0] - np.float32(0.5))
        mirrored = np.float32(62) * np.exp(-((away / np.float32(0.11)) ** 2)) * haze
    return [(base + tilt) * haze + strength * mirrored for base, strength in ((12, 1.0), (22, 0.99), (41, 0.93))]


def _background(rng: np.random.Generator, sparse: float, boxes: tuple[Box, ...], seed: int) -> Floats:
    """Thin, unordered cloud between the patterns: veils and a few small heaps; float32 at half size."""
    veil = window("veil", seed, rng, HALF_HW, 0.8)
    heaps = window("billow", seed, rng, HALF_HW, 0.9)
    dust = window("Sugar", seed, rng, HALF_HW, 0.8)
    thin = np.float32(0.09 * sparse) * np.maximum(veil, 0) ** 1.5
    small = np.float32(0.7) * np.maximum(heaps + np.float32(0.4) * veil - np.float32(2.4 - 0.35 * sparse), 0)
    small += np.float32(0.22) * np.maximum(dust + np.float32(0.5) * veil - np.float32(1.5), 0)
    total = np.asarray(thin + small, np.float32)
    for box in boxes:  # the patterns stand out, as those that people marked do
        rows, columns = _half(box)
        total[rows, columns] *= 1 - np.float32(0.7) * _envelope((rows.stop - rows.start, columns.stop - columns.start))
    return total


def _half(box: Box) -> tuple[slice, slice]:
    return slice(box.top // 2, box.bottom // 2), slice(box.left // 2, box.right // 2)


def _lay(thick: Floats, box: Box, rng: np.random.Generator, seed: int) -> None:
    """Add a pattern inside its box, fading raggedly before the edges."""
    rows, columns = _half(box)
    shape_hw = (rows.stop - rows.start, columns.stop - columns.start)
    ragged = np.float32(0.22) * window("slow", seed, rng, shape_hw, 2.6)
    inside = np.clip(_envelope(shape_hw) + ragged * (1 - _envelope(shape_hw)) + np.float32(0.04), 0, 1)
    noise = window("billow", seed, rng, shape_hw, 1.3)
    scale = {"Fish": 1.0, "Flower": 0.92, "Gravel": 1.0, "Sugar": 1.0}[box.pattern]
    body = window(box.pattern, seed, rng, shape_hw, scale)
    field = _fish(body, noise, rng) if box.pattern == "Fish" else body + np.float32(_ROUGH[box.pattern]) * noise
    level, depth = _LEVEL[box.pattern], _DEPTH[box.pattern]
    above = np.maximum(field - np.float32(level) - np.float32(1.6) * (1 - inside), 0)
    thick[rows, columns] += np.float32(depth) * above * inside * np.minimum(5 * _envelope(shape_hw), 1)


_ROUGH = {"Flower": 0.30, "Gravel": 0.22, "Sugar": 0.15}
_LEVEL = {"Fish": 0.45, "Flower": 0.0, "Gravel": 0.35, "Sugar": 0.35}
_DEPTH = {"Fish": 1.15, "Flower": 0.95, "Gravel": 0.85, "Sugar": 0.42}


def _fish(ribs: Floats, noise: Floats, rng: np.random.Generator) -> Floats:
    """A bent spine along the box with ribs that thin out away from it."""
    height, width = ribs.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = 2 * x / width - 1, 2 * y / height - 1
    bend, phase = np.float32(rng.uniform(0.22, 0.36)), np.float32(rng.uniform(0, 6.3))
    away = v - bend * np.sin(np.float32(2.4) * u + phase) + np.float32(0.10) * noise
    spine = np.exp(-((away / np.float32(0.13)) ** 2))
    reach = np.exp(-((away / np.float32(0.62)) ** 2))
    return np.asarray((ribs * np.float32(1.25) + np.float32(0.3) * noise) * reach + spine * (1 + noise), np.float32)


@lru_cache(maxsize=32)
def _envelope(shape_hw: tuple[int, int]) -> Floats:
    """1 well inside a box, falling to 0 at its edges over a ninth of its side; float32 (H, W)."""
    sides = []
    for length in shape_hw:
        at = (np.arange(length, dtype=np.float32) + np.float32(0.5)) / length
        sides.append(np.clip(np.minimum(at, 1 - at) * 9, 0, 1))
    soft = np.minimum(sides[0][:, None], sides[1][None, :])
    return np.asarray(soft * soft * (3 - 2 * soft), np.float32)


def _gap(scene: Scene, shape_hw: tuple[int, int]) -> Mask:
    """Where no satellite pass saw the ground, bool (H, W): a slanted black stripe, wider towards the bottom."""
    y, x = np.ogrid[0 : shape_hw[0], 0 : shape_hw[1]]
    if scene.gap is None:
        return np.zeros(shape_hw, np.bool_)
    above, below, width = scene.gap
    left = above + (below - above) * y // shape_hw[0]
    return np.asarray((x >= left) & (x < left + width + y * 60 // shape_hw[0]), np.bool_)


def _runs(mask: Mask) -> str:
    """Kaggle's run lengths by NumPy alone: the first start does not wait for rle's compiled kernels."""
    flat = np.pad(mask.T.ravel().view(np.int8), 1)
    edges = np.flatnonzero(np.diff(flat))
    pairs = np.stack([edges[::2] + 1, edges[1::2] - edges[::2]], axis=1)
    return " ".join(map(str, pairs.ravel().tolist()))
