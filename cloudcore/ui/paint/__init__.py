"""The Paint page.

In: a frame of the library, strokes of the brush, label files; out: drafts and revisions in the label store, a camera's
dome and horizon, label files.
"""

__all__ = [
    "camera_panel",
    "exchange_panel",
    "frame_bar",
    "history",
    "initial_mask",
    "paint_session",
    "panels",
    "queue",
    "saving",
    "shapes",
    "strokes",
]
