"""Gathering photographs: addresses read strictly; flat, tiny, broken and twin pictures left out. Asks no address."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from cloudcore import images
from cloudcore.errors import DataError, ImageError
from cloudcore.photographs import download
from cloudcore.samples import photographs


def _jpeg(name: str, seed: int) -> bytes:
    return images.encode_jpeg(photographs.draw(name, np.random.default_rng(seed)))


def test_addresses(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_text(
        "# clouds\nhttps://example.org/a.jpg\nCirrus, https://example.org/b.jpg\nCu\thttp://example.org/c?x=1,2\n"
    )
    assert download.read_addresses(path) == [
        ("", "https://example.org/a.jpg"),
        ("Cirrus", "https://example.org/b.jpg"),
        ("Cu", "http://example.org/c?x=1,2"),
    ]
    for line, words in (
        ("file:///etc/passwd", "no http"),
        ("../x, https://example.org", "cannot name"),
        ("", "no addr"),
    ):
        path.write_text(line + "\n")
        with pytest.raises(DataError, match=words):
            download.read_addresses(path)


def test_only_good_and_new_photographs_stay(tmp_path: Path) -> None:
    good, other = _jpeg("Cumulus", 1), _jpeg("Cirrus", 2)
    small = images.encode_jpeg(np.zeros((40, 40, 3), np.uint8))
    flat = images.encode_jpeg(np.full((200, 200, 3), 90, np.uint8))
    shelf = {
        "a": good,
        "twin": images.encode_jpeg(images.read(good), 60),
        "b": other,
        "small": small,
        "flat": flat,
        "broken": good[:300],
    }

    def fetcher(address: str) -> bytes:
        if address not in shelf:
            raise ImageError("could not be fetched (no such host)")
        return shelf[address]

    names = ["a", "twin", "b", "small", "flat", "broken", "gone"]
    found = download.fetch_all([("Cumulus", name) for name in names], tmp_path / "out", fetcher=fetcher)
    assert len(found.written) == 2 and all(path.parent.name == "Cumulus" for path in found.written)
    why = dict(found.refused)
    assert "twin" in why["twin"] and "below 128" in why["small"] and "flat tone" in why["flat"]
    assert "fetched" in why["gone"] and "broken" in why
    again = download.fetch_all([("", "a")], tmp_path / "out", fetcher=fetcher)
    assert not again.written


def test_folders_and_zips(tmp_path: Path) -> None:
    packed = tmp_path / "photos.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("Cumulus/a.jpg", _jpeg("Cumulus", 1))
        archive.writestr("Cirrus/b.jpg", _jpeg("Cirrus", 2))
        archive.writestr("Cirrus/c.jpg", b"nothing")
        archive.writestr("notes.txt", b"no picture")
    found = download.copy_all(packed, tmp_path / "out")
    assert sorted(path.parent.name for path in found.written) == ["Cirrus", "Cumulus"] and len(found.refused) == 1
    again = download.copy_all(tmp_path / "out", tmp_path / "copy")
    assert len(again.written) == 2
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../x.jpg", b"")
    with pytest.raises(DataError, match="leads out of it"):
        download.copy_all(packed, tmp_path / "out")
