"""The Paint page: a frame, its canvas, its queue, its labels in and out."""

__all__ = ["camera_panel", "exchange_panel", "panels", "queue", "session", "shapes"]
