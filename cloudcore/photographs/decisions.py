"""What a person decided about photographs to learn from: bin, move, keep; each kept in a file and undone at will."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cloudcore import settings as environment
from cloudcore.errors import DataError
from cloudcore.files import atomic
from cloudcore.photographs.folders import Photo
from cloudcore.settings import Settings

KEEP, BIN, MOVE = "keep", "bin", "move"


@dataclass(frozen=True)
class Decision:
    """One decision about the photograph `stem` of a folder; to is the class it moves to, empty otherwise."""

    stem: str
    what: str
    to: str = ""
    at: str = ""


def file_for(folder: Path, settings: Settings | None = None) -> Path:
    """The file below the workspace in which the decisions about a data folder stand, one JSON object a line."""
    place = settings or environment.load()
    number = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:12]
    return place.workspace / "decisions" / f"{folder.absolute().name}-{number}.jsonl"


def read(folder: Path, settings: Settings | None = None) -> list[Decision]:
    """Every decision ever taken about a folder and not undone, oldest first. Raises DataError for a damaged file."""
    path = file_for(folder, settings)
    if not path.is_file():
        return []
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return [Decision(str(r["stem"]), str(r["what"]), str(r.get("to", "")), str(r.get("at", ""))) for r in rows]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataError(f"{path} cannot be read ({problem}). Move it away to start without decisions.") from problem


def standing(folder: Path, settings: Settings | None = None) -> dict[str, Decision]:
    """The last decision about each photograph."""
    return {decision.stem: decision for decision in read(folder, settings)}


def decide(folder: Path, stem: str, what: str, to: str = "", settings: Settings | None = None) -> Decision:
    """Keep, bin or move a photograph: written to disk before this returns. The photograph's file stays where it is."""
    if what not in (KEEP, BIN, MOVE) or bool(to) != (what == MOVE):
        raise DataError(f"A decision is keep, bin, or move with a class; got {what!r} to {to!r}. Choose one.")
    decision = Decision(stem, what, to, datetime.now(UTC).isoformat())
    atomic.append(file_for(folder, settings), json.dumps(vars(decision)) + "\n")
    return decision


def undo(folder: Path, stem: str | None = None, settings: Settings | None = None) -> Decision | None:
    """Take back the newest decision, of one photograph or of all; None where there is none."""
    decisions = read(folder, settings)
    found = next((d for d in reversed(decisions) if stem is None or d.stem == stem), None)
    if found is None:
        return None
    number = len(decisions) - 1 - decisions[::-1].index(found)
    rows = [json.dumps(vars(d)) + "\n" for i, d in enumerate(decisions) if i != number]
    atomic.write_text(file_for(folder, settings), "".join(rows))
    return found


def apply_to(folder: Path, settings: Settings | None = None) -> Callable[[list[Photo]], list[Photo]]:
    """A function that drops binned photographs and gives moved ones their new class, for folders.read_folder."""
    decided = standing(folder, settings)

    def applied(photos: list[Photo]) -> list[Photo]:
        labels = {photo.path.relative_to(folder).parts[0]: photo.label for photo in photos}
        kept = []
        for photo in photos:
            decision = decided.get(photo.stem)
            if decision is None or decision.what == KEEP:
                kept.append(photo)
            elif decision.what == MOVE and decision.to in labels:
                kept.append(replace(photo, label=labels[decision.to]))
        return kept

    return applied
