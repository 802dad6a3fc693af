"""Rows 1 to 20 of the bad inputs, and the small promises of reading pictures."""

import io
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from cloudcore import images
from cloudcore.errors import ImageError
from tests.images.drawn import picture


def encoded(form: str, array: np.ndarray | None = None, mode: str | None = None, **options: object) -> bytes:
    """Bytes of a picture in a format, through Pillow."""
    image = Image.fromarray(picture() if array is None else array)
    out = io.BytesIO()
    (image.convert(mode) if mode else image).save(out, form, **options)
    return out.getvalue()


def png(width: int, height: int, *chunks: tuple[bytes, bytes], depth: int = 8, colour: int = 2) -> bytes:
    """A PNG that claims a size, with chunks of our choice after its header and no pixels worth the name."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    every = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    body = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in every)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def jpeg_of_size(width: int, height: int) -> bytes:
    """A JPEG whose frame header claims a size it does not hold."""
    data = bytearray(encoded("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def turned(orientation: int, form: str = "JPEG") -> bytes:
    """A picture stored on its side, with the EXIF note that says so."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"quality": 95} if form == "JPEG" else {}
    return encoded(form, exif=exif, **options)


def animation() -> bytes:
    frames = [Image.fromarray(np.full((20, 20, 3), v, np.uint8)) for v in (10, 200)]
    out = io.BytesIO()
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    return out.getvalue()


def float_tiff() -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((32, 32), np.nan, np.float32)).save(out, "TIFF")
    return out.getvalue()


def long_text() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 50_000_000, zip=True)
    return encoded("PNG", pnginfo=info)


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)

REFUSED: list[tuple[str, str, Callable[[], bytes], str]] = [
    ("row 1", "cut.jpg", lambda: encoded("JPEG")[:-200], "cut short"),
    (
        "row 1 png",
        "cut.png",
        lambda: encoded("PNG", np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))[:-3000],
        "cut short",
    ),
    ("row 2", "empty.png", lambda: b"", "0 bytes"),
    ("row 3", "zero.png", lambda: png(0, 40), "cut short|0 px"),
    ("row 9", "dot.png", lambda: encoded("PNG", picture(1, 1)), "wanted 16"),
    ("row 9 narrow", "line.png", lambda: encoded("PNG", picture(15, 400)), "15 × 400 px"),
    ("row 10", "bomb.png", lambda: png(30_000, 30_000), "more than 50 megapixels"),
    ("row 10 jpeg", "bomb.jpg", lambda: jpeg_of_size(30_000, 30_000), "more than 50 megapixels"),
    ("row 11", "large.png", lambda: png(12_000, 12_000), "more than 50 megapixels"),
    ("row 12", "text.png", long_text, "MiB of text"),
    ("row 12 plain", "text.png", lambda: png(40, 40, (b"tEXt", b"k\0" + b"x" * 2**21)), "MiB of text"),
    ("row 12 many", "text.png", lambda: png(40, 40, *[(b"tEXt", b"k\0" + b"y" * 2**18)] * 9), "MiB of text"),
    ("row 13", "drawing.svg", lambda: SVG, "is SVG"),
    ("row 16", "page.jpg", lambda: HTML, "web page"),
    ("row 17", "IMG_1.heic", lambda: HEIC, "IMG_1.heic is HEIC, .* convert it to JPEG or PNG"),
    ("row 18", "plot.eps", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n", "is EPS"),
    ("row 18 fits", "frame.fits", lambda: b"SIMPLE  =                    T" + bytes(2880), "is FITS"),
    ("row 18 gif", "cat.gif", lambda: encoded("GIF"), "is GIF"),
    ("row 18 other", "x.dat", lambda: bytes(range(64)), "no image format"),
    ("row 19", "float.tif", float_tiff, "floating-point"),
    ("row 20", "huge.jpg", lambda: encoded("JPEG") + bytes(images.MAX_BYTES), "at most 50 MB"),
    ("slow jpeg", "fill.jpg", lambda: b"\xff\xd8" + b"\xff\xe1\0\2" * 5000 + encoded("JPEG")[2:], "segments"),
    ("slow png", "chunks.png", lambda: png(40, 40, *[(b"IDAT", b"")] * 70_000), "chunks"),
    ("slow scans", "scans.jpg", lambda: jpeg_of_size(7000, 7000) + b"\xff\xda" * 40, "scans"),
]


