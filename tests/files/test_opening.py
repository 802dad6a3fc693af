"""Files opened for reading: pipes, devices, folders, sizes, and what vanishes in between."""

import hashlib
import os
from pathlib import Path

import pytest

from cloudcore.errors import DataError, ImageError
from cloudcore.files import opening


def _device(folder: Path) -> Path:
    return Path("/dev/zero")


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a.jpg")
    return folder / "a.jpg"


def _folder(folder: Path) -> Path:
    (folder / "a.jpg").mkdir()
    return folder / "a.jpg"


def _missing(folder: Path) -> Path:
    return folder / "a.jpg"


def _impossible(folder: Path) -> Path:
    return folder / "a\0.jpg"


def _empty(folder: Path) -> Path:
    (folder / "a.jpg").touch()
    return folder / "a.jpg"


def _large(folder: Path) -> Path:
    with (folder / "a.jpg").open("wb") as file:
        file.truncate(opening.MAX_BYTES + 1)
    return folder / "a.jpg"


REFUSED = {
    "a device": (_device, "zero is no file: choose an image file"),
    "a pipe": (_pipe, "a.jpg is no file: choose an image file"),
    "a folder": (_folder, "a.jpg is no file: choose an image file"),
    "nothing": (_missing, "a.jpg cannot be opened: check that the file exists and may be read"),
    "an impossible name": (_impossible, r"a\?.jpg cannot be opened: check that"),
    "nothing in it": (_empty, r"a.jpg is empty \(0 bytes\): copy or export it again"),
    "too much": (_large, "a.jpg has 50 MB, at most 50 MB are read: save it smaller"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_file_of_a_fair_size_is_refused_in_words(tmp_path: Path, case: str) -> None:
    make, words = REFUSED[case]
    path = make(tmp_path)
    with pytest.raises(ImageError, match=words):
        opening.read_file(path, ImageError)
    with pytest.raises(DataError, match=words.replace("an image file", "a CSV file")):
        opening.read_file(path, DataError, "a CSV file")


def test_the_limit_is_the_callers(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"12345")
    assert opening.read_file(path, DataError, max_bytes=5) == b"12345"
    with pytest.raises(DataError, match="a.json has 0 MB, at most 0 MB"):
        opening.read_file(path, DataError, max_bytes=4)
    (tmp_path / "link.json").symlink_to(path)
    assert opening.read_file(tmp_path / "link.json", DataError) == b"12345", "a link to a file is a file"


def test_what_vanishes_before_it_is_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"picture")
    real = os.open
    monkeypatch.setattr(os, "open", lambda name, flags: (Path(name).unlink(), real(name, flags))[1])
    with pytest.raises(ImageError, match=r"a.jpg cannot be read \(No such file or directory\): check the file"):
        opening.read_file(path, ImageError)


def test_what_becomes_a_pipe_before_it_is_opened_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"picture")
    real = os.open
    monkeypatch.setattr(os, "open", lambda name, flags: (path.unlink(), os.mkfifo(path), real(name, flags))[2])
    with pytest.raises(ImageError, match=r"a.jpg cannot be read \(not a regular file\)"):
        opening.read_file(path, ImageError)


def test_what_grows_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"1234")
    real = os.open
    monkeypatch.setattr(os, "open", lambda name, flags: (path.write_bytes(b"12345"), real(name, flags))[1])
    with pytest.raises(DataError, match="at most"):
        opening.read_file(path, DataError, max_bytes=4)


def test_an_error_while_reading_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"picture")
    words = r"a.jpg cannot be read \(Input/output error\): check the file"
    with pytest.raises(ImageError, match=words), opening.opened(tmp_path / "a.jpg", ImageError):
        raise OSError(5, "Input/output error")


def test_a_hash_is_that_of_the_whole_file(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096 + b"end"
    (tmp_path / "a").write_bytes(content)
    assert opening.sha256_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()
