"""The promises of the label database, looked at row by row."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import sqlalchemy as sa

from cloudcore.errors import LabelError
from cloudcore.labels import queries
from cloudcore.labels.database import in_words
from cloudcore.labels.names import shown
from cloudcore.labels.schema import CLASSES, DRAFTS, REVISIONS


def broken_promises(engine: sa.Engine) -> list[str]:
    """A sentence for each promise that does not hold, none where all do.

    Every revision must be readable and byte for byte as it was acknowledged, revisions must be gapless from 1, and
    drafts readable. A check that cannot be made is a sentence too.
    """
    checks = (_check_database, _check_revisions, _check_classes, _check_drafts)
    return [sentence for check in checks for sentence in found_by(partial(check, engine))]


def found_by(check: Callable[[], list[str]]) -> list[str]:
    """What a check found, or the one sentence that stopped it."""
    try:
        return check()
    except LabelError as problem:
        return [str(problem)]


def _check_database(engine: sa.Engine) -> list[str]:
    if engine.dialect.name != "sqlite":
        return []
    with in_words("The label database cannot be checked"), engine.connect() as connection:
        answers = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
    return [] if answers == ["ok"] else [f"The label database is damaged: {answer}." for answer in answers]


def _check_revisions(engine: sa.Engine) -> list[str]:
    query = sa.select(REVISIONS).order_by(*REVISIONS.primary_key)
    return queries.check_numbers(_stream(engine, query), queries.revision_problem)


def _check_classes(engine: sa.Engine) -> list[str]:
    query = sa.select(CLASSES).order_by(*CLASSES.primary_key)
    return queries.check_numbers(_stream(engine, query), lambda row: None)


def _check_drafts(engine: sa.Engine) -> list[str]:
    found = []
    for row in _stream(engine, sa.select(DRAFTS)):
        try:
            queries.decoded(row.png, f"the draft of {shown(row.stem)} by {row.author} in {row.label_set}")
        except LabelError as problem:
            found.append(str(problem))
    return found


def _stream(engine: sa.Engine, query: "sa.Select[Any]") -> Iterator["sa.Row[Any]"]:
    with in_words("Labels cannot be read"), engine.connect() as connection:
        yield from connection.execution_options(yield_per=50).execute(query)
