"""A file's header judged before a pixel is decoded: format, size, samples, and metadata made to stall a reader."""

import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

from PIL import ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from cloudcore.errors import ImageError
from cloudcore.files.opening import MAX_BYTES

MAX_PIXELS = 50_000_000
"""Largest image decoded: 50 megapixels; at 8 bits it passes through Pillow below 1 GiB."""
MIN_SIDE = 16
"""Smallest side in pixels: less is no picture of a sky."""
MAX_TEXT = 2**20
"""Largest text or profile in a PNG, packed or unpacked, bytes."""
MAX_SCAN_PIXELS = 1_200_000_000
"""JPEG scans times pixels: a progressive camera file has about ten scans, a file made to stall has thousands."""
MAX_SEGMENTS, MAX_CHUNKS, MAX_STRIPS = 1_000, 65_536, 65_536
"""Most segments before a JPEG's pixels, chunks of a PNG, strips of a TIFF: Pillow walks each in Python."""

PLUGINS: tuple[tuple[bytes, type[ImageFile.ImageFile]], ...] = (
    (b"\xff\xd8\xff", JpegImagePlugin.JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    (b"II*\0", TiffImagePlugin.TiffImageFile),
    (b"MM\0*", TiffImagePlugin.TiffImageFile),
)
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "GIF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"%PDF", "PDF"),
    (b"SIMPLE  =", "FITS"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"8BPS", "PSD"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
)
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
BROKEN = (OSError, ValueError, SyntaxError, KeyError, IndexError, EOFError, TypeError, OverflowError, struct.error)
_PLAIN_MODES = ("1", "L", "P", "RGB", "RGBA", "RGBX", "RGBa", "LA", "La", "PA", "CMYK", "YCbCr")


def foreign(head: bytes) -> str:
    """What a file off the list is, in words; for the sentence that refuses it."""
    for magic, words in _FOREIGN:
        if head.startswith(magic):
            return words
    if head[4:8] == b"ftyp":
        return "HEIC" if head[8:12] in _HEIC_BRANDS else "AVIF or a film"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    text = head.lower()
    if b"<svg" in text:
        return "SVG"
    if b"<html" in text or b"<!doctype html" in text or b"<script" in text:
        return "a web page (HTML)"
    return "no image format we read"


def _check_png_chunks(source: BinaryIO, name: str) -> bytes:
    """Walks the chunks without decoding pixels; returns the EXIF block or b''. Raises ImageError on swollen text.

    Done before Pillow sees the file, whose own limit speaks of internals and which reads late chunks only on loading.
    """
    exif, at, total = b"", 8, 0
    for _ in range(MAX_CHUNKS):
        source.seek(at)
        head = source.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return exif
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf"):
            body = source.read(min(length, MAX_TEXT + 1))
            total += max(len(body), _unpacked(body) if kind != b"eXIf" else 0)
            if total > MAX_TEXT:
                raise ImageError(f"{name} holds more than {MAX_TEXT // 2**20} MiB of text: save it without metadata")
            exif = body if kind == b"eXIf" else exif
        at += 12 + length
    raise ImageError(f"{name} is a PNG of more than {MAX_CHUNKS} chunks: save it again")


def _unpacked(body: bytes) -> int:
    """Bytes a zlib stream inside a text chunk unpacks to, counted up to the limit; 0 when there is none."""
    for at in (i for i in range(min(len(body), 400)) if body[i] == 0x78):
        try:
            return len(zlib.decompressobj().decompress(body[at:], MAX_TEXT + 1))
        except zlib.error:
            continue
    return 0


def _check_jpeg_segments(source: BinaryIO, name: str) -> bytes:
    """Raises ImageError where the way to the first scan is longer than a camera's; returns b''."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        source.seek(at)
        head = source.read(4)
        if len(head) < 4 or head[:2] == b"\xff\xda":
            return b""
        plain = head[0] == 0xFF and head[1] not in (0x00, 0x01, 0xFF) and not 0xD0 <= head[1] <= 0xD8
        at += 2 + struct.unpack(">H", head[2:])[0] if plain else 1
    raise ImageError(f"{name} is a JPEG of more than {MAX_SEGMENTS} segments: save it again")


def _check_tiff_table(source: BinaryIO, name: str) -> bytes:
    """Raises ImageError where the first directory names more strips or tiles than a picture needs; returns b''."""
    head = source.read(8)
    order = "<" if head.startswith(b"II") else ">"
    source.seek(struct.unpack(order + "I", head[4:8].ljust(4, b"\0"))[0])
    count = struct.unpack(order + "H", source.read(2).ljust(2, b"\0"))[0]
    table = source.read(12 * count)
    for at in range(0, len(table) - 11, 12):
        tag, _, items = struct.unpack(order + "HHI", table[at : at + 8])
        if items > (MAX_STRIPS if tag in _TIFF_STRIPS else MAX_TEXT):
            raise ImageError(f"{name} is a TIFF of too many parts or too much metadata: save it again as PNG")
    return b""


_TIFF_STRIPS = (273, 279, 324, 325)
CHECKS: dict[type[ImageFile.ImageFile], Callable[[BinaryIO, str], bytes]] = {
    JpegImagePlugin.JpegImageFile: _check_jpeg_segments,
    PngImagePlugin.PngImageFile: _check_png_chunks,
    TiffImagePlugin.TiffImageFile: _check_tiff_table,
}


def check_size(size_wh: tuple[int, int], name: str) -> None:
    width, height = size_wh
    if min(size_wh) < MIN_SIDE:
        raise ImageError(f"{name} has {height} × {width} px (h × w), wanted {MIN_SIDE} a side: use a larger image")
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise ImageError(f"{name} has {height} × {width} px (h × w), more than {limit} megapixels: save it smaller")


def check_samples(image: ImageFile.ImageFile, name: str) -> None:
    if image.mode not in _PLAIN_MODES and not image.mode.startswith("I;16"):
        words = {"F": "floating-point numbers", "I": "32-bit numbers"}.get(image.mode, f"{image.mode} colours")
        raise ImageError(f"{name} holds {words}, wanted 8 or 16 bits a channel: save it as an 8-bit PNG or JPEG")
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.fp is not None:
        here = image.fp.tell()
        image.fp.seek(0)
        scans = image.fp.read(MAX_BYTES).count(b"\xff\xda")
        image.fp.seek(here)
        if scans * image.size[0] * image.size[1] > MAX_SCAN_PIXELS:
            raise ImageError(f"{name} is a JPEG of {scans} scans, too many for its size: save it again as plain JPEG")
