"""A run folder: config, status with heartbeat, history, log, checkpoints and the model it left."""

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from cloudcore.errors import RunError
from cloudcore.files import atomic, small_json
from cloudcore.runs import run_schema
from cloudcore.runs.status import ACTIVE, CLAIM_SECONDS, STALE_SECONDS, STATES, Status, is_stale, now


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file, empty where there is none. Raises RunError where it is damaged."""
    return small_json.read_object(path, RunError, "Move that run away.", optional=True)


@dataclass(frozen=True)
class Keeping:
    """What a person noted on a run: another name ("" for the one it was started with), a star, a note."""

    name: str = ""
    star: bool = False
    note: str = ""


@dataclass(frozen=True)
class Run:
    """One training, explained by its folder alone."""

    folder: Path

    @property
    def id(self) -> str:
        """The folder's name: <UTC time>-<task>-<id>."""
        return self.folder.name

    @property
    def name(self) -> str:
        """The name a person gave last, else the id."""
        return str(self.keeping().name or self.config().get("name") or self.id)

    @property
    def model_folder(self) -> Path:
        """Where the model is, once there is one."""
        return self.folder / "model"

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints are."""
        return self.folder / "checkpoints"

    def task(self) -> str:
        """The task's name."""
        return str(self.config().get("task", ""))

    def config(self) -> dict[str, Any]:
        """config.json: task, data, name, start, device, fields (the task's Config), versions."""
        return read_json(self.folder / "config.json")

    def keeping(self) -> Keeping:
        """kept.json: name, star and note as a person left them."""
        found = read_json(self.folder / "kept.json")
        return Keeping(str(found.get("name", "")), bool(found.get("star")), str(found.get("note", "")))

    def keep(self, keeping: Keeping) -> None:
        """Replace kept.json. Raises RunError for a name that is a path or over 60 characters."""
        if len(keeping.name) > 60 or set(keeping.name) & set("/\\\0\n"):
            raise RunError(f"{keeping.name[:60]!r} cannot name a run. Use up to 60 characters, no slashes.")
        atomic.write_json(self.folder / "kept.json", asdict(keeping))

    def status(self) -> Status:
        """status.json, with "lost" where the heartbeat is stale: a process that died says nothing itself.

        Raises RunError where it is damaged or was written by another version.
        """
        known = {item.name for item in fields(Status)}
        told = {key: value for key, value in read_json(self.folder / "status.json").items() if key in known}
        run_schema.status(self.id, told, STATES)
        found = Status(**told)
        if found.state not in ACTIVE:
            return found
        beat, limit = found.heartbeat_at, STALE_SECONDS
        if beat is None:
            beat, limit = found.updated_at or self.config().get("created_at"), CLAIM_SECONDS
        if not is_stale(beat, limit):
            return found
        return replace(found, state="lost", message="The process is gone. Resume goes on from the last checkpoint.")

    def history(self) -> list[dict[str, Any]]:
        """history.jsonl: one row an epoch, in order; a last line cut short by a crash is passed over.

        Raises RunError where it cannot be read or a line before the last is damaged.
        """
        path = self.folder / "history.jsonl"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as problem:
            raise RunError(f"history.jsonl of {self.id} cannot be read ({problem}). Move that run away.") from problem
        return run_schema.history(self.id, text)

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        """Replace history.jsonl atomically."""
        text = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        atomic.write_text(self.folder / "history.jsonl", text)

    def log(self, line: str) -> None:
        """Add a line with its time to log.txt."""
        with (self.folder / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {line}\n")

    def log_tail(self, lines: int = 20) -> list[str]:
        """The last lines of log.txt."""
        path = self.folder / "log.txt"
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:] if path.is_file() else []

    def samples(self) -> list[dict[str, Any]]:
        """The worst and best validation frames of the last epoch: [{path, stem, score, epoch, kind}].

        Raises RunError where the list is damaged.
        """
        listed = run_schema.samples(self.id, read_json(self.folder / "samples" / "samples.json"))
        return [{**row, "path": self.folder / "samples" / row["file"]} for row in listed]

    def request_stop(self) -> None:
        """Ask the run's process to stop; it looks at every batch."""
        (self.folder / "stop").touch()

    def stop_requested(self) -> bool:
        """Whether somebody asked for a stop."""
        return (self.folder / "stop").exists()


