"""The Satellite page.

In: a label table with its images, filters, boxes drawn by hand; out: pictures with their patterns, statistics,
corrections as revisions in the label store, tables to download.
"""

__all__ = [
    "box_session",
    "boxes_in_view",
    "choices",
    "correction",
    "dataset",
    "downloads",
    "filters",
    "gallery",
    "image_view",
    "pictures",
    "statistics",
]
