"""Sky circle, horizon mask, cloud fraction and okta: what of a frame is sky, and how much of it is cloud.

A fisheye is taken as equidistant: the zenith angle grows with the distance from the centre, 90 degrees at the radius.
"""

import hashlib
import itertools
import json
import math
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.errors import CloudcoreError, ImageError, MaskError
from cloudcore.mask import Mask

OVERCAST = 8
"""Okta of a sky without a gap; 9, sky obscured, is never derived from a mask."""


@dataclass(frozen=True)
class Dome:
    """The visible sky circle: centre (y, x) and radius, both px of the frame; parts may lie outside the frame."""

    centre_yx: tuple[float, float]
    radius: float

    def mask(self, shape_hw: tuple[int, int]) -> Mask:
        """bool (H, W): True where the pixel's centre lies inside the circle."""
        return distance(self, shape_hw) <= self.radius


@dataclass(frozen=True)
class Camera:
    """What is kept per camera and exposure: frame size, dome, horizon mask and the model used by default.

    horizon is bool (H, W), True where never is sky (trees, masts, walls); None where nothing was marked.
    """

    name: str
    exposure: str
    shape_hw: tuple[int, int]
    dome: Dome | None = None
    horizon: Mask | None = None
    model: str | None = None

    def valid(self, shape_hw: tuple[int, int]) -> Mask:
        """bool (H, W): pixels that count, in the dome and off the horizon mask. Raises MaskError on another size."""
        if tuple(shape_hw) != tuple(self.shape_hw):
            raise MaskError(
                f"The frame has {shape_hw[0]} × {shape_hw[1]} px (h × w), camera {self.name} was set for "
                f"{self.shape_hw[0]} × {self.shape_hw[1]}: set the dome for this size"
            )
        inside = np.ones(shape_hw, np.bool_) if self.dome is None else self.dome.mask(shape_hw)
        return inside if self.horizon is None else inside & ~self.horizon


KPNO = Camera("KPNO", "", (512, 512), Dome((252.0, 256.0), 241.0))
"""The all-sky camera of Kitt Peak National Observatory as its frames of 2017 show it."""


def distance(dome: Dome, shape_hw: tuple[int, int]) -> NDArray[np.float32]:
    """float32 (H, W): px from the dome's centre."""
    y = np.arange(shape_hw[0], dtype=np.float32)[:, None] - np.float32(dome.centre_yx[0])
    x = np.arange(shape_hw[1], dtype=np.float32)[None, :] - np.float32(dome.centre_yx[1])
    return np.asarray(np.hypot(y, x), np.float32)


def altitude(dome: Dome, shape_hw: tuple[int, int]) -> NDArray[np.float32]:
    """float32 (H, W): degrees above the horizon, 90 at the centre, 0 at the radius, NaN outside."""
    away = distance(dome, shape_hw)
    return np.where(away <= dome.radius, 90 - 90 * away / np.float32(dome.radius), np.float32(np.nan))


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


def horizon_from_pink(image: images.Image) -> Mask:
    """bool (H, W), True under pink paint: an ignore mask drawn over a frame in a strong magenta.

    Red and blue both stand at least 60 above green there, which neither sky nor stars do. Raises ImageError when
    nothing is pink.
    """
    red, green, blue = (image[..., c].astype(np.int16) for c in range(3))
    pink = (np.minimum(red, blue) - green) >= 60
    if not pink.any():
        raise ImageError("The picture holds no pink paint: paint what is never sky in magenta and import it again")
    return np.asarray(pink, np.bool_)


