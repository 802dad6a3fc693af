"""The Compare page.

In: a model, its rival, frames with truth, the sliders; out: error maps and scores of a frame and of the set, and a new
default threshold and smallest size in model.json.
"""

__all__ = [
    "counting",
    "curves",
    "known_counts",
    "pattern_scores",
    "patterns",
    "predictions",
    "scores",
    "selection",
    "strip",
    "viewer",
]
