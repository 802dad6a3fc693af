"""The sha256 of files, computed once for each state of a file and kept on disk."""

import contextlib
import sqlite3
import threading
from pathlib import Path

from cloudcore.files.opening import sha256_of

_TABLE = """
create table if not exists hashes
    (path text primary key, size integer, changed integer, moved integer, node integer, sha256 text)
"""
Mark = tuple[int, int, int, int]


class ContentHashes:
    """Hashes of files by path, size, times of change and inode: a folder need not be read again to know its pictures.

    One SQLite file holds them. It is a cache: where it cannot be used, hashes are computed anew, and deleting it
    loses time alone. Any number of threads and processes may use one file.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._known: dict[str, tuple[Mark, str]] = {}
        self._base: sqlite3.Connection | None = None
        with contextlib.suppress(OSError, sqlite3.Error):
            path.parent.mkdir(parents=True, exist_ok=True)
            base = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
            base.execute("pragma journal_mode=wal")
            base.execute("pragma synchronous=off")
            base.execute(_TABLE)
            self._base = base

    def of(self, path: Path) -> str:
        """Hex sha256 of a file's bytes. Raises OSError where it cannot be read."""
        status = path.stat()
        name = str(path.absolute())
        mark = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        with self._lock:
            known = self._known.get(name) or self._kept(name)
        if known is None or known[0] != mark:
            known = mark, sha256_of(path)
            with self._lock:
                self._keep(name, *known)
        self._known[name] = known
        return known[1]

    def close(self) -> None:
        """Give the file back."""
        if self._base is not None:
            self._base.close()

    def _kept(self, name: str) -> tuple[Mark, str] | None:
        if self._base is None:
            return None
        with contextlib.suppress(sqlite3.Error):
            found = self._base.execute("select size, changed, moved, node, sha256 from hashes where path = ?", (name,))
            if row := found.fetchone():
                return (row[0], row[1], row[2], row[3]), str(row[4])
        return None

    def _keep(self, name: str, mark: Mark, sha256: str) -> None:
        if self._base is not None:
            with contextlib.suppress(sqlite3.Error, OverflowError):
                values = (name, *mark, sha256)
                self._base.execute("insert or replace into hashes values (?, ?, ?, ?, ?, ?)", values)
