"""Files to uint8 arrays and back: the only place that meets image formats and hostile files.

A file is judged by its first bytes, never by its name, and by its header before a pixel is decoded. What is refused is
refused in one sentence; what is made fit is told in `notes`. Nothing here changes Pillow's global settings, so any
number of threads may read at once.
"""

import io
import os
import stat
import struct
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PIL
from PIL import ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from cloudcore.errors import ImageError

Image = NDArray[np.uint8]
"""uint8 (H, W, 3) in the order red, green, blue."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
"""File name endings that `list_images` takes; `read` itself looks at the bytes alone."""
MAX_BYTES = 50 * 2**20
"""Largest file read: 50 MB."""
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

_PLUGINS: tuple[tuple[bytes, type[ImageFile.ImageFile]], ...] = (
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
_TURNS = {
    2: PIL.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Transpose.ROTATE_180,
    4: PIL.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Transpose.TRANSPOSE,
    6: PIL.Transpose.ROTATE_270,
    7: PIL.Transpose.TRANSVERSE,
    8: PIL.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
_BROKEN = (OSError, ValueError, SyntaxError, KeyError, IndexError, EOFError, TypeError, OverflowError, struct.error)
_PLAIN_MODES = ("1", "L", "P", "RGB", "RGBA", "RGBX", "RGBa", "LA", "La", "PA", "CMYK", "YCbCr")


class _Opened(NamedTuple):
    """A file whose header was accepted: nothing decoded yet; orientation is EXIF's 1..8."""

    image: ImageFile.ImageFile
    name: str
    orientation: int
    deep: bool


def read(path_or_bytes: Path | str | bytes, notes: list[str] | None = None) -> Image:
    """The picture of a file as uint8 (H, W, 3), upright.

    JPEG, PNG and 8 or 16 bit TIFF are read; alpha is dropped, CMYK, palette and grey become RGB, 16 bits
    become 8 by a fixed division (never by the picture's own maximum), of an animation the first frame is taken. Each
    of these adds a sentence to `notes`. Raises ImageError for everything else.
    """
    notes = [] if notes is None else notes
    content = _content(path_or_bytes)
    if _holds_html(content):
        notes.append("The file also holds web page text: only its pixels were read.")
    with io.BytesIO(content) as source:
        return _to_rgb(_decode(_open(source, _name(path_or_bytes)), notes), notes)


def read_label(path_or_bytes: Path | str | bytes, notes: list[str] | None = None) -> NDArray[np.uint8]:
    """The grey values of a mask file as uint8 (H, W), whatever its levels mean; as safe as `read`.

    A colour file is taken only where its three channels are equal; 16-bit levels up to 255 stay as they are.
    Raises ImageError.
    """
    notes = [] if notes is None else notes
    name = _name(path_or_bytes)
    with io.BytesIO(_content(path_or_bytes)) as source:
        image = _decode(_open(source, name), notes)
    if image.mode in ("1", "L"):
        return np.array(image.convert("L"))
    if image.mode.startswith("I;16"):
        deep = np.array(image)
        return deep.astype(np.uint8) if deep.max() <= 255 else _from_16_bits(deep, notes)
    rgb = _to_rgb(image, notes)
    if (rgb[..., :1] != rgb[..., 1:]).any():
        raise ImageError(f"{name} is a colour picture, wanted a grey mask: save it with one channel")
    return np.ascontiguousarray(rgb[..., 0])


def shape_hw(path: Path | str) -> tuple[int, int]:
    """Height and width in px after EXIF rotation, from the header alone. Raises ImageError as `read` does."""
    file = Path(path)
    _check_file(file)
    try:
        with file.open("rb") as source:
            opened = _open(source, _name(file))
    except OSError as error:
        raise ImageError(f"{_name(file)} cannot be read ({error.strerror}): check the file") from error
    width, height = opened.image.size
    return (width, height) if opened.orientation >= 5 else (height, width)


