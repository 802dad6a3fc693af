"""Pictures of masks and the plotly template, pure.

In: images, masks, labels, numbers. Out: overlays, error maps and strips, uint8 (H, W, 3), and plotly figures.
"""

__all__ = ["figures", "render"]
