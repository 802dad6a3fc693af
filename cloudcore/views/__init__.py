"""Arrays to look at and the plotly template. Pure: arrays and numbers in; pictures and figures out."""

__all__ = ["figures", "render"]