def _name(path_or_bytes: Path | str | bytes) -> str:
    if isinstance(path_or_bytes, bytes):
        return "The image"
    return "".join(c if c.isprintable() else "?" for c in Path(path_or_bytes).name)


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise ImageError(f"{_name(path)} cannot be opened: check that the file exists and may be read") from error
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{_name(path)} is no file: choose an image file")
    _check_bytes(status.st_size, _name(path))


def _check_bytes(size: int, name: str) -> None:
    if size == 0:
        raise ImageError(f"{name} is empty (0 bytes): copy or export it again")
    if size > MAX_BYTES:
        raise ImageError(f"{name} has {size / 2**20:.0f} MB, at most {MAX_BYTES // 2**20} MB are read: save it smaller")


def _content(path_or_bytes: Path | str | bytes) -> bytes:
    if not isinstance(path_or_bytes, bytes):
        path = Path(path_or_bytes)
        _check_file(path)
        try:
            with path.open("rb") as source:
                path_or_bytes = source.read(MAX_BYTES + 1)
        except OSError as error:
            raise ImageError(f"{_name(path)} cannot be read ({error.strerror}): check the file") from error
        return _content(path_or_bytes)
    _check_bytes(len(path_or_bytes), "The image")
    return path_or_bytes


def _open(source: BinaryIO, name: str) -> _Opened:
    """Header read and judged: format, size, sample type, metadata; source stays at the plugin's disposal."""
    head = source.read(4096)
    source.seek(0)
    plugin = next((plugin for magic, plugin in _PLUGINS if head.startswith(magic)), None)
    if plugin is None:
        raise ImageError(f"{name} is {_foreign(head)}, wanted JPEG or PNG: convert it to JPEG or PNG")
    exif = _CHECKS[plugin](source, name)
    source.seek(0)
    try:
        image = plugin(source)
    except (*_BROKEN, PIL.DecompressionBombError, PIL.DecompressionBombWarning) as error:
        raise ImageError(f"{name} is damaged or cut short: copy or export it again") from error
    _check_size(image.size, name)
    _check_samples(image, name)
    return _Opened(image, name, _orientation(image, exif), _is_deep(image))


def _foreign(head: bytes) -> str:
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
_CHECKS: dict[type[ImageFile.ImageFile], Callable[[BinaryIO, str], bytes]] = {
    JpegImagePlugin.JpegImageFile: _check_jpeg_segments,
    PngImagePlugin.PngImageFile: _check_png_chunks,
    TiffImagePlugin.TiffImageFile: _check_tiff_table,
}


def _check_size(size_wh: tuple[int, int], name: str) -> None:
    width, height = size_wh
    if min(size_wh) < MIN_SIDE:
        raise ImageError(f"{name} has {height} × {width} px (h × w), wanted {MIN_SIDE} a side: use a larger image")
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise ImageError(f"{name} has {height} × {width} px (h × w), more than {limit} megapixels: save it smaller")


def _check_samples(image: ImageFile.ImageFile, name: str) -> None:
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


def _orientation(image: ImageFile.ImageFile, png_exif: bytes) -> int:
    """EXIF orientation 1..8; 1 where there is none or it cannot be read, and for TIFF, which Pillow turns itself."""
    try:
        if isinstance(image, PngImagePlugin.PngImageFile):
            exif = PIL.Exif()
            exif.load(png_exif)
        elif isinstance(image, JpegImagePlugin.JpegImageFile):
            exif = image.getexif()
        else:
            return 1
        found = exif.get(_ORIENTATION, 1)
    except _BROKEN:
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _is_deep(image: ImageFile.ImageFile) -> bool:
    """True for 16-bit files that Pillow hands over with 8 bits, having dropped the low byte."""
    if isinstance(image, PngImagePlugin.PngImageFile):
        return bool(image.tile) and "16" in str(image.tile[0][3])
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return 16 in tuple(image.tag_v2.get(258, ()))
    return False


