"""Dome, horizon mask and default model of each camera and exposure, kept on disk."""

import hashlib
import json
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cloudcore import images
from cloudcore.errors import CloudcoreError, MaskError
from cloudcore.files import atomic
from cloudcore.masks.mask import Mask
from cloudcore.sky.dome import Dome


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
        atomic.replace_file(folder / drawn, data)
    record = {
        "name": camera.name,
        "exposure": camera.exposure,
        "shape_hw": list(camera.shape_hw),
        "dome": None if camera.dome is None else [*camera.dome.centre_yx, camera.dome.radius],
        "horizon": drawn,
        "model": camera.model,
    }
    atomic.replace_file(folder / f"{stem}.json", json.dumps(record, indent=1).encode())


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
