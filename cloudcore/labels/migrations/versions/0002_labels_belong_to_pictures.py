"""Revisions, drafts and flags carry the picture they belong to; "" for all that was saved before."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# The tables as they are from this step on, written out: a later change of the program's own tables changes none here.
_TABLES = sa.MetaData()


def _column(name: str, kind: Any = sa.Text, key: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, kind, primary_key=key, nullable=False, autoincrement=False)


def _key(*names: str) -> "list[sa.Column[Any]]":
    return [_column(name, key=True) for name in ("label_set", "stem", *names)]


_REBUILT = (
    sa.Table(
        "revisions",
        _TABLES,
        *_key("picture"),
        _column("revision", sa.Integer, key=True),
        *(_column(name) for name in ("operation_id", "author", "note")),
        _column("saved_at", sa.DateTime),
        *(_column(name, sa.Integer) for name in ("height", "width", "cloud_px", "defined_px")),
        _column("sha256"),
        _column("png", sa.LargeBinary),
        sa.UniqueConstraint("label_set", "stem", "operation_id"),
    ),
    sa.Table(
        "drafts",
        _TABLES,
        *_key("picture", "author"),
        _column("base_revision", sa.Integer),
        _column("saved_at", sa.DateTime),
        _column("png", sa.LargeBinary),
    ),
    sa.Table("flags", _TABLES, *_key("picture"), _column("flag"), _column("author"), _column("saved_at", sa.DateTime)),
)
sa.Table(
    "classes",
    _TABLES,
    *_key(),
    _column("revision", sa.Integer, key=True),
    *(_column(name) for name in ("operation_id", "name", "author")),
    _column("saved_at", sa.DateTime),
    sa.UniqueConstraint("label_set", "stem", "operation_id"),
)
sa.Table(
    "pictures",
    _TABLES,
    _column("picture", key=True),
    _column("height", sa.Integer),
    _column("width", sa.Integer),
    _column("print", sa.LargeBinary),
)


def upgrade() -> None:
    """Make the three tables anew with the column, copy their rows, and make the tables that are missing.

    An old table goes only after its copy: all of it is one transaction on SQLite and PostgreSQL.
    """
    connection = op.get_bind()
    inspector = sa.inspect(connection)
    for table in _REBUILT:
        if not inspector.has_table(table.name):
            continue
        columns = ", ".join(column["name"] for column in inspector.get_columns(table.name))
        if connection.dialect.name == "postgresql":
            _free_names_of_keys(inspector, table.name)
        op.rename_table(table.name, f"{table.name}_before")
        table.create(connection)
        op.execute(f"INSERT INTO {table.name} (picture, {columns}) SELECT '', {columns} FROM {table.name}_before")
        op.drop_table(f"{table.name}_before")
    _TABLES.create_all(connection)


def _free_names_of_keys(inspector: sa.Inspector, name: str) -> None:
    """Drop the keys of an old table on PostgreSQL: the new table's keys get the same names."""
    found = [
        inspector.get_pk_constraint(name)["name"],
        *(key["name"] for key in inspector.get_unique_constraints(name)),
    ]
    for constraint in found:
        if constraint:
            op.drop_constraint(constraint, name)