def own_id(name: str, exposure: str) -> str:
    """A file name of ours for any camera: what a person typed never reaches the disk as a path."""
    key = json.dumps([unicodedata.normalize("NFC", name), unicodedata.normalize("NFC", exposure)])
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def save_camera(folder: Path, camera: Camera) -> None:
    """Writes folder/<id>.json and, with a horizon, <id>-horizon.png; each replaced whole. Raises MaskError.

    The id comes from name, exposure and frame size, so that saving the same again replaces it.
    """
    if camera.horizon is not None and camera.horizon.shape != tuple(camera.shape_hw):
        got, wanted = camera.horizon.shape, tuple(camera.shape_hw)
        raise MaskError(f"The horizon mask has shape {got}, wanted the frame's {wanted}: draw it on this frame")
    stem = f"{own_id(camera.name, camera.exposure)}-{camera.shape_hw[0]}x{camera.shape_hw[1]}"
    drawn = None
    if camera.horizon is not None:
        data = images.encode_png(camera.horizon)
        drawn = f"{stem}-horizon.png"
        images.replace_file(folder / drawn, data)
    record = {
        "name": camera.name,
        "exposure": camera.exposure,
        "shape_hw": list(camera.shape_hw),
        "dome": None if camera.dome is None else [*camera.dome.centre_yx, camera.dome.radius],
        "horizon": drawn,
        "model": camera.model,
    }
    images.replace_file(folder / f"{stem}.json", json.dumps(record, indent=1).encode())


def _load(path: Path) -> Camera:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        height, width = (int(side) for side in record["shape_hw"])
        circle = record["dome"]
        dome = None if circle is None else Dome((float(circle[0]), float(circle[1])), float(circle[2]))
        model = None if record["model"] is None else str(record["model"])
        camera = Camera(str(record["name"]), str(record["exposure"]), (height, width), dome, None, model)
        drawn = record["horizon"]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise CloudcoreError(f"Camera file {path.name} is damaged: delete it and set the dome again") from error
    if drawn is None:
        return camera
    horizon = images.read_label(path.with_name(f"{path.stem}-horizon.png")) > 127
    if horizon.shape != (height, width):
        raise CloudcoreError(f"The horizon mask of {path.name} has another size: delete it and draw it again")
    return replace(camera, horizon=horizon)


def cameras(folder: Path) -> list[Camera]:
    """Every camera kept in folder, by name and exposure; none where there is no folder. Raises CloudcoreError."""
    found = [_load(path) for path in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda camera: (camera.name, camera.exposure, camera.shape_hw))


def camera_for(folder: Path, camera_name: str, exposure: str, shape_hw: tuple[int, int]) -> Camera | None:
    """The camera kept for this name, exposure and frame size; else the one of the same name and size; else None.

    An exposure never set before starts from the camera's other one: dome and trees are the same, the model may not be.
    """
    same = [c for c in cameras(folder) if c.name == camera_name and c.shape_hw == tuple(shape_hw)]
    exact = [c for c in same if c.exposure == exposure]
    if exact or not same:
        return exact[0] if exact else None
    return replace(same[0], exposure=exposure, model=None)


def find(image: images.Image) -> Dome | None:
    """The sky circle of a frame, uint8 (H, W, 3) or (H, W), or None where no circle is seen.

    Circles of every size are tried on a small copy for being brighter just inside than just outside, whatever the
    brightness itself, at as many angles as possible; the best is then fitted to the edge at full size. Circles that
    the frame cuts off are found from what is left of them. Trees and masts may hide a part of the edge.
    """
    full_hw = image.shape[:2]
    if min(full_hw) < _LEAST_SIDE:
        return None
    image = images.thumbnail(image, _LARGE_SIDE)
    shrunk = max(full_hw) / max(image.shape[:2])
    light = _log_light(image)
    scale = max(1.0, max(light.shape) / _SMALL_SIDE)
    small_hw = (round(light.shape[0] / scale), round(light.shape[1] / scale))
    coarse = _search(np.asarray(cv2.resize(light, small_hw[::-1], interpolation=cv2.INTER_AREA), np.float32))
    if coarse is None:
        return None
    circle = _fit(light, _scaled(coarse, scale), scale)
    # Once more from the better centre, where a shift's part along the rays is all but exact.
    return _scaled(_fit(light, circle, scale / 2), shrunk)


