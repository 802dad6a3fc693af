"""Photographs from a list of addresses, into a folder: checked for size, kind, quality and twins."""

import hashlib
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from cloudcore import images
from cloudcore.errors import CloudcoreError, DataError, ImageError
from cloudcore.files import archives, atomic, opening
from cloudcore.photographs import twins

TIMEOUT_S = 30
SHORTEST_SIDE = 128
FLATTEST = 2.0
"""A photograph whose grey values spread less than this, of 255, shows nothing."""
TYPES = ("image/jpeg", "image/png", "image/tiff", "application/octet-stream")


@dataclass(frozen=True)
class DownloadReport:
    """Files written, and (address or name, why) of what was left out."""

    written: tuple[Path, ...]
    refused: tuple[tuple[str, str], ...]


def read_addresses(path: Path) -> list[tuple[str, str]]:
    """(class, address) of each line: an address, or a class, a tab or comma, and an address; # begins a remark.

    Raises DataError for a file that is no UTF-8 text, without an address, or with a class that is a path.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise DataError(f"{path.name} cannot be read as UTF-8 text ({problem}). Give an address a line.") from problem
    found = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        head, comma, tail = text.replace("\t", ",", 1).partition(",")
        name, address = (head.strip(), tail.strip()) if comma and "://" not in head else ("", text)
        if "/" in name or "\\" in name or name.startswith("."):
            raise DataError(f"{path.name}, line {number}: {name!r} cannot name a class. Use a plain word.")
        if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
            raise DataError(f"{path.name}, line {number}: {address[:60]!r} is no http or https address. Correct it.")
        found.append((name, address))
    if not found:
        raise DataError(f"{path.name} holds no address. Write one a line.")
    return found


def fetch(address: str) -> bytes:
    """The bytes behind an address. Raises ImageError for a failure, another type, or more than 50 MB."""
    request = urllib.request.Request(address, headers={"User-Agent": "cloudcore-gather/1"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            kind = answer.headers.get_content_type()
            if kind not in TYPES:
                raise ImageError(f"the address answers {kind}, wanted a JPEG or PNG image")
            content: bytes = answer.read(images.MAX_BYTES + 1)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, OSError, ValueError) as problem:
        raise ImageError(f"could not be fetched ({problem})") from problem
    if len(content) > images.MAX_BYTES:
        raise ImageError(f"holds more than {images.MAX_BYTES >> 20} MB")
    return content


def fetch_all(
    addresses: Sequence[tuple[str, str]],
    out: Path,
    progress: Callable[[int, int], None] | None = None,
    fetcher: Callable[[str], bytes] = fetch,
) -> DownloadReport:
    """Fetch each (class, address) into out/<class>/<sha256>.jpg, leaving out what is broken, flat, small or a twin."""
    folder = _CheckedFolder(out)
    for number, (name, address) in enumerate(addresses, 1):
        try:
            folder.put(name, fetcher(address))
        except CloudcoreError as problem:
            folder.refused.append((address, str(problem)))
        if progress:
            progress(number, len(addresses))
    return DownloadReport(tuple(folder.written), tuple(folder.refused))


def copy_all(source: Path, out: Path, progress: Callable[[int, int], None] | None = None) -> DownloadReport:
    """The same from a folder or a zip: a picture's folder is its class. Raises DataError for a hostile zip."""
    folder = _CheckedFolder(out)
    for number, (name, content, total) in enumerate(_pictures(source), 1):
        try:
            if isinstance(content, DataError):
                raise content
            folder.put(PurePosixPath(name).parent.name, content)
        except CloudcoreError as problem:
            folder.refused.append((name, str(problem)))
        if progress:
            progress(number, total)
    return DownloadReport(tuple(folder.written), tuple(folder.refused))


def _pictures(source: Path) -> Iterator[tuple[str, bytes | DataError, int]]:
    """(name below the source, content, how many there are) of every file that may be a picture."""
    if source.is_dir():
        found = images.list_images(source)
        for path in found:
            content: bytes | DataError
            try:
                content = opening.read_file(path, DataError)
            except DataError as problem:
                content = problem
            yield path.relative_to(source).as_posix(), content, len(found)
        return
    names = [name for name in archives.names(source) if name.lower().endswith(images.SUFFIXES)]
    for name, content in archives.contents(source, names):
        yield name, content, len(names)


class _CheckedFolder:
    """The folder that is filled, and the hashes of every photograph in it."""

    def __init__(self, out: Path) -> None:
        self.out, self.written = out, list[Path]()
        self.refused: list[tuple[str, str]] = []
        self.known = [_prints(images.read(path)) for path in images.list_images(out)]

    def put(self, name: str, content: bytes) -> None:
        """Check and write one photograph. Raises ImageError saying what is wrong with it."""
        image = images.read(content)
        if min(image.shape[:2]) < SHORTEST_SIDE:
            raise ImageError(f"{image.shape[0]} × {image.shape[1]} px is below {SHORTEST_SIDE} px a side")
        if float(image.mean(axis=2).std()) < FLATTEST:
            raise ImageError("shows one flat tone")
        prints = _prints(image)
        hashes, thumbs = (np.stack([pair[k] for pair in [*self.known, prints]]) for k in (0, 1))
        if any(two == len(self.known) for _, two in twins.find_twins(hashes, thumbs)):
            raise ImageError("is a twin of a photograph that is there already")
        path = self.out / name / f"{hashlib.sha256(content).hexdigest()[:24]}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.replace_file(path, images.encode_jpeg(image, 92))
        self.known.append(prints)
        self.written.append(path)


def _prints(image: images.Image) -> tuple[twins.Bits, "np.ndarray[tuple[int], np.dtype[np.float32]]"]:
    return twins.perceptual_hash(image), twins.thumbprint(image)