def create(root: Path, task: str, data: Path, options: Mapping[str, Any], **more: Any) -> Run:
    """Make a run folder with its config.json, queued. `more` may hold name, start and device."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    folder = root / f"{stamp}-{task}-{secrets.token_hex(3)}"
    config = {"task": task, "data": str(data.absolute()), **more, "options": dict(options), "created_at": now()}
    status = Status(queued_at=now(), updated_at=now(), message="Waiting to start.")
    with atomic.new_folder(folder, place=root.parent) as building:  # a runs folder holds nothing but run folders
        (building / "checkpoints").mkdir()
        atomic.write_json(building / "config.json", config)
        atomic.write_json(building / "status.json", asdict(status))
    return Run(folder)


_TOLD = ("config.json", "status.json", "kept.json", "history.jsonl", "samples/samples.json")
"""What a run is explained from; damage to any of them is damage to the run."""


@dataclass(frozen=True)
class Damaged:
    """A folder that no run can be read from, and why, in a sentence."""

    folder: Path
    problem: str


def list_runs(root: Path) -> list[Run]:
    """Every run below a runs folder that can be read, newest first; damaged() names the others."""
    return [Run(path) for path in _folders(root) if not _problem(path)]


def damaged(root: Path) -> list[Damaged]:
    """Folders below a runs folder that no run can be read from, newest first; one such run spoils no other."""
    return [Damaged(path, problem) for path in _folders(root) if (problem := _problem(path))]


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    found = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return sorted(found, key=lambda path: path.name, reverse=True)


def _problem(folder: Path) -> str:
    """What is wrong with a run, in a sentence, "" for nothing; looked at anew when one of its files changes."""
    marks = []
    for name in _TOLD:
        try:
            told = (folder / name).stat()
            marks.append((told.st_ino, told.st_ctime_ns, told.st_size))
        except OSError:
            marks.append((0, 0, 0))
    return _examined(folder, tuple(marks))


@lru_cache(maxsize=2048)
def _examined(folder: Path, marks: tuple[tuple[int, int, int], ...]) -> str:
    run = Run(folder)
    try:
        if not (folder / "config.json").exists():
            raise RunError(f"{folder.name} has no config.json. Put it back, or move that run away.")
        run_schema.config(run.id, run.config())
        run.status()
        run.keeping()
        run.history()
        run.samples()
    except RunError as problem:
        return str(problem)
    return ""


def find(root: Path, name: str | Path) -> Run:
    """A run by its folder, its id or the name it was given. Raises RunError."""
    for folder in (Path(name), root / name):
        if (folder / "config.json").is_file():
            return Run(folder.absolute())
    for run in list_runs(root):
        if run.name == str(name):
            return run
    raise RunError(f"There is no run {str(name)!r} in {root}. `python -m cloudcore runs list` shows those there are.")


def remove(run: Run) -> Path:
    """Move a run that is not active to the bin beside the runs folder; returns where it lies."""
    if run.status().state in ACTIVE:
        raise RunError(f"{run.name} is still {run.status().state}. Stop it first.")
    return _to_bin(run.folder)


def remove_damaged(found: Damaged) -> Path:
    """Move a damaged run's folder to the bin beside the runs folder; returns where it lies. Raises RunError."""
    return _to_bin(found.folder)


def _to_bin(folder: Path) -> Path:
    kept = folder.parent.parent / "bin" / "runs"
    place = kept / folder.name
    if place.exists():
        place = kept / f"{folder.name}-{secrets.token_hex(3)}"
    try:
        kept.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(str(folder), str(place)))
    except OSError as problem:
        raise RunError(
            f"{folder.name} cannot be moved to the bin: {problem.strerror}. Free space, then try again."
        ) from problem