def _scaled(circle: Dome, scale: float) -> Dome:
    """The circle on a grid `scale` times as fine; px centres are whole numbers on both grids."""
    y, x = (round((at + 0.5) * scale - 0.5, 2) for at in circle.centre_yx)
    return Dome((y, x), round(circle.radius * scale, 2))


_SMALL_SIDE, _LARGE_SIDE, _LEAST_SIDE = 160, 1200, 48
_ANGLES, _FINE_ANGLES = 90, 360
_LEAST_SCORE = 0.85
"""Score from which a circle is believed: whole-sky frames reach 0.9 and more, photographs of clouds stay below 0.8."""


def _log_light(image: images.Image) -> NDArray[np.float32]:
    """Logarithm of the mean brightness: a faint edge at night weighs as much as a strong one by day."""
    bright = image.astype(np.float32) if image.ndim == 2 else image.mean(axis=2, dtype=np.float32)
    # Smoothed after the logarithm: the other way round a sharp edge would wander outwards.
    return np.asarray(cv2.GaussianBlur(np.log(bright + np.float32(4)), (0, 0), 1.0), np.float32)


def _polar(
    light: NDArray[np.float32], centre_yx: tuple[float, float], radii: NDArray[np.float32], angles: int
) -> NDArray[np.float32]:
    """float32 (angles, radii): brightness along rays from the centre, NaN outside the frame."""
    turn = np.linspace(0, 2 * np.pi, angles, endpoint=False, dtype=np.float32)[:, None]
    x, y = np.float32(centre_yx[1]) + np.cos(turn) * radii, np.float32(centre_yx[0]) + np.sin(turn) * radii
    return np.asarray(cv2.remap(light, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_CONSTANT, math.nan), np.float32)


def _search(light: NDArray[np.float32]) -> Dome | None:
    """The best circle of a small picture, to about a pixel; None where none is believed."""
    height, width = light.shape
    radii = np.arange(0.22 * min(height, width), 0.62 * max(height, width), dtype=np.float32)
    rows = np.arange(0.34 * height, 0.66 * height, 3)
    columns = np.arange(0.34 * width, 0.66 * width, 3)
    best, found = _LEAST_SCORE, None
    spread = _spread(light, radii)
    for row in rows:
        for column in columns:
            score = _scores(_polar(light, (float(row), float(column)), radii, _ANGLES), spread)
            at = int(np.argmax(score))
            if score[at] > best:
                best, found = float(score[at]), Dome((float(row), float(column)), float(radii[at]) + 4)
    return found


