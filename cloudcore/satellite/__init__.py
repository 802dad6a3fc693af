"""The pattern label table of satellite images.

In: a CSV of run lengths and a folder of images. Out: masks of Fish, Flower, Gravel and Sugar, bool (K, H, W); boxes; a
cache of small arrays to learn from; statistics with their figures; submissions, written and checked.
"""

__all__ = ["boxes", "cache", "charts", "label_csv", "statistics", "table"]
