"""Locks between processes and threads, each a file; a lock is free again when its process ends, however it ends."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout


@contextlib.contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock of a file, waiting for whoever has it; folders are made. Raises OSError."""
    with _lock(path):
        yield


@contextlib.contextmanager
def try_hold(path: Path) -> Iterator[bool]:
    """Hold the lock of a file where it is free: True, else False at once; folders are made. Raises OSError."""
    lock = _lock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        held = False
    else:
        held = True
    try:
        yield held
    finally:
        if held:
            lock.release()


def _lock(path: Path) -> FileLock:
    path.parent.mkdir(parents=True, exist_ok=True)
    # without the fallback, which takes a file for a lock by being there: it would outlive a process that is killed
    return FileLock(path, fallback_to_soft=False)