def _contrast(polar: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inner minus outer ring at every radius but the last eight; NaN where a ring leaves the frame."""
    total = np.cumsum(np.pad(polar, ((0, 0), (1, 0))), axis=1)
    return np.asarray((total[:, 4:-5] - total[:, :-9] - total[:, 9:] + total[:, 5:-4]) / 4, np.float32)


def _spread(light: NDArray[np.float32], radii: NDArray[np.float32]) -> float:
    """What contrast is ordinary in this picture: twice the median, and no less than a hundredth."""
    middle = ((light.shape[0] - 1) / 2, (light.shape[1] - 1) / 2)
    return 2 * float(np.nanmedian(np.abs(_contrast(_polar(light, middle, radii, _ANGLES))))) + 0.01


def _scores(polar: NDArray[np.float32], spread: float) -> NDArray[np.float32]:
    """Per radius -1..1: how much of the visible edge is brighter inside; 0 where less than 40 % is in the frame.

    A tenth of it is the size of the step, which decides between circles that are all edge.
    """
    contrast = _contrast(polar)
    seen = np.isfinite(contrast)
    count = seen.sum(axis=0)
    step = np.where(seen, contrast, 0)
    share = np.float32(0.9) * np.tanh(step / np.float32(spread)) + np.float32(0.1) * np.tanh(step)
    votes = share.sum(axis=0)
    return np.asarray(np.where(count >= 0.4 * _ANGLES, votes / np.maximum(count, 1), 0), np.float32)


def _fit(light: NDArray[np.float32], rough: Dome, scale: float) -> Dome:
    """The circle near a rough one that most of the edge lies on, then least squares through that edge."""
    step = max(1.0, scale / 3)
    radii = np.arange(rough.radius - 9 * step - 4, rough.radius + 9 * step + 4, 0.5, dtype=np.float32)
    polar = _polar(light, rough.centre_yx, radii, _FINE_ANGLES)
    fall = np.asarray(np.nan_to_num(cv2.GaussianBlur(polar[:, :-2] - polar[:, 2:], (0, 0), step)), np.float32)
    turn = np.linspace(0, 2 * np.pi, _FINE_ANGLES, endpoint=False)
    moved = _vote(fall, radii[1:-1], rough, step)
    dy, dx = (a - b for a, b in zip(moved.centre_yx, rough.centre_yx, strict=True))
    along = moved.radius + dy * np.sin(turn) + dx * np.cos(turn)
    near = np.where(np.abs(radii[None, 1:-1] - along[:, None]) <= step + 1.5, fall, 0)
    rays = np.flatnonzero(near.max(axis=1) > 0.25 * np.median(near.max(axis=1)))
    # The outermost clear step counts: a tree's top lies inside the circle, its foot on it.
    steps = np.pad(near[rays], ((0, 0), (1, 1)))
    peak = (steps[:, 1:-1] >= steps[:, :-2]) & (steps[:, 1:-1] >= steps[:, 2:])
    clear = peak & (near[rays] >= 0.5 * near[rays].max(axis=1, keepdims=True))
    away = radii[near.shape[1] - clear[:, ::-1].argmax(axis=1)]
    towards = np.stack([np.sin(turn[rays]), np.cos(turn[rays])], axis=1)
    return _least_squares(np.array(rough.centre_yx) + away[:, None] * towards, moved)


def _vote(fall: NDArray[np.float32], radii: NDArray[np.float32], rough: Dome, step: float) -> Dome:
    """The circle, shifted and grown by up to four steps, along which brightness falls at the most angles.

    fall is (angles, radii) about the rough circle's centre. Falls of every size count nearly alike, so a bright wall
    or a flare does not outvote the rest of the edge.
    """
    votes = np.tanh(np.maximum(fall, 0) / np.float32(0.3))
    turn, rows = np.linspace(0, 2 * np.pi, len(fall), endpoint=False), np.arange(len(fall))
    shifts = np.arange(-4, 5) * step
    best, found = -1.0, rough
    for dy, dx in itertools.product(shifts, shifts):
        # For small shifts the circle's radius along a ray changes by the shift's part along that ray.
        at = (rough.radius + dy * np.sin(turn) + dx * np.cos(turn) - radii[0]) * 2
        for grow in shifts:
            columns = np.clip(np.rint(at + 2 * grow).astype(np.intp), 0, len(radii) - 1)
            score = float(votes[rows, columns].sum())
            if score > best:
                centre = (rough.centre_yx[0] + float(dy), rough.centre_yx[1] + float(dx))
                best, found = score, Dome(centre, rough.radius + float(grow))
    return found


def _least_squares(points_yx: NDArray[np.float64], start: Dome) -> Dome:
    """The circle through points (N, 2), those far off dropped in rounds; start where too few are left."""
    circle = start
    for _ in range(8):
        (y, x), radius = circle.centre_yx, circle.radius
        off = np.abs(np.hypot(points_yx[:, 0] - y, points_yx[:, 1] - x) - radius)
        kept = points_yx[off <= max(1.0, 2.0 * float(np.median(off)))]
        if len(kept) < 30:
            return start
        # Kasa's circle fit: y^2 + x^2 = 2 y cy + 2 x cx + c is linear in its three unknowns.
        table = np.column_stack([2 * kept, np.ones(len(kept))])
        y, x, rest = np.linalg.lstsq(table, (kept**2).sum(axis=1), rcond=None)[0]
        circle = Dome((float(y), float(x)), math.sqrt(max(float(rest + y * y + x * x), 1.0)))
    return circle
