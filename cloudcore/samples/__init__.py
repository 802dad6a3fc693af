"""The seeded sample workspace, one file a kind. In: a folder and a seed; out: the same bytes each time."""

from cloudcore.samples.workspace import CAMERA1, CAMERA2, CAMERA3, CUT, write

__all__ = [
    "CAMERA1",
    "CAMERA2",
    "CAMERA3",
    "CUT",
    "patterns",
    "photographs",
    "radar",
    "sky_camera",
    "sky_scene",
    "workspace",
    "write",
]
