"""Whether what stands in a run's folder can be read: each check raises RunError in a sentence, or says nothing."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from cloudcore.errors import RunError

_NUMBER = (int, float, type(None))
_TYPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("epoch", "epochs", "batch", "batches"), (int,)),
    **dict.fromkeys(("loss", "metric", "learning_rate", "images_per_second", "eta_seconds"), _NUMBER),
    **dict.fromkeys(("state", "metric_name", "message", "error", "device"), (str,)),
    **dict.fromkeys(("queued_at", "started_at", "updated_at", "heartbeat_at"), (str, type(None))),
    **dict.fromkeys(("memory_mib", "gpu_memory_mib"), (int, type(None))),
}
_PLOTTED = ("train_loss", "valid_loss", "learning_rate")
_SAMPLE = {"file", "stem", "score", "epoch", "kind"}


def config(name: str, told: Mapping[str, Any]) -> None:
    """config.json of the run called name holds what a run is told by. Raises RunError."""
    for key, kind in (("task", str), ("data", str), ("options", dict), ("created_at", str)):
        if not isinstance(told.get(key), kind) or (key == "created_at" and not _is_time(told[key])):
            raise RunError(f"config.json of {name} has no {key} that can be read. Move that run away.")


def status(name: str, told: Mapping[str, Any], states: Collection[str]) -> None:
    """Known fields of status.json are of the types this version writes, and the state is one of `states`.

    Raises RunError.
    """
    for key, value in told.items():
        wrong = not isinstance(value, _TYPES.get(key, (object,))) or (key == "state" and value not in states)
        if wrong or (key.endswith("_at") and value is not None and not _is_time(value)):
            raise RunError(f"status.json of {name} says {key} {value!r}, unknown to this version. Move that run away.")


def history(name: str, text: str) -> list[dict[str, Any]]:
    """Rows of history.jsonl, a last line cut short by a crash passed over. Raises RunError for any other damage."""
    lines, rows = text.splitlines(), []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError:
            if number == len(lines):
                break
            row = None
        if not isinstance(row, dict) or not isinstance(row.get("epoch"), int) or not _is_plotted(row):
            raise RunError(f"Line {number} of history.jsonl of {name} is damaged. Move that run away.")
        rows.append(row)
    return rows


def samples(name: str, told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of samples.json, empty where there is none. Raises RunError."""
    rows = told.get("samples", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.keys() >= _SAMPLE for row in rows):
        raise RunError(f"samples.json of {name} is damaged. Move that run away.")
    if not all(isinstance(row["file"], str) and isinstance(row["score"], _NUMBER) for row in rows):
        raise RunError(f"samples.json of {name} is damaged. Move that run away.")
    return rows


def _is_plotted(row: Mapping[str, Any]) -> bool:
    return all(isinstance(row.get(key), _NUMBER) for key in _PLOTTED)


def _is_time(text: Any) -> bool:
    """Whether a text is a time with its zone, ISO 8601."""
    try:
        return datetime.fromisoformat(str(text)).tzinfo is not None
    except ValueError:
        return False
