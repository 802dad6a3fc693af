"""A folder of frames to cloudiness over time: a plan of its frames in; rows, series, keograms and files out."""

__all__ = ["cache", "charts", "export", "frame_selection", "keogram", "measure", "picture", "report", "series"]
