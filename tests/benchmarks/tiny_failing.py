"""A benchmark whose second case fails, as one does whose browser is missing."""

from benchmarks.harness import Case, Way


def _sound() -> tuple[Way, Way]:
    return lambda: None, lambda: None


def _failing() -> tuple[Way, Way]:
    raise RuntimeError("no browser here")


CASES = [Case("sound", _sound, goal=1.0, repeats=1), Case("failing", _failing, goal=1.0, repeats=1)]
