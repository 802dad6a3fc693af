"""How a sample sky looks to a camera: light, stars, moon or sun, glow on clouds, lens and sensor.

Brightness is kept linear until the end, then exposed, bent by a gamma and given the sensor's noise, in the order a
camera does it. The clear sky by day follows the CIE standard clear sky (type 12); the airglow's rise towards the
horizon follows van Rhijn; star counts grow by 10^0.45 a magnitude.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore.images import Image
from cloudcore.samples.sky_scene import Floats, View, sample, texture

WARM = np.array([1.0, 0.77, 0.50], np.float32)
MOONLIGHT = np.array([0.96, 0.98, 1.0], np.float32)
MOONLIT_AIR = np.array([0.66, 0.82, 1.0], np.float32)
AIRGLOW = np.array([0.62, 0.80, 1.0], np.float32)
_GALAXY = np.array([[0.55, 0.62, 0.56], [0.70, -0.71, 0.10]])
"""The Milky Way's pole and its bright middle, roughly; made orthogonal and of length 1 where used."""


@dataclass(frozen=True)
class Scene:
    """What lights the sky: moon or sun (altitude and azimuth in degrees, None when set), town glow, the Milky Way.

    glow and milky_way are strengths, 0 for none; glow_azimuth and turn (of the stars about the pole) are degrees.
    exposure scales the light before the sensor.
    """

    night: bool
    light: tuple[float, float] | None = None
    glow: float = 0.3
    glow_azimuth: float = 200.0
    milky_way: float = 0.0
    turn: float = 0.0
    exposure: float = 1.0


def photograph(view: View, scene: Scene, depth: Floats, seed: int) -> Image:
    """The frame, uint8 (H, W, 3), of a sky whose clouds have this optical depth along each ray."""
    rng = np.random.default_rng([seed, 5])
    if scene.night:
        light = _night(view, scene, depth, seed)
        return _expose(view, light, scene, rng, gamma=0.62, grain=0.0035, floor=0.010)
    light = _day(view, scene, depth, seed)
    frame = _expose(view, light, scene, rng, gamma=0.80, grain=0.0006, floor=0.002)
    packed = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def _colour(strength: Floats, colour: NDArray[np.float32]) -> Floats:
    # Three planes merged: broadcasting over a last axis of three is four times slower.
    return np.asarray(cv2.merge([strength * np.float32(part) for part in colour]), np.float32)


def _relief(view: View, depth: Floats, towards_yx: tuple[float, float], fine: float) -> Floats:
    """-1..1: how far each part of the clouds leans towards the light, from the slope of their thickness."""
    thick = np.log1p(cv2.GaussianBlur(depth, (0, 0), fine * view.dome.radius / 240))
    y, x = view.offset_yx
    dy = np.float32(towards_yx[0] - view.dome.centre_yx[0]) - y
    dx = np.float32(towards_yx[1] - view.dome.centre_yx[1]) - x
    away = np.sqrt(dx * dx + dy * dy) + np.float32(20)
    slope = cv2.Sobel(thick, cv2.CV_32F, 1, 0) * dx + cv2.Sobel(thick, cv2.CV_32F, 0, 1) * dy
    return np.asarray(np.tanh(np.float32(-1.1 * view.dome.radius / 240) * slope / away), np.float32)


# Night ---------------------------------------------------------------------------------------------------------------


