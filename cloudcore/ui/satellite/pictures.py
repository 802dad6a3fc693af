"""Pictures of labelled images: thumbnails kept on disk, and the overlay as a drawing that the browser scales."""

import hashlib
import html
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import streamlit as st

from cloudcore import images
from cloudcore.errors import ImageError
from cloudcore.files import atomic
from cloudcore.images import Image
from cloudcore.masks.mask import Mask
from cloudcore.satellite.boxes import Box
from cloudcore.satellite.table import PATTERNS
from cloudcore.ui.satellite.dataset import Dataset
from cloudcore.views import render

SIDE = 360
"""Longer side of a thumbnail, px."""
LARGE = 1400
"""Longer side of the picture of one image, px."""
WORKERS = 4
CONTOUR, FILL, BOXES = WAYS = ("Contour", "Fill", "Boxes")
_EMPTY_HW = (240, 360)


def colour(pattern: str) -> str:
    """The colour of a pattern as '#2F8CFF'."""
    return "#{:02X}{:02X}{:02X}".format(*render.PATTERNS[PATTERNS.index(pattern)])


# Thumbnails


def thumb_path(dataset: Dataset, image: str) -> Path | None:
    """Where an image's thumbnail is kept below the workspace; another file is another name. None without a file."""
    path = dataset.image_path(image)
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    mark = hashlib.sha256(f"{path}|{status.st_size}|{status.st_mtime_ns}|{SIDE}".encode()).hexdigest()[:32]
    return dataset.settings.workspace / "cache" / "thumbs" / mark[:2] / f"{mark}.jpg"


def make_thumbs(dataset: Dataset, wanted: Sequence[str], word: str = "thumbnails made") -> list[str]:
    """Make the thumbnails that are not there yet, with a count in view; sentences about images that cannot be read."""
    to_do = [(image, path) for image in wanted if (path := thumb_path(dataset, image)) and not path.is_file()]
    if not to_do:
        return []
    refused: list[str] = []
    place = st.empty()
    with ThreadPoolExecutor(WORKERS) as pool:
        for done, problem in enumerate(pool.map(lambda one: _make_thumb(dataset, *one), to_do), 1):
            if problem:
                refused.append(problem)
            if len(to_do) > 4:
                place.progress(done / len(to_do), f"{done:,} of {len(to_do):,} {word}")
    place.empty()
    return refused


def _make_thumb(dataset: Dataset, image: str, path: Path) -> str:
    try:
        picture = images.read(dataset.image_path(image) or image)
        atomic.replace_file(path, images.encode_jpeg(images.thumbnail(picture, SIDE), 82))
    except (ImageError, OSError) as problem:
        return str(problem)
    return ""


def thumb_of(dataset: Dataset, image: str) -> Image | None:
    """The thumbnail, uint8 (h, w, 3), from disk; None where there is none."""
    path = thumb_path(dataset, image)
    try:
        raw = path.read_bytes() if path else b""
    except OSError:
        return None
    found = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR) if raw else None
    return None if found is None else np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


@st.cache_data(show_spinner=False, max_entries=400)
def _labelled(_dataset: Dataset, image: str, mark: str, revisions: tuple[int, ...]) -> bytes:
    small = thumb_of(_dataset, image)
    if small is None:
        small = np.full((*_EMPTY_HW, 3), (58, 66, 74), np.uint8)
        small[render.stripes(_EMPTY_HW)] = (64, 73, 81)
    masks = _dataset.masks(image, small.shape[:2])
    return images.encode_jpeg(render.patterns(small, masks, 0.16), 85)


def labelled_thumb(dataset: Dataset, image: str) -> bytes:
    """JPEG of a thumbnail with its patterns on it; on a hatched ground where the image is missing."""
    revisions = tuple(dataset.revision(image, pattern) for pattern in PATTERNS)
    return _labelled(dataset, image, f"{dataset.table.key}|{thumb_path(dataset, image)}", revisions)


