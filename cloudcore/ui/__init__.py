"""The app's pages and what they share.

In: clicks, strokes and files of a person; out: pages. The only package that imports Streamlit.
"""

__all__ = [
    "brush",
    "cloud_type",
    "compare",
    "inside",
    "lens",
    "night",
    "overview",
    "paint",
    "satellite",
    "shared",
    "train",
]
