"""The search for the sky circle of a frame: brighter just inside than just outside, at as many angles as possible.

A coarse search over centres and radii on a small copy is followed by a vote of the edge at every angle, and by least
squares through the edge.
"""

import itertools
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.sky.dome import Dome, scaled

_SMALL_SIDE, _LARGE_SIDE, _LEAST_SIDE = 160, 1200, 48
_ANGLES, _FINE_ANGLES = 90, 360
_LEAST_SCORE = 0.85
"""Score from which a circle is believed: whole-sky frames reach 0.9 and more, photographs of clouds stay below 0.8."""


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
    circle = _fit(light, scaled(coarse, scale), scale)
    # Once more from the better centre, where a shift's part along the rays is all but exact.
    return scaled(_fit(light, circle, scale / 2), shrunk)


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