@st.cache_data(show_spinner=False, max_entries=12)
def _large(path: Path, changed: tuple[int, int]) -> tuple[bytes, tuple[int, int]]:
    picture = images.read(path)
    return images.encode_jpeg(images.thumbnail(picture, LARGE), 88), (picture.shape[0], picture.shape[1])


def large(path: Path) -> tuple[bytes, tuple[int, int]]:
    """(JPEG at most LARGE px wide, shape (H, W) of the file itself). Raises ImageError, OSError."""
    status = path.stat()
    return _large(path, (status.st_mtime_ns, status.st_size))


def empty_picture(shape_hw: tuple[int, int]) -> bytes:
    """A hatched ground in the shape of an image that is missing."""
    height, width = round(shape_hw[0] / 2), round(shape_hw[1] / 2)
    ground = np.full((height, width, 3), (58, 66, 74), np.uint8)
    ground[render.stripes((height, width))] = (64, 73, 81)
    return images.encode_jpeg(ground, 85)


# The overlay


def overlay(masks: Mask, boxes: Sequence[Box], shown: Iterable[str], way: str, opacity: int) -> str:
    """An SVG of the labels: masks bool (4, H, W) as contour or fill, or boxes; opacity of the fill in %.

    Lines are cased in near-black and every piece of a pattern carries its name, as colour alone says nothing to some.
    """
    height, width = masks.shape[1:]
    parts = []
    for pattern in (name for name in PATTERNS if name in set(shown)):
        if way == BOXES:
            of_pattern = [box for box in boxes if box.pattern == pattern]
            paths = [f"M{b.left} {b.top}H{b.right}V{b.bottom}H{b.left}Z" for b in of_pattern]
            corners = [(b.left, b.top) for b in of_pattern]
        else:
            paths, corners = outline(masks[PATTERNS.index(pattern)])
        parts.append(_drawn(pattern, paths, corners, way, opacity))
    body = "".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{body}</svg>'


def outline(mask: Mask) -> tuple[list[str], list[tuple[int, int]]]:
    """(SVG paths around the components of a mask (H, W), the left upper corner (x, y) of each)."""
    solid = np.ascontiguousarray(mask).astype(np.uint8)
    contours, tree = cv2.findContours(solid, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    paths, corners = [], []
    for at, contour in enumerate(contours):
        points = cv2.approxPolyDP(contour, 1.0, True).reshape(-1, 2)
        if len(points) < 3:
            continue
        paths.append("M" + "L".join(f"{x} {y}" for x, y in points.tolist()) + "Z")
        if tree[0][at][3] < 0 and cv2.contourArea(contour) > 0.002 * mask.size:
            top = points[points[:, 0] + points[:, 1] == (points[:, 0] + points[:, 1]).min()][0]
            corners.append((int(top[0]), int(top[1])))
    return ["".join(paths)] if paths else [], corners


def _drawn(pattern: str, paths: Sequence[str], corners: Sequence[tuple[int, int]], way: str, opacity: int) -> str:
    tint, parts = colour(pattern), []
    for path in paths:
        fill = f'fill="{tint}" fill-opacity="{opacity / 100:.2f}" fill-rule="evenodd"'
        if way != CONTOUR:
            parts.append(f'<path d="{path}" {fill}/>')
        line = f'<path d="{path}" fill="none" stroke-linejoin="round"'
        if way != FILL:
            parts.append(f'{line} stroke="#0B1014" stroke-width="13"/>{line} stroke="{tint}" stroke-width="7"/>')
    return "".join(parts) + "".join(_tag(pattern, tint, x, y) for x, y in corners)


def _tag(pattern: str, tint: str, x: int, y: int) -> str:
    width, at = 24 + 21 * len(pattern), f'x="{x}" y="{y}"'
    name = html.escape(pattern)
    return (
        f'<rect {at} width="{width}" height="54" fill="{tint}"/><text x="{x + 12}" y="{y + 39}" font-size="38" '
        f'font-weight="600" font-family="Source Sans,Helvetica,Arial,sans-serif" fill="#0B1014">{name}</text>'
    )
