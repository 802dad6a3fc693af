"""A folder of frames: a path in; frames, labelled pairs, splits and problems out."""

__all__ = [
    "chosen_folder",
    "examples",
    "labelled",
    "labelling_order",
    "listing",
    "near_duplicates",
    "preflight",
    "splits",
]
