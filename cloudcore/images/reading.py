"""Files to uint8 arrays and back: the only place that meets image formats and hostile files.

A file is judged by its first bytes, never by its name, and by its header before a pixel is decoded. What is refused is
refused in one sentence; what is made fit is told in `notes`. Nothing here changes Pillow's global settings, so any
number of threads may read at once.
"""

import io
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PIL
from PIL import ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from cloudcore.errors import ImageError
from cloudcore.files import names, opening
from cloudcore.images.array import Image
from cloudcore.images.checks import BROKEN, CHECKS, PLUGINS, check_samples, check_size, foreign

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

    >>> from cloudcore import images
    >>> grey = images.encode_png(np.full((16, 20), 200, np.uint8))
    >>> notes: list[str] = []
    >>> image = images.read(grey, notes)
    >>> image.shape, image[0, 0].tolist(), notes
    ((16, 20, 3), [200, 200, 200], ['The grey picture was repeated in three channels.'])
    >>> images.read(b"GIF89a")
    Traceback (most recent call last):
    cloudcore.errors.ImageError: The image is GIF, wanted JPEG or PNG: convert it to JPEG or PNG
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

    >>> from cloudcore import images
    >>> label = np.full((16, 20), 128, np.uint8)
    >>> np.unique(images.read_label(images.encode_png(label))).tolist()
    [128]
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
    """Height and width in px after EXIF rotation, from the header alone. Raises ImageError as `read` does.

    >>> import tempfile
    >>> from cloudcore import images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     images.write_png(Path(folder) / "wide.png", np.zeros((16, 20, 3), np.uint8))
    ...     images.shape_hw(Path(folder) / "wide.png")
    (16, 20)
    """
    file = Path(path)
    with opening.opened(file, ImageError) as source:
        opened = _open(source, _name(file))
    width, height = opened.image.size
    return (width, height) if opened.orientation >= 5 else (height, width)


def _name(path_or_bytes: Path | str | bytes) -> str:
    if isinstance(path_or_bytes, bytes):
        return "The image"
    return names.printable(Path(path_or_bytes).name)


def _content(path_or_bytes: Path | str | bytes) -> bytes:
    if not isinstance(path_or_bytes, bytes):
        return opening.read_file(Path(path_or_bytes), ImageError)
    opening.check_size(len(path_or_bytes), "The image", ImageError)
    return path_or_bytes


def _open(source: BinaryIO, name: str) -> _Opened:
    """Header read and judged: format, size, sample type, metadata; source stays at the plugin's disposal."""
    head = source.read(4096)
    source.seek(0)
    plugin = next((plugin for magic, plugin in PLUGINS if head.startswith(magic)), None)
    if plugin is None:
        raise ImageError(f"{name} is {foreign(head)}, wanted JPEG or PNG: convert it to JPEG or PNG")
    exif = CHECKS[plugin](source, name)
    source.seek(0)
    try:
        image = plugin(source)
    except (*BROKEN, PIL.DecompressionBombError, PIL.DecompressionBombWarning) as error:
        raise ImageError(f"{name} is damaged or cut short: copy or export it again") from error
    check_size(image.size, name)
    check_samples(image, name)
    return _Opened(image, name, _orientation(image, exif), _is_deep(image))


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
    except BROKEN:
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
    except (*BROKEN, PIL.DecompressionBombError, MemoryError) as error:
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
