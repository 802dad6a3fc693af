"""The pattern label table of satellite images.

In: a CSV of run lengths, a folder of images. Out: tables, boxes, statistics, submissions.
"""

__all__ = ["boxes", "cache", "charts", "label_csv", "statistics", "table"]
