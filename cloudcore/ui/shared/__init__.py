"""What every page needs.

In: the environment's settings and what a person typed; out: the library of frames and labels, loaded predictors, drawn
widgets, words for numbers, and a sentence when a page fails.
"""

__all__ = [
    "author",
    "entry",
    "error_boundary",
    "first_start",
    "library",
    "models",
    "notices",
    "widgets",
    "words",
]
