"""The tables of the label database, and the way from each older form of them to this one."""

import re
import threading
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cloudcore.errors import LabelError

VERSION = "0002"
"""The form of the tables below; `migrations/versions` holds a file for each."""
_TABLES_LOCK = 7_302_661
_MIGRATIONS = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = threading.Lock()


class _Text(sa.types.TypeDecorator[str]):
    """Text that may hold a NUL or a byte that is no UTF-8 (as file names do): no database takes these as they are."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else re.sub("[%\0\ud800-\udfff]", lambda found: f"%{ord(found[0]):04x}", value)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else re.sub("%([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), value)


def _column(name: str, kind: type[sa.types.TypeEngine[Any]] = _Text, key: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, kind, primary_key=key, nullable=False, autoincrement=False)


METADATA = sa.MetaData()
# The pixels stand last: SQLite then finds the other columns of a head without reading them.
REVISIONS = sa.Table(
    "revisions",
    METADATA,
    _column("label_set", key=True),
    _column("stem", key=True),
    _column("picture", key=True),
    _column("revision", sa.Integer, key=True),
    _column("operation_id"),
    _column("author"),
    _column("note"),
    _column("saved_at", sa.DateTime),
    _column("height", sa.Integer),
    _column("width", sa.Integer),
    _column("cloud_px", sa.Integer),
    _column("defined_px", sa.Integer),
    _column("sha256"),
    _column("png", sa.LargeBinary),
    sa.UniqueConstraint("label_set", "stem", "operation_id"),
)
DRAFTS = sa.Table(
    "drafts",
    METADATA,
    _column("label_set", key=True),
    _column("stem", key=True),
    _column("picture", key=True),
    _column("author", key=True),
    _column("base_revision", sa.Integer),
    _column("saved_at", sa.DateTime),
    _column("png", sa.LargeBinary),
)
FLAGS = sa.Table(
    "flags",
    METADATA,
    _column("label_set", key=True),
    _column("stem", key=True),
    _column("picture", key=True),
    _column("flag"),
    _column("author"),
    _column("saved_at", sa.DateTime),
)
CLASSES = sa.Table(
    "classes",
    METADATA,
    _column("label_set", key=True),
    _column("stem", key=True),
    _column("revision", sa.Integer, key=True),
    _column("operation_id"),
    _column("name"),
    _column("author"),
    _column("saved_at", sa.DateTime),
    sa.UniqueConstraint("label_set", "stem", "operation_id"),
)
PICTURES = sa.Table(
    "pictures",
    METADATA,
    _column("picture", key=True),
    _column("height", sa.Integer),
    _column("width", sa.Integer),
    _column("print", sa.LargeBinary),
)
"""How a labelled picture looks: its size, and 16 x 16 RGB bytes of it, by which a copy saved anew is recognised."""


def prepare(reading: sa.Engine, writing: sa.Engine) -> None:
    """Create the tables of a new database, or bring those of an older version to this one, in one transaction.

    Two processes that open it at once do so one after the other. Raises LabelError for a database of a newer version,
    and for an SQLite file that another program made.
    """
    with reading.connect() as connection:
        if _version(connection) == VERSION:
            return
    with _ONE_AT_A_TIME, writing.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TABLES_LOCK)))
        _upgrade(connection)


def _version(connection: sa.Connection) -> str | None:
    """The version a database states, None where it states none."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: sa.Connection) -> None:
    found = _version(connection)
    if found == VERSION:
        return
    present = set(sa.inspect(connection).get_table_names())
    known = sorted(path.name.split("_")[0] for path in (_MIGRATIONS / "versions").glob("*.py"))
    if found is not None and found not in known:
        raise LabelError(
            f"The label database is of version {found}, this program knows up to {VERSION}. Update the program."
        )
    if not present & set(METADATA.tables):
        if present and connection.dialect.name == "sqlite":
            raise LabelError(
                f"The label database holds tables of another program ({', '.join(sorted(present)[:3])}). "
                "Choose another folder."
            )
        METADATA.create_all(connection)
        _alembic(connection, "stamp")
        return
    _alembic(connection, "upgrade")


def _alembic(connection: sa.Connection, command: str) -> None:
    """Run an Alembic command up to VERSION on a connection that is within a transaction."""
    import alembic.command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    getattr(alembic.command, command)(config, VERSION)
