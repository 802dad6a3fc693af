"""Arrays to look at: overlay, error map, strip, one-bit mask PNG. Pure: arrays in, arrays or bytes out.

The colours are measured for normal, protan, deutan and tritan sight; a hatch says again what a colour says.
"""

import base64
import struct
import zlib
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import MaskError
from cloudcore.images import Image
from cloudcore.masks.mask import Mask

Rgb = tuple[int, int, int]

DAY: Rgb = (0xFF, 0xC2, 0x1F)
NIGHT: Rgb = (0x3B, 0xD6, 0xF0)
HIT: Rgb = (0xC9, 0xD3, 0xDA)
FALSE_CLOUD: Rgb = (0xFF, 0x5A, 0x36)
MISSED: Rgb = (0x4C, 0x9D, 0xFF)
UNDEFINED: Rgb = (0x80, 0x88, 0x90)
PATTERNS: tuple[Rgb, ...] = ((0x2F, 0x8C, 0xFF), (0xFF, 0x5C, 0x8A), (0xFF, 0xD2, 0x3F), (0xB6, 0xF0, 0xDF))
"""Colours of Fish, Flower, Gravel and Sugar."""
CASING: Rgb = (0x0B, 0x10, 0x14)

GREY_LIGHT = 0.62  # brightness of the grey frame below an error map
OUTSIDE_LIGHT = 0.45  # brightness outside the dome
HIT_ALPHA = 0.30
ERROR_ALPHA = 0.82
BETWEEN_ALPHA = 0.42  # between the stripes of a hatch, so that a one-pixel miss still shows

VALID, OUTSIDE, HOLE = 0, 1, 2  # zones: counts / outside the dome / undefined inside it


def is_night(image: Image) -> bool:
    """True where a frame, uint8 (H, W, 3), looks like night: neither a blue sky nor bright.

    Only the middle disc counts. The bounds separate 85 day frames from 56 night frames of three public sets.
    """
    small = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA).astype(np.int16)
    row, column = np.mgrid[:64, :64]
    disc = small[(row - 31.5) ** 2 + (column - 31.5) ** 2 < 28**2]
    blue_excess = np.percentile(disc[:, 2] - disc[:, 0], 90)
    blue = np.percentile(disc[:, 2], 90)
    return bool(blue_excess < 24 and blue < 180)


def cloud_colour(night: bool) -> Rgb:
    """The colour of painted or predicted cloud: ice at night, amber by day."""
    return NIGHT if night else DAY


def stripes(shape_hw: tuple[int, int], period: int | None = None) -> Mask:
    """A 45 degree hatch, bool (H, W): True on the stripe, half of each period.

    period is in px; None takes an eightieth of the longer side, at least 4, so that it survives showing at half size.
    """
    height, width = shape_hw
    step = period or max(4, round(max(shape_hw) / 80))
    row, column = np.arange(height)[:, None], np.arange(width)[None, :]
    return (row + column) % step < (step + 1) // 2


