"""A registry of cases and the stopwatch: ours and the other way run in turn, the medians are compared."""

import importlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAMES = (
    "sweep",
    "rle",
    "cloudnet",
    "labels",
    "paint",
    "lens",
    "predict",
    "patterns",
    "train_page",
    "training",
    "gpu",
)
BUDGET = 120.0
Way = Callable[[], Any]


class Seconds(float):
    """What a way returns that timed itself (in a browser, in another process): its duration in seconds."""


@dataclass(frozen=True)
class Case:
    """One comparison: make() prepares the data and returns (ours, other), two functions without arguments.

    goal is the wanted ratio of medians, other / ours. repeats counts the timed rounds; other_repeats (0: the same)
    spares a way that takes minutes. With other_repeats of 1 the other way is not warmed up either.
    """

    name: str
    make: Callable[[], tuple[Way, Way]]
    goal: float
    repeats: int = 7
    other_repeats: int = 0


@dataclass(frozen=True)
class Result:
    """Medians in seconds, their ratio other / ours, the wanted ratio and the thread counts it ran under."""

    name: str
    ours: float
    other: float
    ratio: float
    goal: float
    threads: dict[str, int | None]

    def line(self) -> str:
        """One row of the printed table."""
        verdict = "met" if self.ratio >= self.goal else "MISSED"
        times = f"{_readable(self.ours):>10} {_readable(self.other):>10}"
        return f"{self.name:<34} {times} {self.ratio:>9.1f} {self.goal:>8g}  {verdict}"


HEADER = f"{'case':<34} {'ours':>10} {'other':>10} {'ratio':>9} {'goal':>8}"


def _readable(seconds: float) -> str:
    """Seconds as s, ms or us with three figures."""
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if seconds * factor >= 1.0:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def find(folder: Path | None = None) -> dict[str, str]:
    """Module names of the benchmarks that exist, in the order of NAMES: {"sweep": "benchmarks.sweep", ...}."""
    here = folder or Path(__file__).parent
    return {name: f"benchmarks.{name}" for name in NAMES if (here / f"{name}.py").is_file()}


def cases_of(module: str) -> list[Case]:
    """The cases of a benchmark file, imported here by its dotted name."""
    return list[Case](importlib.import_module(module).CASES)


def plan(names: Sequence[str]) -> dict[str, list[str]]:
    """What to run: dotted module name -> names of its cases, empty for all of them; every file when nothing is named.

    Raises LookupError for a name that is neither a file nor a case. Files are imported only to find a case by its name.
    """
    files = find()
    if set(names) <= set(files):
        return {module: [] for name, module in files.items() if not names or name in names}
    cases = {name: [case.name for case in cases_of(module)] for name, module in files.items()}
    known = {*cases, *(case for members in cases.values() for case in members)}
    if strangers := [name for name in names if name not in known]:
        raise LookupError(f"Got the name {strangers[0]!r}; wanted one of: {', '.join(sorted(known))}.")
    wanted = {name: [] if name in names else [case for case in cases[name] if case in names] for name in files}
    return {files[name]: chosen for name, chosen in wanted.items() if chosen or name in names}


def set_threads(count: int) -> None:
    """Give OpenMP and numba (where not yet loaded), OpenCV, numba and torch (where loaded) the same thread count."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[variable] = str(count)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(count)
    if "numba" in sys.modules:
        numba = sys.modules["numba"]
        numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)


def threads() -> dict[str, int | None]:
    """Thread counts in force; None for a library that this process has not loaded."""
    loaded, omp = sys.modules, os.environ.get("OMP_NUM_THREADS", "")
    return {
        "omp": int(omp) if omp.isdigit() else None,
        "torch": loaded["torch"].get_num_threads() if "torch" in loaded else None,
        "cv2": loaded["cv2"].getNumThreads() if "cv2" in loaded else None,
        "numba": loaded["numba"].get_num_threads() if "numba" in loaded else None,
    }


def stopwatch(way: Way) -> float:
    """Seconds that one call of a way takes, or what it says where it returns Seconds."""
    start = time.perf_counter()
    answer = way()
    elapsed = time.perf_counter() - start
    return float(answer) if isinstance(answer, Seconds) else elapsed


def measure(case: Case, count: int) -> Result:
    """Run both ways of a case in turn under count threads, the order swapped every round.

    Both are called once beforehand, to compile and to warm the caches. A case stops after BUDGET seconds, but never
    before one full round.
    """
    set_threads(count)
    ours, other = case.make()
    other_rounds = case.other_repeats or case.repeats
    ours()
    if other_rounds > 1:
        other()
    set_threads(count)  # again: a library loaded only now may have started with a count of its own
    times: dict[Way, list[float]] = {ours: [], other: []}
    begun = time.perf_counter()
    for round_index in range(max(case.repeats, other_rounds)):
        turn = [way for way, rounds in ((ours, case.repeats), (other, other_rounds)) if round_index < rounds]
        for way in turn[:: 1 if round_index % 2 == 0 else -1]:
            times[way].append(stopwatch(way))
        if time.perf_counter() - begun > BUDGET:
            break
    mine, theirs = statistics.median(times[ours]), statistics.median(times[other])
    return Result(case.name, mine, theirs, theirs / max(mine, 1e-12), case.goal, threads())
