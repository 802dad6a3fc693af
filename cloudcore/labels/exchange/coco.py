"""COCO JSON with run lengths: labels of a label set out, cloud masks in."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cloudcore.errors import DataError
from cloudcore.files import atomic, small_json
from cloudcore.frames import listing
from cloudcore.labels.exchange.label_import import (
    LABEL_CLASSES,
    Candidate,
    ExportReport,
    FrameIndex,
    ImportReport,
    ImportTarget,
    Progress,
    heads_of,
    joined,
    save_all,
    stem_for,
    without_suffix,
)
from cloudcore.labels.store import LabelStore
from cloudcore.masks import coco_rle
from cloudcore.masks import mask as masks
from cloudcore.masks.mask import Label, Mask

MAX_BYTES = 200 * 2**20


def export_coco(
    store: LabelStore, label_set: str, out_json: Path, frames: Sequence[listing.Frame] = ()
) -> ExportReport:
    """Write the heads of a label set as COCO JSON: RLE annotations of the categories cloud and undefined.

    Every label has a cloud annotation, of area 0 under a clear sky, so that clear and unlabelled are not confused.
    frames lend their file names; a stem without its frame is named <stem>.png.
    """
    files = {frame.stem: frame.stem + frame.path.suffix for frame in frames}
    pictures: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (stem, label) in enumerate(heads_of(store, label_set), start=1):
        size = {"height": label.shape[0], "width": label.shape[1]}
        pictures.append({"id": number, "file_name": files.get(stem, f"{stem}.png"), **size})
        cloud, valid = masks.from_label(label)
        for category, pixels in ((1, cloud), (2, ~valid)):
            if category == 1 or pixels.any():
                identity = {"id": len(annotations) + 1, "image_id": number, "category_id": category, "iscrowd": 1}
                shape = {"segmentation": coco_rle.encode(pixels), "area": int(np.count_nonzero(pixels))}
                annotations.append({**identity, **shape, "bbox": _box(pixels)})
    categories = [{"id": n, "name": name, "supercategory": "sky"} for n, name in enumerate(LABEL_CLASSES, start=1)]
    whole = {"info": {"description": label_set}, "images": pictures, "annotations": annotations}
    whole["categories"] = categories
    atomic.replace_file(Path(out_json), json.dumps(whole).encode())
    return ExportReport(len(pictures))


def import_coco(
    path: Path,
    store: LabelStore,
    label_set: str,
    author: str,
    frames: Sequence[listing.Frame] | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Save the masks of a COCO JSON with RLE segmentations of the categories cloud and (if any) undefined.

    With frames, an image without its frame or of another size is refused; so are images without any annotation, which
    may be clear or just unlabelled. Raises DataError where the file as a whole is no such JSON.
    """
    path = Path(path)
    remedy = "Export it as COCO JSON."
    whole = small_json.read_object(path, DataError, remedy, named=path.name, max_bytes=MAX_BYTES)
    categories = _listed(whole, "categories", path.name)
    names = {_hashable(one.get("id")): str(one.get("name", "")).lower() for one in categories}
    marks: dict[Any, list[dict[str, Any]]] = {}
    for one in _listed(whole, "annotations", path.name):
        marks.setdefault(_hashable(one.get("image_id")), []).append(one)
    known = None if frames is None else FrameIndex(frames)
    candidates = []
    for picture in _listed(whole, "images", path.name):
        name = str(picture.get("file_name", ""))
        found = marks.get(_hashable(picture.get("id")), [])
        stem, problem = stem_for(without_suffix(name), known)
        candidates.append(
            Candidate(
                name,
                stem,
                _reader(picture, found, names, known, stem, problem),
                frame=known.path(stem) if known else None,
            )
        )
    target = ImportTarget(store, label_set, author, f"from {path.name}")
    return save_all(target, candidates, len(candidates), progress)


def _reader(
    picture: Mapping[str, Any],
    found: Sequence[Mapping[str, Any]],
    names: Mapping[Any, str],
    known: FrameIndex | None,
    stem: str,
    problem: str,
) -> Callable[[], Label]:
    def read() -> Label:
        if problem:
            raise DataError(problem)
        if not found:
            raise DataError("The image has no annotation: clear or unlabelled is not known. Leave it out.")
        shape_hw = known.shape_hw(stem) if known else (picture.get("height"), picture.get("width"))
        parts: dict[str, Mask] = {}
        for one in found:
            name, pixels = _annotation(one, names)
            if pixels.shape != shape_hw:
                raise DataError(f"The mask is {pixels.shape}, its image {shape_hw} (h, w). Masks are never resized.")
            parts[name] = parts[name] | pixels if name in parts else pixels
        return joined(parts)

    return read


def _annotation(one: Mapping[str, Any], names: Mapping[Any, str]) -> tuple[str, Mask]:
    name = names.get(_hashable(one.get("category_id")), "")
    if name not in LABEL_CLASSES:
        raise DataError(f"The image has a mask of the category {name!r}, wanted cloud or undefined. Rename it.")
    segmentation = one.get("segmentation")
    if not isinstance(segmentation, dict):
        raise DataError("The image has polygons, wanted RLE masks. Export it with RLE segmentations.")
    return name, coco_rle.decode(segmentation)


def _box(pixels: Mask) -> list[int]:
    """COCO's bounding box [x, y, width, height]; zeros for an empty mask."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if not rows.size:
        return [0, 0, 0, 0]
    top, left = int(rows[0]), int(columns[0])
    return [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]


def _listed(whole: Mapping[str, Any], key: str, name: str) -> list[dict[str, Any]]:
    found = whole.get(key)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise DataError(f"{name} has no list {key!r}. Export it as COCO JSON.")
    return found


def _hashable(value: Any) -> Any:
    return value if isinstance(value, int | str) else None
