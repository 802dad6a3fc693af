"""Where a run stands, and whether its process still beats."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HEARTBEAT_SECONDS = 2.0
STALE_SECONDS = 10.0
CLAIM_SECONDS = 60.0
ACTIVE = ("queued", "running")
STATES = (*ACTIVE, "done", "failed", "stopped", "lost")


@dataclass(frozen=True)
class Status:
    """Where a run stands. loss and metric are those of the last epoch, NaN-free; times are ISO 8601 in UTC.

    memory_mib is the most its process has held so far, gpu_memory_mib the most it has held on a GPU.
    """

    state: str = "queued"
    epoch: int = 0
    epochs: int = 0
    batch: int = 0
    batches: int = 0
    loss: float | None = None
    metric: float | None = None
    metric_name: str = ""
    learning_rate: float | None = None
    images_per_second: float | None = None
    eta_seconds: float | None = None
    message: str = ""
    error: str = ""
    device: str = ""
    memory_mib: int | None = None
    gpu_memory_mib: int | None = None
    queued_at: str | None = None
    started_at: str | None = None
    updated_at: str | None = None
    heartbeat_at: str | None = None


def now() -> str:
    """The present in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat()


def is_stale(beat: str | None, limit: float = STALE_SECONDS) -> bool:
    """Whether a heartbeat (ISO 8601, UTC) is older than `limit` seconds, or was never heard."""
    return beat is None or datetime.now(UTC) - datetime.fromisoformat(beat) >= timedelta(seconds=limit)
