"""Training. In: a task, its options, a data folder. Out: a run folder with a model in it."""

from cloudcore.learning.tasks import find_tasks, get_task

__all__ = [
    "batches",
    "device_queue",
    "ensemble",
    "find_tasks",
    "fit",
    "get_task",
    "hardware",
    "jobs",
    "networks",
    "options",
    "settings",
    "starting_weights",
    "task",
    "tasks",
    "trial",
    "work",
]