@pytest.mark.parametrize(("name", "make", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_in_one_sentence(name: str, make: Callable[[], bytes], words: str, tmp_path: Path) -> None:
    """A file we do not take is named, described and answered with what to do, from a path and from bytes alike."""
    path = tmp_path / name
    path.write_bytes(make())
    with pytest.raises(ImageError, match=words) as error:
        images.read(path)
    assert "\n" not in str(error.value) and str(error.value).startswith(name)
    with pytest.raises(ImageError, match="^The image"):
        images.read(path.read_bytes())
    with pytest.raises(ImageError):
        images.read_label(path)


deep_grey = (np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16).astype(np.uint16)
NORMALISED: list[tuple[str, str, Callable[[], bytes], str, tuple[int, int]]] = [
    ("row 4", "cmyk.jpg", lambda: encoded("JPEG", mode="CMYK"), "CMYK colours were converted", (40, 60)),
    ("row 5", "deep.png", lambda: encoded("PNG", deep_grey), "divided by 256", (64, 64)),
    ("row 5 colour", "deep.png", lambda: deep_rgb_png(), "divided by 256", (20, 20)),
    ("row 5 tiff", "deep.tif", lambda: encoded("TIFF", deep_grey), "divided by 256", (64, 64)),
    ("row 6", "side.jpg", lambda: turned(6), "turned upright", (60, 40)),
    ("row 6 png", "side.png", lambda: turned(8, "PNG"), "turned upright", (60, 40)),
    ("row 6 tiff", "side.tif", lambda: turned(6, "TIFF"), "turned upright", (60, 40)),
    ("row 7", "moving.png", animation, "first was taken", (20, 20)),
    ("row 8", "alpha.png", lambda: encoded("PNG", mode="RGBA"), "alpha channel was dropped", (40, 60)),
    ("row 8 grey", "alpha.png", lambda: encoded("PNG", mode="LA"), "alpha channel was dropped", (40, 60)),
    ("row 14", "both.jpg", lambda: encoded("JPEG") + HTML, "web page text", (40, 60)),
    ("palette", "map.png", lambda: encoded("PNG", mode="P"), "Palette colours", (40, 60)),
    ("grey", "grey.png", lambda: encoded("PNG", mode="L"), "repeated in three", (40, 60)),
    ("one bit", "bits.png", lambda: encoded("PNG", mode="1"), "repeated in three", (40, 60)),
]


def deep_rgb_png() -> bytes:
    """16-bit RGB, which Pillow cannot write: 20 rows, filter 0, every value 0x1234."""
    rows = (b"\0" + b"\x12\x34" * 60) * 20
    whole = png(20, 20, (b"IDAT", zlib.compress(rows)), depth=16)
    return whole


@pytest.mark.parametrize(
    ("name", "make", "words", "size"), [row[1:] for row in NORMALISED], ids=[row[0] for row in NORMALISED]
)
def test_normalised_and_told(
    name: str, make: Callable[[], bytes], words: str, size: tuple[int, int], tmp_path: Path
) -> None:
    """What can be made fit is, and a sentence says so; the header tells the same size as the picture has."""
    path = tmp_path / name
    path.write_bytes(make())
    notes: list[str] = []
    image = images.read(path, notes)
    assert image.dtype == np.uint8 and image.shape == (*size, 3) and image.flags.writeable
    assert any(words in note for note in notes), notes
    assert images.shape_hw(path) == size


def test_row_15_judged_by_content(tmp_path: Path) -> None:
    """A PNG named .jpg is read as the PNG it is, with nothing to tell."""
    path = tmp_path / "frame.jpg"
    path.write_bytes(encoded("PNG"))
    notes: list[str] = []
    assert np.array_equal(images.read(path, notes), picture()) and notes == []


def test_alpha_is_dropped_not_blended() -> None:
    rgba = np.dstack([picture(), np.zeros((40, 60), np.uint8)])
    assert np.array_equal(images.read(encoded("PNG", rgba)), picture())


def test_16_bits_are_scaled_by_a_constant() -> None:
    """A dark deep frame stays dark: no stretch to the picture's own maximum."""
    notes: list[str] = []
    grey = images.read(encoded("PNG", np.full((16, 16), 0x0312, np.uint16)), notes)
    assert (grey == 3).all()
    assert (images.read(deep_rgb_png()) == 0x12).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_turn(orientation: int) -> None:
    """The eight orientations, against Pillow's own transposition."""
    from PIL import ImageOps

    data = turned(orientation, "PNG")
    wanted = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.array_equal(images.read(data), wanted)


def test_an_animation_gives_its_first_frame() -> None:
    assert (images.read(animation()) == 10).all()


def test_labels_keep_their_levels() -> None:
    """Masks are read as they are: any levels, palette or grey in three channels, deep files with small values."""
    levels = np.repeat(np.array([0, 100, 128, 255], np.uint8), 8).reshape(1, 32).repeat(16, axis=0)
    assert np.array_equal(images.read_label(encoded("PNG", levels)), levels)
    assert np.array_equal(images.read_label(encoded("PNG", np.dstack([levels] * 3))), levels)
    assert np.array_equal(images.read_label(encoded("PNG", levels.astype(np.uint16))), levels)
    assert set(np.unique(images.read_label(encoded("PNG", levels, mode="1")))) <= {0, 255}
    with pytest.raises(ImageError, match="colour picture"):
        images.read_label(encoded("PNG"))


@pytest.mark.parametrize("name", ["missing.png", "folder", "nul\0.png"])
def test_what_is_no_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ImageError):
        images.read(tmp_path / name)
    with pytest.raises(ImageError):
        images.shape_hw(tmp_path / name)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_random_damage_never_escapes(rng: np.random.Generator) -> None:
    """Flipped bytes and cuts give a picture or an ImageError, nothing else."""
    for form in ("JPEG", "PNG", "TIFF"):
        whole = encoded(form)
        for _ in range(60):
            data = bytearray(whole[: rng.integers(8, len(whole) + 1)])
            for at in rng.integers(0, len(data), 4):
                data[at] = rng.integers(0, 256)
            try:
                assert images.read(bytes(data)).shape[2] == 3
            except ImageError as error:
                assert "\n" not in str(error)


def test_many_threads_read_alike() -> None:
    """Good and bad files at once: each gets its own answer."""
    good, bad = encoded("PNG"), encoded("PNG")[:-60]

    def attempt(data: bytes) -> bool:
        try:
            return bool(images.read(data).any())
        except ImageError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(attempt, [good, bad] * 40)) == [True, False] * 40