def _night(view: View, scene: Scene, depth: Floats, seed: int) -> Floats:
    clear = np.exp(-depth)
    low = np.exp(-view.altitude / np.float32(13))
    lobe = np.float32(0.5) + np.float32(0.5) * np.cos(view.azimuth - np.float32(np.radians(scene.glow_azimuth)))
    town = np.float32(scene.glow) * (np.float32(0.05) + low * (np.float32(0.12) + np.float32(0.75) * lobe**2))
    rijn = 1 / np.sqrt(1 - np.float32(0.94) * np.sin(np.minimum(view.zenith_angle, np.float32(1.57))) ** 2)
    airglow = np.asarray(np.float32(0.026) * (np.float32(0.6) + np.float32(0.4) * rijn), np.float32)
    sky = _colour(airglow, AIRGLOW) + _colour(town, WARM)
    if scene.milky_way:
        sky += _milky_way(view, scene, seed)
    clouds = _lit_by_town(view, scene, depth)
    if scene.light is not None:
        near = view.angle_to(*scene.light)
        height = np.float32(np.clip(1.5 * np.sin(np.radians(scene.light[0])) + 0.04, 0.04, 1))
        halo = np.exp(-near / np.float32(0.06)) * np.float32(0.7) + np.exp(-near / np.float32(0.35)) * np.float32(0.22)
        sky += _colour(height * (np.float32(0.05) + np.float32(0.6) * halo + np.float32(0.05) * low), MOONLIT_AIR)
        sky += _colour(height * np.float32(0.4) * halo, MOONLIGHT)
        clouds += _lit_by_moon(view, scene, depth, near, height)
    light = sky * clear[..., None] + clouds
    light += _stars(view, scene, seed) * np.exp(-np.float32(1.15) * depth)[..., None]
    if scene.light is not None:
        light += _disc(view, scene.light, depth, core=0.017, strength=30.0, rays=6, veil=0.5)
    return _with_objects(view, light, np.float32(0.10) * (sky.mean(axis=(0, 1)) + np.float32(0.01)), seed)


def _lit_by_town(view: View, scene: Scene, depth: Floats) -> Floats:
    """Cloud light from below: brighter near the town, and in a dark place darker than the sky behind it."""
    away = view.altitude / np.float32(45)
    lobe = np.float32(0.62) + np.float32(0.38) * np.cos(view.azimuth - np.float32(np.radians(scene.glow_azimuth)))
    shape = 1 + np.float32(0.30) * _relief(view, depth, view.pixel_of(5, scene.glow_azimuth), 2.2)
    lit = np.float32(scene.glow) * (np.float32(0.13) + np.float32(0.50) * np.exp(-away) * lobe) + np.float32(0.010)
    thick = np.float32(0.55) * (1 - np.exp(-np.float32(0.8) * depth)) + np.float32(0.1) * np.sqrt(depth)
    return _colour(lit * shape * thick, WARM)


def _lit_by_moon(view: View, scene: Scene, depth: Floats, near: Floats, height: np.float32) -> Floats:
    """Moonlight through and off the clouds: thin ones shine near the moon, thick ones keep a dark heart."""
    if scene.light is None:
        return np.zeros((*view.shape_hw, 3), np.float32)
    shape = 1 + np.float32(0.45) * _relief(view, depth, view.pixel_of(*scene.light), 1.8)
    ahead = np.float32(0.26) + np.float32(1.5) * np.exp(-near / np.float32(0.16))
    ahead += np.float32(0.5) * np.exp(-near / np.float32(0.55))
    through = (1 - np.exp(-depth)) * np.exp(-np.float32(0.22) * depth)
    return _colour(height * shape * ahead * through, MOONLIGHT)


