"""The Night page: choices, the work in slices, curves, the frame at the cursor."""

__all__ = ["choices", "curves", "frame_view", "work"]
