"""Hashes of files: right after each change, kept between openings, and no failure where the cache cannot be used."""

import hashlib
from pathlib import Path

import pytest

from cloudcore.files import content_hashes
from cloudcore.files.content_hashes import ContentHashes


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_changed_file_is_hashed_anew(tmp_path: Path) -> None:
    hashes, file = ContentHashes(tmp_path / "cache" / "hashes.sqlite"), tmp_path / "a.png"
    file.write_bytes(b"one")
    assert hashes.of(file) == _hash(b"one")
    file.write_bytes(b"two")
    assert hashes.of(file) == _hash(b"two"), "same size, other time"
    (tmp_path / "b.png").write_bytes(b"six")
    (tmp_path / "b.png").replace(file)
    assert hashes.of(file) == _hash(b"six"), "another file under the same name"


def test_hashes_are_kept_for_the_next_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"one")
    first = ContentHashes(tmp_path / "hashes.sqlite")
    first.of(file)
    first.close()
    asked: list[Path] = []
    monkeypatch.setattr(content_hashes, "sha256_of", lambda path: asked.append(path) or "never")
    assert ContentHashes(tmp_path / "hashes.sqlite").of(file) == _hash(b"one") and asked == []


@pytest.mark.parametrize("content", [b"no database at all", None])
def test_a_cache_that_cannot_be_used_costs_time_alone(tmp_path: Path, content: bytes | None) -> None:
    cache = tmp_path / "hashes.sqlite"
    if content is None:
        cache.mkdir()
    else:
        cache.write_bytes(content)
    file = tmp_path / "a.png"
    file.write_bytes(b"one")
    assert ContentHashes(cache).of(file) == _hash(b"one")


def test_a_missing_file_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ContentHashes(tmp_path / "hashes.sqlite").of(tmp_path / "none.png")
