"""One file a task; see cloudcore.task."""
