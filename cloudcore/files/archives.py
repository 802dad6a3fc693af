"""Zip files from strangers: their names checked as a whole, their members read in memory, nothing ever unpacked."""

import re
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from cloudcore.errors import DataError
from cloudcore.files.opening import MAX_BYTES

MAX_MEMBERS = 20_000
MAX_TOTAL = 2**30
MAX_RATIO = 100
RATIO_FROM = 2**20
# zipfile raises NotImplementedError for a compression it does not know
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


def names(path: Path) -> list[str]:
    """Names of the files in a zip, sorted; hidden ones and those of macOS left out.

    Raises DataError, for the whole zip, where a name leads out of it, a member is a link or encrypted, or it unpacks to
    more than it should: over 1 GiB in all, 50 MiB a file, 100 times its size, or 20,000 files.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except _BROKEN as problem:
        raise DataError(f"{path.name} is no zip that can be read ({problem}). Pack the masks again.") from problem
    if len(members) > MAX_MEMBERS:
        raise DataError(f"{path.name} holds {len(members)} files, at most {MAX_MEMBERS} are taken. Split it.")
    for member in members:
        _check(member, path.name)
    total = sum(member.file_size for member in members)
    if total > MAX_TOTAL:
        raise DataError(f"{path.name} unpacks to {total >> 20} MiB, at most {MAX_TOTAL >> 20} are taken. Split it.")
    shown = (member.filename for member in members if not member.is_dir())
    return sorted(name for name in shown if not any(part[:1] == "." or part == "__MACOSX" for part in name.split("/")))


def contents(path: Path, wanted: Iterable[str]) -> Iterator[tuple[str, bytes | DataError]]:
    """(name, bytes) of members of a zip whose names were checked; a DataError in place of bytes that are damaged."""
    with zipfile.ZipFile(path) as archive:
        for name in wanted:
            try:
                with archive.open(name) as member:
                    data = member.read(MAX_BYTES + 1)
            except (*_BROKEN, KeyError) as problem:
                yield name, DataError(f"The mask is damaged in the zip ({problem}). Pack it again.")
                continue
            over = f"The mask is over {MAX_BYTES >> 20} MiB. Leave it out."
            yield name, data if len(data) <= MAX_BYTES else DataError(over)


def _check(member: zipfile.ZipInfo, archive: str) -> None:
    for name in (member.filename, member.orig_filename):
        parts = re.split(r"[/\\]", name)
        if not name or parts[0] == "" or ".." in parts or re.match("[A-Za-z]:", name) or "\0" in name:
            raise DataError(f"{archive} holds {name!r}, a name that leads out of it. Pack the masks again.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DataError(f"{archive} holds a link or device, {member.filename!r}. Pack the files themselves.")
    if member.flag_bits & 1:
        raise DataError(f"{archive} is encrypted. Pack the masks without a password.")
    bomb = member.file_size > RATIO_FROM and member.file_size > MAX_RATIO * max(1, member.compress_size)
    if bomb or member.file_size > MAX_BYTES:
        raise DataError(
            f"{archive} holds {member.filename!r}, which unpacks from {member.compress_size} to {member.file_size} "
            f"bytes; at most {MAX_BYTES >> 20} MiB and {MAX_RATIO} times are taken. Leave it out."
        )
