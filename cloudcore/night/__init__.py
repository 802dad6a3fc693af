"""Cloudiness over time from a folder of frames.

In: a folder of frames, models, options of what counts. Out: a measurement a frame or the reason why it has none,
curves, keograms, tables and pictures. `report.make` does all of it at once; the page takes the parts.
"""

__all__ = ["cache", "charts", "export", "frame_selection", "keogram", "measure", "picture", "report", "series"]
