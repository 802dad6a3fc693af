"""The label database: an engine whose commits reach the disk, and its refusals in words."""

import os
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from cloudcore.errors import LabelError

WAIT_SECONDS = 60.0


def connect(url: str | sa.URL) -> sa.Engine:
    """An engine whose writers take their lock at once and whose commits reach the disk.

    Of its execution options, writes=True makes a transaction on SQLite take the write lock at its beginning, waiting
    WAIT_SECONDS for it. Raises LabelError for an address nobody can use.
    """
    try:
        address = sa.make_url(url)
        if address.get_backend_name() != "sqlite":
            engine = sa.create_engine(address, pool_pre_ping=True, pool_timeout=WAIT_SECONDS)
        elif address.database in (None, "", ":memory:"):
            raise LabelError(f"The database {address} lives in memory and would be lost. Name a file.")
        else:
            arguments = {"timeout": WAIT_SECONDS, "check_same_thread": False}
            engine = sa.create_engine(address, connect_args=arguments, pool_timeout=WAIT_SECONDS)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
    except (sa.exc.ArgumentError, ModuleNotFoundError) as problem:
        raise LabelError(
            f"The database address is not understood ({problem}). Write postgresql://user@host/name, or leave it out."
        ) from problem
    if hasattr(os, "register_at_fork"):
        # A connection must not be used from two processes: a forked child opens its own.
        ours = weakref.ref(engine)
        os.register_at_fork(after_in_child=lambda: ours() and ours().dispose(close=False))  # type: ignore[union-attr]
    return engine


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {int(WAIT_SECONDS * 1000)}")
    # Turning to WAL does not wait by itself when another process is opening the same new database.
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except connection.OperationalError as problem:
            if "locked" not in str(problem) or time.monotonic() > until:
                raise
            time.sleep(0.02)
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


_REASONS = (
    (("disk is full", "no space left", "quota exceeded"), "disk full", "free space"),
    (("is locked",), f"another program kept the label database locked for {WAIT_SECONDS:.0f} s", "close it"),
    (
        ("readonly", "read-only", "permission denied", "unable to open"),
        "the label folder cannot be written",
        "allow writing to it or choose another",
    ),
    (("file exists", "not a directory"), "a file stands where the label folder should be", "choose another folder"),
    (("not a database", "malformed"), "the label database is damaged", "restore it from a copy"),
    (("timeout", "connection"), "the label database does not answer", "look whether its server runs"),
)


@contextmanager
def in_words(action: str) -> Iterator[None]:
    """Turn what the disk or the database refuses into a LabelError: what was not done, why, what to do."""
    try:
        yield
    except (OSError, sa.exc.DBAPIError, sa.exc.TimeoutError) as problem:
        said = str(getattr(problem, "orig", None) or problem)
        fitting = (row[1:] for row in _REASONS if any(sign in said.lower() for sign in row[0]))
        reason, remedy = next(fitting, (" ".join(said.split()), "correct it"))
        kept = "Your draft is kept; " if action == "Not saved" else "To go on, "
        raise LabelError(f"{action}: {reason}. {kept}{remedy}, {_again(action)}.") from problem


def _again(action: str) -> str:
    return "save again" if action == "Not saved" else "then try again"
