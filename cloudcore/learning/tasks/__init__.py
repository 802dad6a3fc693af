"""One file a task, and the list of them."""

from cloudcore.errors import DataError
from cloudcore.learning.task import Task

__all__ = ["find_tasks", "genus", "get_task", "patterns", "radar", "sky"]


def find_tasks() -> list[Task]:
    """Every task of the house. Loads no heavy library.

    >>> [task.name for task in find_tasks()]
    ['sky', 'patterns', 'genus', 'radar']
    """
    from cloudcore.learning.tasks import genus, patterns, radar, sky

    return [sky.TASK, patterns.TASK, genus.TASK, radar.TASK]


def get_task(name: str) -> Task:
    """The task of a name. Raises DataError listing the names there are."""
    tasks = find_tasks()
    for task in tasks:
        if task.name == name:
            return task
    raise DataError(f"There is no task {name!r}. Choose one of {', '.join(task.name for task in tasks)}.")
