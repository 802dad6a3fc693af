"""Arrays to PNG and JPEG."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import ImageError
from cloudcore.files.atomic import replace_file
from cloudcore.images.array import Image


def encode_png(array: NDArray[np.uint8] | NDArray[np.bool_]) -> bytes:
    """PNG of uint8 (H, W), (H, W, 3) RGB or (H, W, 4) RGBA; bool (H, W) is written as 0 and 255.

    Raises ImageError for an array of another shape.

    >>> from cloudcore import images
    >>> images.read_label(encode_png(np.eye(16, dtype=bool)))[0, :3].tolist()
    [255, 0, 0]
    """
    pixels = np.asarray(array * np.uint8(255) if array.dtype == np.bool_ else array, np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        code = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        pixels = np.asarray(cv2.cvtColor(pixels, code), np.uint8)
    elif pixels.ndim != 2:
        raise ImageError(f"A PNG cannot hold an array of shape {array.shape}: give (H, W), (H, W, 3) or (H, W, 4)")
    return cv2.imencode(".png", pixels)[1].tobytes()


def encode_jpeg(image: Image, quality: int = 85) -> bytes:
    """JPEG of uint8 (H, W, 3) or grey (H, W); quality 1..100.

    >>> from cloudcore import images
    >>> images.read(encode_jpeg(np.full((16, 20, 3), 90, np.uint8)))[0, 0].tolist()
    [90, 90, 90]
    """
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def write_png(path: Path, array: NDArray[np.uint8] | NDArray[np.bool_]) -> None:
    """Write `encode_png(array)` to path, atomically; its folder is made where it is missing.

    >>> import tempfile
    >>> from cloudcore import images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_png(Path(folder) / "night" / "1.png", np.zeros((16, 20, 3), np.uint8))
    ...     images.shape_hw(Path(folder) / "night" / "1.png")
    (16, 20)
    """
    replace_file(Path(path), encode_png(array))
