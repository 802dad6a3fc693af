"""One run a device at a time, in the order of their starts."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from cloudcore import runs
from cloudcore.files import locks


@contextlib.contextmanager
def device_turn(run: runs.Run, reporter: runs.Reporter, device: str) -> Iterator[bool]:
    """Wait until no other run holds the device; yields False where a stop was asked for meanwhile."""
    lock = run.folder.parent.parent / f"device-{device}.lock"
    while True:
        ahead = _ahead(run, device)
        with locks.try_hold(lock) if not ahead else contextlib.nullcontext(False) as held:
            if held:
                yield True
                return
        if run.stop_requested():
            yield False
            return
        ahead_words = f"{len(ahead)} before it" if len(ahead) > 1 else "another run uses this device"
        reporter.note(message=f"Queued: {ahead_words}.")
        threading.Event().wait(0.5)


def _ahead(run: runs.Run, device: str) -> list[runs.Run]:
    """Runs of the same device that were started or resumed before this one, so that the queue keeps its order.

    A run without a heartbeat yet counts until it is marked lost.
    """
    mine = run.status().queued_at or ""
    found = []
    for other in runs.list_runs(run.folder.parent):
        status = other.status()
        if other.id == run.id or status.state not in runs.ACTIVE:
            continue
        its_device = "cuda" if has_cuda(other.config()) else "cpu"
        if its_device == device and (status.queued_at or "", other.id) < (mine, run.id):
            found.append(other)
    return found


def has_cuda(run_config: Mapping[str, Any]) -> bool:
    """Whether a run with this config.json takes a CUDA GPU."""
    if run_config.get("device") == "cpu":
        return False
    import torch

    return bool(torch.cuda.is_available())
