"""A label store on SQLite and, where its programs are found, on a PostgreSQL server started for the tests."""

import glob
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from cloudcore.labels import LabelStore


def _postgres_programs() -> dict[str, str] | None:
    folders = os.pathsep.join([os.environ.get("PATH", ""), *sorted(glob.glob("/usr/lib/postgresql/*/bin"))[::-1]])
    found = {name: shutil.which(name, path=folders) for name in ("initdb", "pg_ctl")}
    return {name: path for name, path in found.items() if path} if all(found.values()) else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server started for these tests, %s standing for the database."""
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("no initdb and pg_ctl found: install the package postgresql to test the shared database")
    folder = Path(tempfile.mkdtemp(prefix="cloudcore-pg-"))
    as_other: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "nobody")
        as_other = {"user": "nobody", "group": None, "extra_groups": []}
    quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder, **as_other}
    init = [programs["initdb"], "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    subprocess.run([*init, "--locale=C.UTF-8", "--no-sync"], **quiet)
    control = [programs["pg_ctl"], "-D", str(folder / "data"), "-w", "-l", str(folder / "log")]
    subprocess.run([*control, "-o", f"-c listen_addresses='' -c fsync=off -k {folder}", "start"], **quiet)
    yield f"postgresql://postgres@/%s?host={folder}"
    subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    """None for SQLite under the root, else the address of a new PostgreSQL database."""
    if request.param == "sqlite":
        return None
    address = str(request.getfixturevalue("postgres"))
    name = f"labels_{np.random.default_rng().integers(1 << 60)}"
    engine = sa.create_engine(address % "postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return address % name


@pytest.fixture
def store(tmp_path: Path, url: str | None) -> Iterator[LabelStore]:
    opened = LabelStore(tmp_path / "labels", url)
    yield opened
    opened.close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LabelStore]:
    """A store on SQLite, for what is SQLite's own."""
    opened = LabelStore(tmp_path / "labels")
    yield opened
    opened.close()
