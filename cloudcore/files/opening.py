"""Files opened for reading: regular ones of a size that is expected, and known by their content."""

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cloudcore.errors import CloudcoreError
from cloudcore.files.names import printable

MAX_BYTES = 50 * 2**20
"""Largest image file or table read: 50 MB."""


@contextlib.contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """A regular file opened for reading. Raises OSError for any other: no pipe is waited for, no device is woken."""
    _check_kind(path.stat().st_mode, path)
    with open(path, "rb", opener=_without_waiting) as file:
        _check_kind(os.fstat(file.fileno()).st_mode, path)  # what stands there now, should it have been exchanged
        yield file


@contextlib.contextmanager
def opened(
    path: Path, error: type[CloudcoreError], kind: str = "an image file", max_bytes: int = MAX_BYTES
) -> Iterator[BinaryIO]:
    """A regular file of 1 to max_bytes bytes, opened for reading; kind names in the sentence what is wanted.

    Raises `error`, in a sentence, where it is missing, of another kind, empty or too large, and where reading fails.
    """
    name = printable(path.name)
    try:
        status = path.stat()
    except (OSError, ValueError) as problem:
        raise error(f"{name} cannot be opened: check that the file exists and may be read") from problem
    if not stat.S_ISREG(status.st_mode):
        raise error(f"{name} is no file: choose {kind}")
    check_size(status.st_size, name, error, max_bytes)
    try:
        with open_regular(path) as file:
            yield file
    except OSError as problem:
        raise error(f"{name} cannot be read ({problem.strerror}): check the file") from problem


def read_file(
    path: Path, error: type[CloudcoreError], kind: str = "an image file", max_bytes: int = MAX_BYTES
) -> bytes:
    """The content of a regular file of 1 to max_bytes bytes. Raises `error` as `opened` does."""
    with opened(path, error, kind, max_bytes) as file:
        content = file.read(max_bytes + 1)
    check_size(len(content), printable(path.name), error, max_bytes)  # it may have been written to since
    return content


def check_size(size: int, name: str, error: type[CloudcoreError], max_bytes: int = MAX_BYTES) -> None:
    """Raises `error` in a sentence about `name` where size, in bytes, is 0 or over max_bytes."""
    if size == 0:
        raise error(f"{name} is empty (0 bytes): copy or export it again")
    if size > max_bytes:
        raise error(f"{name} has {size / 2**20:.0f} MB, at most {max_bytes // 2**20} MB are read: save it smaller")


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file, read piece by piece. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # Windows has no pipes among its files


def _check_kind(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