def _decode(opened: _Opened, notes: list[str]) -> PIL.Image:
    """Pixels of the first frame, upright, in the file's own mode. Raises ImageError on a damaged file."""
    file, name, orientation, deep = opened
    turned = orientation
    if isinstance(file, TiffImagePlugin.TiffImageFile):
        turned = int(file.tag_v2.get(_ORIENTATION, 1) or 1)
    try:
        animated = bool(getattr(file, "is_animated", False))
        file.load()
    except (*_BROKEN, PIL.DecompressionBombError, MemoryError) as error:
        raise ImageError(f"{name} is damaged or cut short: copy or export it again") from error
    if animated:
        notes.append("The file holds several frames: the first was taken.")
    if turned != 1:
        notes.append("The picture was turned upright, as its EXIF orientation says.")
    if deep and not file.mode.startswith("I;16"):
        notes.append("16-bit values were divided by 256.")
    return file.transpose(_TURNS[orientation]) if orientation in _TURNS else file


def _holds_html(content: bytes) -> bool:
    text = content.lower()
    return any(tag in text for tag in (b"<html", b"<script", b"<!doctype html"))


def _to_rgb(image: PIL.Image, notes: list[str]) -> Image:
    mode = image.mode
    if mode.startswith("I;16"):
        return np.repeat(_from_16_bits(np.array(image), notes)[..., None], 3, axis=2)
    if "transparency" in image.info or mode in ("RGBA", "RGBa", "LA", "La", "PA"):
        notes.append("The alpha channel was dropped.")
    if mode in ("P", "PA"):
        notes.append("Palette colours were written out as RGB.")
    if mode in ("CMYK", "YCbCr"):
        notes.append(f"{mode} colours were converted to RGB.")
    if mode in ("1", "L", "LA", "La"):
        notes.append("The grey picture was repeated in three channels.")
    # A palette's or key colour's transparency would be applied by convert(): the colour under it is what we keep.
    image.info.pop("transparency", None)
    if mode in ("RGBa", "La"):
        image = image.convert("RGBA" if mode == "RGBa" else "LA")
    return np.array(image if mode == "RGB" else image.convert("RGB"))


def _from_16_bits(deep: NDArray[np.uint16], notes: list[str]) -> NDArray[np.uint8]:
    notes.append("16-bit values were divided by 256.")
    return (deep >> 8).astype(np.uint8)


def encode_png(array: NDArray[np.uint8] | NDArray[np.bool_]) -> bytes:
    """PNG of uint8 (H, W), (H, W, 3) RGB or (H, W, 4) RGBA; bool (H, W) is written as 0 and 255."""
    pixels = np.asarray(array * np.uint8(255) if array.dtype == np.bool_ else array, np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        code = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        pixels = np.asarray(cv2.cvtColor(pixels, code), np.uint8)
    elif pixels.ndim != 2:
        raise ImageError(f"A PNG cannot hold an array of shape {array.shape}: give (H, W), (H, W, 3) or (H, W, 4)")
    return cv2.imencode(".png", pixels)[1].tobytes()


def encode_jpeg(image: Image, quality: int = 85) -> bytes:
    """JPEG of uint8 (H, W, 3) or grey (H, W); quality 1..100."""
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def replace_file(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all: under a temporary name, to the disk, then renamed. Folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{uuid.uuid4().hex}.tmp"
    try:
        with temporary.open("wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_png(path: Path, array: NDArray[np.uint8] | NDArray[np.bool_]) -> None:
    """Writes `encode_png(array)` to path, atomically."""
    replace_file(Path(path), encode_png(array))


def resize(image: NDArray[np.uint8], out_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """The image on another grid: averaged where it shrinks, bilinear where it grows. For pictures, not for labels."""
    shrinks = out_hw[0] * out_hw[1] < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (out_hw[1], out_hw[0]), interpolation=method), np.uint8)


def thumbnail(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The image with its longer side at most `side` px, shape kept; never enlarged."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    return image if scale >= 1 else resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))


def list_images(folder: Path) -> list[Path]:
    """Files below folder with a suffix of `SUFFIXES`, sorted by path; hidden files and folders are left out.

    A folder that is not there holds none. Links to folders are not followed. Raises ImageError where it cannot be read.
    """

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise ImageError(f"Cannot read {error.filename} ({error.strerror}): choose another folder") from error

    found: list[Path] = []
    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, f) for f in files if not f.startswith(".") and f.lower().endswith(SUFFIXES)]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())
