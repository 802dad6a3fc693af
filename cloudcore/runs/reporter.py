"""The run's own process tells its folder how it goes."""

import sys
import threading
from dataclasses import asdict, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from cloudcore.errors import RunError
from cloudcore.files import atomic
from cloudcore.runs.folder import Run, read_json
from cloudcore.runs.status import ACTIVE, HEARTBEAT_SECONDS, STALE_SECONDS, Status, now


def peak_memory_mib() -> int | None:
    """The most memory this process has held so far, MiB; None where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)  # bytes on macOS, KiB elsewhere


class Reporter:
    """The run's own process: it alone writes status.json, and beats every two seconds from a thread.

    Use as a context manager; `tell(state=..., epoch=...)` changes fields and writes at once.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        before = run.status()
        waiting = before.queued_at if before.state == "queued" else None
        self.status = Status(queued_at=waiting or now(), started_at=before.started_at or now(), message="Loading.")
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "Reporter":
        (self.run.folder / "stop").unlink(missing_ok=True)
        self.tell()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if kind is not None and self.status.state in ACTIVE:
            self.tell(state="failed", error=str(error) or kind.__name__, message="")

    def tell(self, **changes: Any) -> None:
        """Change fields of the status and write it with a fresh heartbeat."""
        with self._lock:
            self.status = replace(self.status, **changes, updated_at=now(), heartbeat_at=now())
            atomic.write_json(self.run.folder / "status.json", asdict(self.status))

    def log(self, line: str) -> None:
        """Add a line to the run's log."""
        self.run.log(line)

    def note(self, **changes: Any) -> None:
        """Change fields; the next heartbeat writes them."""
        with self._lock:
            self.status = replace(self.status, **changes, updated_at=now())

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS):
            try:
                self.note(memory_mib=peak_memory_mib())
                self.tell()
            except OSError as problem:
                # A full disk must not end the heartbeat: the next one may fit again.
                print(f"heartbeat not written: {problem}")


class Onlooker(Reporter):
    """What the other processes of a shared training have in its place: it knows the run and writes nothing."""

    def __enter__(self) -> "Onlooker":
        return self

    def __exit__(self, *told: object) -> None:
        return

    def tell(self, **changes: Any) -> None:
        """Change fields, for this process alone."""
        self.note(**changes)

    def log(self, line: str) -> None:
        """Nothing: the first process says it."""


def wait_for_silence(run: Run) -> None:
    """Wait until no other process beats for this run (at most 10 s). Raises RunError if one goes on."""
    other = read_json(run.folder / "status.json")
    beat = other.get("heartbeat_at")
    if other.get("state") not in ACTIVE or not beat:
        return
    remaining = STALE_SECONDS - (datetime.now(UTC) - datetime.fromisoformat(beat)).total_seconds()
    if remaining > 0:
        threading.Event().wait(remaining + 0.1)
        if run.status().state in ACTIVE:
            raise RunError(f"{run.name} is running in another process. Stop it first, or watch it on Train.")
