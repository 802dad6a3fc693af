"""Files to uint8 arrays and back: the only place that meets image formats and hostile files.

In: a path or bytes. Out: an Image, uint8 (H, W, 3), or an ImageError in one sentence."""

from cloudcore.files.opening import MAX_BYTES
from cloudcore.images.array import Image, resize, short_side, thumbnail
from cloudcore.images.checks import MAX_PIXELS, MIN_SIDE
from cloudcore.images.folder import SUFFIXES, list_images
from cloudcore.images.reading import read, read_label, shape_hw
from cloudcore.images.writing import encode_jpeg, encode_png, write_png

__all__ = [
    "Image",
    "MAX_BYTES",
    "MAX_PIXELS",
    "MIN_SIDE",
    "SUFFIXES",
    "encode_jpeg",
    "encode_png",
    "fits",
    "list_images",
    "read",
    "read_label",
    "resize",
    "shape_hw",
    "short_side",
    "thumbnail",
    "write_png",
]
