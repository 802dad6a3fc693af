"""Files and folders written whole or not at all: under a hidden name, forced to the disk, then renamed.

A reader sees the old content or the new, never a half, whatever ends the writer; of several writers one wins whole. The
hidden names are `.<32 hex digits>.tmp`; nothing of that name stays behind where writing fails.
"""

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def replacing(path: Path, durable: bool = True) -> Iterator[Path]:
    """A hidden path beside `path` to write a file under; after the block that file takes the place of `path`.

    It serves libraries that write files themselves, and streams. durable forces the content to the disk before the
    rename; only what can be made again does without. The folder must be there: one that was moved away meanwhile is not
    made anew. Raises OSError.
    """
    part = _hidden(path.parent)
    try:
        yield part
        if durable:
            _force(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def replace_file(path: Path, data: bytes, durable: bool = True) -> None:
    """Replace a file by these bytes; folders are made. durable is as in `replacing`. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, durable) as part:
        part.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Replace a text file, UTF-8, its line ends as given; no folder is made. Raises OSError."""
    with replacing(path) as part:
        part.write_bytes(text.encode())


def write_json(path: Path, content: Any) -> None:
    """Replace a JSON file, indented; no folder is made. Raises OSError, and ValueError for NaN, which JSON has not."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))


def append(path: Path, text: str) -> None:
    """Add text at the end of a file, on the disk before this returns; folders are made. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def new_folder(folder: Path, place: Path | None = None, over: bool = False, durable: bool = True) -> Iterator[Path]:
    """An empty folder to fill, hidden in `place` (by default beside `folder`); after the block it becomes `folder`.

    place is on the disk of `folder`. over has it take the place of a folder that is there; without it, one that is not
    empty stays, and OSError is raised. durable is as in `replacing`, for every file of it. Where the block raises, all
    that was written goes.
    """
    holder = _hidden(place or folder.parent)
    built = holder / folder.name  # one level down, so that a search for */model.json does not meet it half written
    built.mkdir(parents=True)
    try:
        yield built
        if durable:
            _force_all(built)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()  # an empty one: Windows renames onto none
        if over and folder.exists():
            _exchange(built, folder, holder / f"{folder.name}.old")
        else:
            os.replace(built, folder)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def _hidden(folder: Path) -> Path:
    return folder / f".{uuid.uuid4().hex}.tmp"


def _exchange(built: Path, folder: Path, old: Path) -> None:
    """Rename `folder` to `old` and `built` to `folder`; put the old one back where that fails."""
    os.replace(folder, old)
    try:
        os.replace(built, folder)
    except OSError:
        os.replace(old, folder)
        raise


def _force(path: Path) -> None:
    """Wait until a file's content is on the disk."""
    # Windows forces only what is open for writing; elsewhere a file that may only be read is forced too
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _force_all(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(PermissionError):  # a link to somebody else's file, which was not written here
                _force(Path(parent) / name)
