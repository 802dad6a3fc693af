"""The Train page.

In: a data folder, a task's settings, a model to start from; out: runs that start, stop and go on, their curves, the
same images answered by several of them, models with a name.
"""

__all__ = [
    "class_form",
    "data",
    "form",
    "new_run",
    "notes",
    "pattern_form",
    "progress",
    "same_images",
    "table",
    "trial_form",
]
