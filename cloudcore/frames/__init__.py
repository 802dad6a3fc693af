"""A folder of frames.

In: a path. Out: frames with their stem, time and camera; labelled pairs; groups of near-duplicates and splits that cut
none; problems in sentences before a training starts.
"""

__all__ = [
    "chosen_folder",
    "examples",
    "groups",
    "labelled",
    "labelling_order",
    "listing",
    "near_duplicates",
    "preflight",
    "splits",
]
