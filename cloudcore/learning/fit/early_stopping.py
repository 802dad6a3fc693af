"""When a run that no longer improves ends by itself, computed from its history rows alone, without torch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Rows = Sequence[Mapping[str, Any]]
SMALLEST_GAIN = 1e-4
"""A validation loss counts as better when it is lower by this share of its size, as in torch's own plateau rule."""


@dataclass(frozen=True)
class Countdown:
    """Epochs left before a run stops early, the loss it must fall below until then, and which loss that is."""

    epochs: int
    below: float
    loss: str


def watched(row: Mapping[str, Any]) -> float:
    """What plateau and early stopping look at: validation loss, without validation the training loss; lower is better.

    A row without either counts as infinitely bad.
    """
    value = row.get("valid_loss")
    value = row.get("train_loss") if value is None else value
    return math.inf if value is None else float(value)


def wanted(best: float) -> float:
    """The value below which a loss counts as better than the best so far."""
    return best - SMALLEST_GAIN * abs(best) if math.isfinite(best) else best


def _lowest(rows: Rows) -> tuple[float, int]:
    """(lowest watched value, how many epochs ago it came); infinite and 0 without rows."""
    best, since = math.inf, 0
    for row in rows:
        value = watched(row)
        if value < wanted(best):
            best, since = value, 0
        else:
            since += 1
    return best, since


def epochs_without_gain(rows: Rows) -> int:
    """How many epochs ago the lowest watched value came; 0 without rows."""
    return _lowest(rows)[1]


def plateaus(rows: Rows, patience: int) -> int:
    """How often a plateau of more than `patience` epochs without a gain was met (torch's ReduceLROnPlateau)."""
    best, bad, found = math.inf, 0, 0
    for row in rows:
        value = watched(row)
        if value < wanted(best):
            best, bad = value, 0
        else:
            bad += 1
        if bad > patience:
            found, bad = found + 1, 0
    return found


def has_stopped(stop_after: int, rows: Rows) -> bool:
    """Whether a run with these rows has ended by early stopping; stop_after 0 never stops."""
    return stop_after > 0 and epochs_without_gain(rows) >= stop_after


def countdown(rows: Rows, stop_after: int) -> Countdown | None:
    """How near a run is to stopping early; None where it never does (stop_after 0) or no epoch is over yet."""
    if stop_after < 1 or not rows:
        return None
    best, since = _lowest(rows)
    loss = "training" if rows[-1].get("valid_loss") is None else "validation"
    return Countdown(max(0, stop_after - since), wanted(best), loss)
