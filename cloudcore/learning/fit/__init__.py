"""The loop: a task, its data and a run in; the best network out."""

__all__ = [
    "callbacks",
    "checkpoints",
    "distributed",
    "early_stopping",
    "loop",
    "mask_losses",
    "rate_finder",
    "schedule",
    "tensorboard",
]