def _turned(scene: Scene, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Directions (N, 3) after the sky's turn about a pole 32 degrees above the top of the picture."""
    pole = np.array([0.0, -np.cos(np.radians(32)), np.sin(np.radians(32))])
    c, s = np.cos(np.radians(scene.turn)), np.sin(np.radians(scene.turn))
    return np.asarray(points * c + np.cross(pole, points) * s + np.outer(points @ pole, pole) * (1 - c))


def _stars(view: View, scene: Scene, seed: int) -> Floats:
    """Points of light with a slight spread; the same sky each time, turned."""
    rng = np.random.default_rng(1234)
    count, crowd = 3000, 2600
    points = rng.standard_normal((count + crowd, 3))
    normal = _GALAXY[0] / np.linalg.norm(_GALAXY[0])
    points[count:] -= np.outer(points[count:] @ normal, normal) * 0.86
    points = _turned(scene, points / np.linalg.norm(points, axis=1, keepdims=True))
    magnitude = np.maximum(6.4 + np.log10(rng.random(count + crowd) + 1e-4) / 0.45, 0.9)
    # The Milky Way's own crowd of faint stars drowns with it in moonlight and town light.
    magnitude[count:] += 0.9 - 2.5 * np.log10(min(scene.milky_way, 1.0) + 0.02)
    warmth = np.clip(rng.normal(0.1, 0.5, count + crowd), -1, 1)
    points, magnitude, warmth = (a[points[:, 2] > 0.03] for a in (points, magnitude, warmth))
    away = np.arccos(points[:, 2]) * view.dome.radius / (np.pi / 2)
    turn = np.arctan2(points[:, 1], points[:, 0])
    y, x = view.dome.centre_yx[0] + away * np.sin(turn), view.dome.centre_yx[1] + away * np.cos(turn)
    air = 10 ** (-0.4 * 0.16 * np.minimum(1 / points[:, 2], 12))
    flux = 34 * 10 ** (-0.4 * magnitude) * air * (view.dome.radius / 240) ** 1.5
    colour = np.stack([1 + 0.22 * warmth, np.ones_like(warmth), 1 - 0.25 * warmth], axis=1)
    canvas = np.zeros((*view.shape_hw, 3), np.float32)
    iy, ix = np.floor(y).astype(int), np.floor(x).astype(int)
    for oy, ox in ((0, 0), (0, 1), (1, 0), (1, 1)):
        part = np.abs(1 - oy - (y - iy)) * np.abs(1 - ox - (x - ix)) * flux
        ok = (iy + oy >= 0) & (iy + oy < view.shape_hw[0]) & (ix + ox >= 0) & (ix + ox < view.shape_hw[1])
        np.add.at(canvas, (iy[ok] + oy, ix[ok] + ox), (part[:, None] * colour)[ok].astype(np.float32))
    sharp = cv2.GaussianBlur(canvas, (0, 0), 0.62)
    wide = cv2.GaussianBlur(np.maximum(canvas - np.float32(1.2), 0), (0, 0), 2.0)
    return np.asarray(sharp + np.float32(0.35) * wide, np.float32)


def _milky_way(view: View, scene: Scene, seed: int) -> Floats:
    """A band along a great circle with a bright middle, mottled, and split by a dark lane."""
    axes = _GALAXY.copy()
    axes[1] -= axes[0] * (axes[1] @ axes[0]) / (axes[0] @ axes[0])
    normal, middle = _turned(scene, axes / np.linalg.norm(axes, axis=1, keepdims=True)).astype(np.float32)
    x, y, z = view.rays
    off = np.degrees(np.arcsin(np.clip(x * normal[0] + y * normal[1] + z * normal[2], -1, 1)))
    side = np.cross(normal, middle).astype(np.float32)
    along = np.arctan2(x * side[0] + y * side[1] + z * side[2], x * middle[0] + y * middle[1] + z * middle[2])
    lod = np.full(view.shape_hw, np.float32(np.log2(480 / view.dome.radius)))
    dust = sample(texture("cumulus", 7), along * np.float32(0.21), off * np.float32(1 / 90), lod)
    haze = sample(texture("sheet", 7), along * np.float32(0.16), off * np.float32(1 / 130) + np.float32(0.3), lod)
    centre = np.exp(-((along / np.float32(0.75)) ** 2))
    band = np.exp(-((off / (np.float32(9) + np.float32(7) * centre)) ** 2)) * (1 + np.float32(0.28) * haze)
    lane = np.exp(-(((off - np.float32(1.5) - np.float32(2.5) * haze) / np.float32(4.2)) ** 2))
    split = 1 - np.clip(np.float32(0.55) + np.float32(0.35) * dust, 0, np.float32(0.85)) * lane
    glow = np.float32(scene.milky_way * 0.11) * (np.float32(0.35) + centre) * np.maximum(band * split, 0)
    return _colour(glow * np.exp(-np.float32(0.12) / view.up), np.array([1.0, 0.93, 0.86], np.float32))


# Day -----------------------------------------------------------------------------------------------------------------


def _day(view: View, scene: Scene, depth: Floats, seed: int) -> Floats:
    altitude, azimuth = scene.light or (40.0, 0.0)
    near = view.angle_to(altitude, azimuth)
    gradation = 1 - np.exp(np.float32(-0.32) / view.up)
    scatter = 1 + 10 * (np.exp(-3 * near) - np.float32(0.009)) + np.float32(0.45) * np.cos(near) ** 2
    blue = np.float32(0.36) * gradation * scatter ** np.float32(0.5) + np.float32(0.10)
    pale = np.float32(0.08) + np.float32(0.52) * np.exp(-view.altitude / np.float32(15))
    pale = np.clip(pale + np.float32(0.62) * np.exp(-near / np.float32(0.30)), 0, 1)
    deep = np.array([0.30, 0.56, 1.28], np.float32)
    sky = _colour(blue * (1 - pale), deep) + _colour(blue * pale, np.array([0.98, 1.0, 1.04], np.float32))
    glare = np.float32(1.5) * np.exp(-near / np.float32(0.10)) + np.float32(0.38) * np.exp(-near / np.float32(0.38))
    sky += _colour(glare, np.array([0.97, 0.99, 1.0], np.float32))
    clear = np.exp(-depth)
    light = sky * clear[..., None] + _daylit(view, scene, depth, near) * (1 - clear)[..., None]
    haze = np.float32(0.42) * np.exp(-view.altitude / np.float32(5.0))
    light = light * (1 - haze)[..., None] + _colour(haze * np.float32(0.46), np.array([0.94, 0.98, 1.04], np.float32))
    light += _disc(view, (altitude, azimuth), depth, core=0.034, strength=26.0, rays=8, veil=1.0)
    light += _ghosts(view, (altitude, azimuth), depth)
    return _with_objects(view, light, np.array([0.045, 0.050, 0.048], np.float32), seed)


def _daylit(view: View, scene: Scene, depth: Floats, near: Floats) -> Floats:
    """Cloud by daylight: white towards the sun and at thin edges, blue-grey where it is thick or turned away."""
    altitude, azimuth = scene.light or (40.0, 0.0)
    high = np.float32(np.clip(np.sin(np.radians(altitude)), 0.2, 1) ** 0.35)
    thick = cv2.GaussianBlur(depth, (0, 0), 2.2 * view.dome.radius / 240)
    at = view.pixel_of(altitude, azimuth)
    relief = np.float32(0.6) * _relief(view, depth, at, 0.9) + np.float32(0.6) * _relief(view, depth, at, 4.0)
    dark = np.exp(np.float32(-0.17) * thick) * np.float32(0.88) + np.float32(0.12)
    ahead = np.float32(0.80) + np.float32(1.5) * np.exp(-near / np.float32(0.22)) * np.exp(np.float32(-0.10) * depth)
    ahead += np.float32(0.45) * np.exp(-near / np.float32(0.7))
    shine = high * ahead * dark * np.maximum(np.float32(0.92) + np.float32(0.55) * relief, np.float32(0.25))
    ambient = high * (np.float32(0.20) + np.float32(0.05) * view.up)
    sunlit, shaded = np.array([1.0, 0.985, 0.96], np.float32), np.array([0.92, 0.98, 1.10], np.float32)
    return _colour(shine * np.float32(1.45), sunlit) + _colour(ambient, shaded)


def _ghosts(view: View, light: tuple[float, float], depth: Floats) -> Floats:
    """Faint discs that the lens throws across the picture from the sun, and the arc at its rim."""
    y0, x0 = (a - b for a, b in zip(view.pixel_of(*light), view.dome.centre_yx, strict=True))
    seen = math.exp(-_depth_at(view, light, depth))
    y, x = view.offset_yx
    out = np.zeros((*view.shape_hw, 3), np.float32)
    scale = view.dome.radius / 240
    for along, size, strength, colour in (
        (-0.45, 9.0, 0.030, (0.5, 1.0, 0.6)),
        (-0.80, 15.0, 0.022, (1.0, 0.5, 0.9)),
        (0.45, 5.0, 0.035, (1.0, 0.8, 0.5)),
    ):
        away = np.hypot(y - np.float32(y0 * along), x - np.float32(x0 * along))
        disc = np.clip((np.float32(size * scale) - away) / np.float32(2 * scale), 0, 1)
        out += _colour(disc * np.float32(strength * seen), np.array(colour, np.float32))
    return out


# Lens and sensor -----------------------------------------------------------------------------------------------------


def _depth_at(view: View, light: tuple[float, float], depth: Floats) -> float:
    y, x = view.pixel_of(*light)
    iy = int(np.clip(round(y), 2, view.shape_hw[0] - 3))
    ix = int(np.clip(round(x), 2, view.shape_hw[1] - 3))
    return float(depth[iy - 2 : iy + 3, ix - 2 : ix + 3].mean())


def _disc(
    view: View, light: tuple[float, float], depth: Floats, core: float, strength: float, rays: int, veil: float
) -> Floats:
    """Sun or moon: a burnt-out core, bloom, and the short rays of the aperture; clouds before it take it away."""
    near = view.angle_to(*light)
    y0, x0 = view.pixel_of(*light)
    y, x = view.offset_yx
    around = np.arctan2(y + np.float32(view.dome.centre_yx[0] - y0), x + np.float32(view.dome.centre_yx[1] - x0))
    star = np.abs(np.cos(around * np.float32(rays / 2) + np.float32(0.4))) ** 60 * np.exp(-near / np.float32(0.11))
    bloom = np.float32(1.1) * np.exp(-near / np.float32(core * 1.9))
    bloom += np.float32(0.16) * np.exp(-near / np.float32(0.16))
    direct = np.float32(strength) * np.exp(-((near / np.float32(core)) ** 2)) * np.exp(-np.float32(0.55) * depth)
    dimmed = np.float32(np.exp(-0.5 * _depth_at(view, light, depth)))
    glare = dimmed * (bloom + np.float32(0.35) * star) * np.float32(veil)
    return _colour(direct + glare, np.array([1.0, 0.985, 0.95], np.float32))


def _with_objects(view: View, light: Floats, tint: NDArray[np.float32], seed: int) -> Floats:
    """Things on the horizon before the sky: nearly black, faintly mottled."""
    rng = np.random.default_rng([view.seed, 31])
    grain = cv2.GaussianBlur(rng.standard_normal(view.shape_hw, dtype=np.float32), (0, 0), 1.1)
    solid = _colour(np.maximum(1 + np.float32(1.3) * grain, np.float32(0.2)), tint)
    return np.asarray(light + view.objects[..., None] * (solid - light), np.float32)


def _expose(
    view: View, light: Floats, scene: Scene, rng: np.random.Generator, gamma: float, grain: float, floor: float
) -> Image:
    """Lens, then sensor: vignetting, the dark surround with its reflections, noise, hot pixels, gamma."""
    edge = np.minimum(view.zenith_angle * np.float32(2 / np.pi), np.float32(1.3))
    light = light * (view.inside * (1 - np.float32(0.38) * edge**4))[..., None]
    mean = light[view.inside > 0].mean(axis=0)
    px = (edge - 1) * np.float32(view.dome.radius)
    ring = np.float32(0.055) * np.exp(-(((px - np.float32(5)) / np.float32(1.6)) ** 2))
    rim = np.asarray((px > 0) * (ring + np.float32(0.016) * np.exp(-px / np.float32(26))), np.float32)
    if scene.light is not None:
        turn = np.cos(view.azimuth - np.float32(np.radians(scene.light[1])))
        rim = rim * (np.float32(0.6) + np.float32(2.2) * np.maximum(turn, 0) ** 6)
    light += _colour(rim, np.asarray(mean * np.array([1.15, 0.85, 0.8]), np.float32))
    gain = np.float32(1.35 * scene.exposure * (1.2 if scene.night else 1.0))
    filled: Floats = 1 - np.exp(-gain * np.asarray(cv2.GaussianBlur(light, (0, 0), 0.55), np.float32))
    noise = rng.standard_normal((*view.shape_hw, 3), dtype=np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.6) * np.float32(1.9)
    filled += noise * np.sqrt(np.float32(grain) * filled * np.float32(0.08) + np.float32(floor * floor * 0.04))
    hot = np.random.default_rng([view.seed, 13])
    count = max(1, (26 if scene.night else 6) * min(view.shape_hw) ** 2 // 512**2)
    at = hot.integers(0, min(view.shape_hw), (2, count))
    filled[at[0], at[1], hot.integers(0, 3, at.shape[1])] += np.float32(hot.uniform(0.05, 0.5))
    curve = (np.linspace(0, 1, 65536) ** gamma * 255 + 0.5).astype(np.uint8)
    black = np.float32(0.0022 if scene.night else 0.004)
    return np.asarray(curve[(np.clip(filled + black, 0, 1) * np.float32(65535)).astype(np.uint16)], np.uint8)
