"""What is kept of a night, by content: a model's prediction for a frame, a small picture of it, and its finished row.

One SQLite file below the workspace. It is a cache: deleting it loses time, nothing else.
"""

import json
import sqlite3
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.errors import DataError
from cloudcore.files.content_hashes import ContentHashes
from cloudcore.settings import Settings

NAME = "night.sqlite"
_TABLES = """
create table if not exists answers (content text, model text, height integer, width integer, levels blob,
    primary key (content, model));
create table if not exists pictures (content text primary key, height integer, width integer, jpeg blob);
create table if not exists rows (key text primary key, value text);
create table if not exists domes (key text primary key, value text);
"""


class NightCache:
    """Kept results below a workspace's cache folder; use it in a with block, in one thread."""

    def __init__(self, workspace: Path) -> None:
        self.path = workspace / "cache" / NAME
        self._hashes = ContentHashes(Settings(workspace).hashes)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._base = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            self._base.execute("pragma journal_mode=wal")
            self._base.execute("pragma synchronous=normal")
            self._base.executescript(_TABLES)
        except sqlite3.DatabaseError as problem:
            raise DataError(
                f"Kept results cannot be opened ({problem}). Delete {self.path}; only time is lost."
            ) from problem

    def __enter__(self) -> "NightCache":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()
        self._hashes.close()

    def content(self, path: Path) -> str:
        """sha256 of a file, looked up while the file stays as it is. Raises OSError."""
        return self._hashes.of(path)

    def levels(self, content: str, model: str) -> NDArray[np.uint8] | None:
        """A model's probability of cloud in 255ths, uint8 (h, w), on the grid it was kept on; None if not kept."""
        found = self._one("select height, width, levels from answers where content = ? and model = ?", content, model)
        return _unpacked(*found) if found else None

    def keep_levels(self, content: str, model: str, levels: NDArray[np.uint8]) -> None:
        """Keep a model's prediction in 255ths, uint8 (h, w)."""
        packed = zlib.compress(levels.tobytes(), 1)
        self._base.execute(
            "insert or replace into answers values (?, ?, ?, ?, ?)", (content, model, *levels.shape, packed)
        )

    def picture(self, content: str) -> tuple[images.Image, tuple[int, int]] | None:
        """(small picture (h, w, 3), height and width of the frame itself); None if not kept."""
        found = self._one("select jpeg, height, width from pictures where content = ?", content)
        if not found:
            return None
        small = cv2.imdecode(np.frombuffer(found[0], np.uint8), cv2.IMREAD_COLOR_RGB)
        return np.asarray(small, np.uint8), (int(found[1]), int(found[2]))

    def keep_picture(self, content: str, small: images.Image, shape_hw: tuple[int, int]) -> None:
        """Keep a small picture of a frame whose own size is shape_hw."""
        values = (content, *shape_hw, images.encode_jpeg(small, 88))
        self._base.execute("insert or replace into pictures values (?, ?, ?, ?)", values)

    def row(self, key: str) -> dict[str, Any] | None:
        """A finished row by the key of all that went into it."""
        found = self._one("select value from rows where key = ?", key)
        return dict(json.loads(found[0])) if found else None

    def keep_row(self, key: str, value: dict[str, Any]) -> None:
        """Keep a finished row."""
        self._base.execute("insert or replace into rows values (?, ?)", (key, json.dumps(value)))

    def dome(self, key: str) -> list[float] | None:
        """Centre row, centre column and radius that were found for a camera, px; an empty list: none was seen."""
        found = self._one("select value from domes where key = ?", key)
        return list(json.loads(found[0])) if found else None

    def keep_dome(self, key: str, circle: list[float]) -> None:
        """Keep what was found for a camera."""
        self._base.execute("insert or replace into domes values (?, ?)", (key, json.dumps(circle)))

    def _one(self, question: str, *values: Any) -> Any:
        try:
            return self._base.execute(question, values).fetchone()
        except sqlite3.DatabaseError as problem:
            raise DataError(
                f"Kept results cannot be read ({problem}). Delete {self.path}; only time is lost."
            ) from problem


def _unpacked(height: int, width: int, levels: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(zlib.decompress(levels), np.uint8).reshape(height, width)