def zones(valid: Mask | None, shape_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """What each pixel is, uint8 (H, W): VALID, OUTSIDE (invalid, joined to the edge) or HOLE (other invalid).

    A label marks both the surroundings of the dome and the sun as undefined; the edge of the frame tells them apart.
    """
    out = np.zeros(shape_hw, np.uint8)
    if valid is None:
        return out
    invalid = (~_checked(valid, shape_hw, "valid")).astype(np.uint8)
    _, parts = cv2.connectedComponents(invalid, connectivity=4)
    at_edge = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    out[invalid > 0] = HOLE
    out[np.isin(parts, at_edge[at_edge > 0])] = OUTSIDE
    return out


def overlay(image: Image, cloud: Mask, night: bool, fill: float = 0.34) -> Image:
    """The frame with cloud tinted and outlined: uint8 (H, W, 3).

    fill is the tint's opacity, 0..1. The line is 1.5 px wide: one on the cloud's rim and half of one outside it.
    """
    cloud = _checked(cloud, image.shape[:2], "cloud mask")
    out = image.astype(np.float32)
    colour = np.array(cloud_colour(night), np.float32)
    _blend(out, cloud, colour, fill)
    solid, square = cloud.astype(np.uint8), np.ones((3, 3), np.uint8)
    _blend(out, cloud & (cv2.erode(solid, square, borderValue=1) == 0), colour, 1.0)
    _blend(out, ~cloud & (cv2.dilate(solid, square, borderValue=0) > 0), colour, 0.5)
    return _to_uint8(out)


def patterns(image: Image, masks: NDArray[np.bool_], fill: float = 0.2) -> Image:
    """The image with up to four masks, bool (K, H, W), tinted and outlined in the patterns' colours: uint8 (H, W, 3).

    Each line is 2 px wide and cased in near-black, as bright cloud lies below it.
    """
    out, square = image.astype(np.float32), np.ones((3, 3), np.uint8)
    solid = [_checked(one, image.shape[:2], "pattern mask").astype(np.uint8) for one in masks]
    for one, colour in zip(solid, PATTERNS, strict=False):
        _blend(out, one > 0, colour, fill)
    for one, colour in zip(solid, PATTERNS, strict=False):
        core = cv2.erode(one, square, iterations=2, borderValue=0)
        _blend(out, (cv2.dilate(one, square, borderValue=0) > 0) & (one == 0), CASING, 0.8)
        _blend(out, (core > 0) & (cv2.erode(core, square, borderValue=1) == 0), CASING, 0.8)
        _blend(out, (one > 0) & (core == 0), colour, 1.0)
    return _to_uint8(out)


def error_map(image: Image, predicted: Mask, truth: Mask, valid: Mask | None = None) -> Image:
    """The frame in grey with hit, false cloud (solid) and missed cloud (hatched) on it: uint8 (H, W, 3).

    predicted, truth and valid are bool (H, W). Outside the dome the grey is darker; an undefined hole is hatched grey.
    """
    shape_hw = image.shape[:2]
    predicted, truth = _checked(predicted, shape_hw, "prediction"), _checked(truth, shape_hw, "truth")
    zone = zones(valid, shape_hw)
    inside, hatch = zone == VALID, stripes(shape_hw)
    grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY).astype(np.float32)
    out = np.repeat((grey * np.where(zone == OUTSIDE, OUTSIDE_LIGHT, GREY_LIGHT))[..., None], 3, axis=2)
    _blend(out, inside & predicted & truth, HIT, HIT_ALPHA)
    _blend(out, inside & predicted & ~truth, FALSE_CLOUD, ERROR_ALPHA)
    missed = inside & ~predicted & truth
    _blend(out, missed & hatch, MISSED, ERROR_ALPHA)
    _blend(out, missed & ~hatch, MISSED, BETWEEN_ALPHA)
    _blend(out, (zone == HOLE) & hatch, UNDEFINED, 0.6)
    return _to_uint8(out)


def strip(images: Sequence[Image], gap: int = 4) -> Image:
    """The images side by side on black at the first one's height, gap px apart: uint8 (H, W, 3).

    Raises MaskError for an empty list.
    """
    if not images:
        raise MaskError("A strip of no image was asked for; give at least one.")
    height = images[0].shape[0]
    parts: list[Image] = []
    for image in images:
        width = max(1, round(image.shape[1] * height / image.shape[0]))
        if image.shape[0] != height:
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
        parts.append(image)
        parts.append(np.zeros((height, gap, 3), np.uint8))
    return np.concatenate(parts[:-1], axis=1)


def data_url(content: bytes, mime: str) -> str:
    """A data: URL of the bytes, for a component or an <img>."""
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"


def mask_png(mask: Mask, rgba: tuple[int, int, int, int]) -> bytes:
    """A 1-bit palette PNG of a mask, bool (H, W): True is the colour rgba (0..255 each), False is clear.

    Some 4 kB and 2 ms where an RGBA picture costs megabytes; lay it over a base image that was sent once.
    """
    height, width = mask.shape
    rows = np.packbits(mask, axis=1)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)  # each line begins with filter type 0
    header = struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)
    palette, alpha = bytes([0, 0, 0, *rgba[:3]]), bytes([0, rgba[3]])
    chunks = [(b"IHDR", header), (b"PLTE", palette), (b"tRNS", alpha), (b"IDAT", zlib.compress(lines.tobytes(), 1))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in [*chunks, (b"IEND", b"")])


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _blend(out: NDArray[np.float32], where: Mask, colour: Sequence[float] | NDArray[np.float32], alpha: float) -> None:
    out[where] = out[where] * (1 - alpha) + np.asarray(colour, np.float32) * alpha


def _to_uint8(out: NDArray[np.float32]) -> Image:
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def _checked(mask: Mask, shape_hw: tuple[int, ...], name: str) -> Mask:
    if mask.shape != tuple(shape_hw):
        raise MaskError(f"The {name} has shape {mask.shape}, the image {tuple(shape_hw)}; give arrays of one size.")
    return mask
