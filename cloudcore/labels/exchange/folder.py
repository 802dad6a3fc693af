"""Labels out as a training data folder: images/ and masks/ with the same relative stems."""

import json
import os
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from cloudcore import images
from cloudcore.errors import DataError, ImageError, LabelError
from cloudcore.files import atomic, small_json
from cloudcore.files.opening import sha256_of
from cloudcore.frames import listing
from cloudcore.labels import of_frames
from cloudcore.labels.exchange.label_import import ExportReport, Progress
from cloudcore.labels.names import check_stem, disk_name, shown
from cloudcore.labels.store import LabelStore
from cloudcore.masks.mask import UNDEFINED, Label, Mask
from cloudcore.sky import cameras as sky_cameras

MANIFEST = "export.json"


def export_folder(
    store: LabelStore,
    label_set: str,
    frames: Sequence[listing.Frame],
    out: Path,
    cameras: Path | None = None,
    progress: Progress | None = None,
    *,
    hash_of: of_frames.Hash = sha256_of,
) -> ExportReport:
    """Write out/images and out/masks with the same relative stems: a training data folder of every labelled frame.

    Images are linked where the disk allows, else copied. With a folder of cameras, what lies outside a frame's dome or
    under its horizon mask becomes undefined. Frames flagged bad and labels of another size are left out, and said. A
    folder that an earlier export wrote is brought up to date; raises DataError for a folder that holds other things.
    """
    out = Path(out)
    earlier = _earlier_export(out)
    hash_of = cache(hash_of)  # heads, flags and the label itself ask for it
    heads = of_frames.heads(store, label_set, frames, hash_of)
    flags = of_frames.flags(store, label_set, frames, hash_of)
    known_stems = store.heads(label_set)
    labelled = [frame for frame in frames if frame.stem in known_stems]
    written: list[str] = []
    left_out: list[str] = []
    known: dict[tuple[str, tuple[int, int]], Mask | None] = {}
    for place, frame in enumerate(labelled):
        try:
            if flags.get(frame.stem) == "bad":
                raise LabelError(f"{shown(frame.stem)} is flagged as a bad frame, so it is left out.")
            if frame.stem not in heads:
                raise LabelError(f"The label of {shown(frame.stem)} is of another picture of that name: left out.")
            label = _label_for(store, label_set, frame, hash_of(frame.path))
            valid = _valid(cameras, frame.camera, (label.shape[0], label.shape[1]), known)
            written += _write_pair(out, frame, label if valid is None else np.where(valid, label, np.uint8(UNDEFINED)))
        except (LabelError, ImageError) as problem:
            left_out.append(str(problem))
        if progress is not None:
            progress((place + 1) / len(labelled), frame.stem)
    atomic.replace_file(out / MANIFEST, json.dumps({"label_set": label_set, "files": sorted(written)}).encode())
    for name in earlier - set(written):
        (out / name).unlink(missing_ok=True)
    return ExportReport(len(written) // 2, tuple(left_out))


def _earlier_export(out: Path) -> set[str]:
    """Files an earlier export wrote into out. Raises DataError where out holds anything else."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file. Choose a folder to export to.")
    if not out.is_dir() or not any(out.iterdir()):
        return set()
    try:
        files = small_json.read_object(out / MANIFEST, DataError, "Export again.")["files"]
        return {check_stem(str(name)) for name in files}
    except (DataError, KeyError, TypeError, LabelError) as problem:
        raise DataError(f"{out} holds other files than an export's. Choose an empty folder.") from problem


def _label_for(store: LabelStore, label_set: str, frame: listing.Frame, picture: str) -> Label:
    head = store.head(label_set, frame.stem, picture)
    if head is None:
        raise LabelError(f"{shown(frame.stem)} has no label any more, so it is left out.")
    shape_hw = images.shape_hw(frame.path)
    if head.mask.shape != shape_hw:
        sizes = f"{head.mask.shape[0]} × {head.mask.shape[1]} (h × w), its image {shape_hw[0]} × {shape_hw[1]}"
        raise LabelError(f"The label of {shown(frame.stem)} is {sizes}, so it is left out. Paint this image again.")
    return head.mask


def _valid(
    cameras: Path | None, camera: str, shape_hw: tuple[int, int], known: dict[tuple[str, tuple[int, int]], Mask | None]
) -> Mask | None:
    """Pixels that count for a camera, bool (H, W), or None where nothing is kept about it."""
    if cameras is None:
        return None
    key = (camera, shape_hw)
    if key not in known:
        found = sky_cameras.camera_for(cameras, camera, "", shape_hw)
        known[key] = None if found is None else found.valid(shape_hw)
    return known[key]


def _write_pair(out: Path, frame: listing.Frame, label: Label) -> list[str]:
    name = disk_name(frame.stem)
    image, mask = f"images/{name}{frame.path.suffix}", f"masks/{name}.png"
    _link(frame.path, out / image)
    atomic.replace_file(out / mask, images.encode_png(label))
    return [image, mask]


def _link(source: Path, target: Path) -> None:
    """Make target the same file as source where the disk allows it, else a copy; what was there is replaced."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and target.samefile(source):
        return
    with atomic.replacing(target, durable=False) as new:  # the frame itself stays where it is
        try:
            os.link(source.resolve(), new)
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, new)
