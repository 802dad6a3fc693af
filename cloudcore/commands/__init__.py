"""python -m cloudcore: the same functions as the pages, from the terminal.

Words and flags in; text and exit codes out.
"""

__all__ = ["data", "labels", "main", "night", "predict", "runs", "scores", "terminal", "train"]
