"""Waiting for something to happen instead of for time to pass."""

import time
from collections.abc import Callable

PATIENCE_S = 120.0
"""Longest wait for anything: machines that run tests are busy."""


def until(
    happened: Callable[[], object], seconds: float = PATIENCE_S, told: Callable[[], object] | None = None
) -> None:
    """Ask again and again until `happened` answers something true.

    Raises AssertionError after `seconds`, with what `told` answers where it is given.
    """
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() >= end:
            raise AssertionError(f"it did not happen within {seconds:g} s" + (f": {told()}" if told else ""))
        time.sleep(0.05)
