"""A run folder explains itself. In: a runs folder; out: runs with config, status, history, log, and what made them."""

from cloudcore.runs.folder import (
    Damaged,
    Keeping,
    Run,
    create,
    damaged,
    find,
    list_runs,
    read_json,
    remove,
    remove_damaged,
)
from cloudcore.runs.reporter import Onlooker, Reporter, peak_memory_mib, wait_for_silence
from cloudcore.runs.status import ACTIVE, CLAIM_SECONDS, HEARTBEAT_SECONDS, STALE_SECONDS, STATES, Status, is_stale, now

__all__ = [
    "ACTIVE",
    "CLAIM_SECONDS",
    "Damaged",
    "HEARTBEAT_SECONDS",
    "Keeping",
    "Onlooker",
    "Reporter",
    "Run",
    "STALE_SECONDS",
    "STATES",
    "Status",
    "charts",
    "create",
    "damaged",
    "find",
    "folder",
    "is_stale",
    "list_runs",
    "now",
    "peak_memory_mib",
    "provenance",
    "read_json",
    "remove",
    "remove_damaged",
    "reporter",
    "run_schema",
    "wait_for_silence",
]
