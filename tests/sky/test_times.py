"""When a frame was taken: table, pattern, FITS header, name, EXIF."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PIL

from cloudcore.errors import DataError, ImageError
from cloudcore.images import fits as images_fits
from cloudcore.sky import times
from cloudcore.sky.times import TimeSource, time_of

WHEN = datetime(2017, 8, 17, 3, 20, 11, tzinfo=UTC)


def _at(name: str, time_source: TimeSource) -> datetime | None:
    return time_of(Path("/none") / name, Path("/none"), time_source)


def test_names_and_patterns() -> None:
    assert _at("kp_r20170817ut032011.png", TimeSource()) == WHEN
    assert _at("a_2017-08-17T05-20-11.png", TimeSource(ahead_hours=2)) == WHEN
    assert _at("2017-08-17/0320_11_x.png", TimeSource(pattern="%Y-%m-%d/%H%M_%S")) == WHEN
    assert _at("cam7_17Aug2017_03h20m11.png", TimeSource(pattern="*_%d%b%Y_%Hh%Mm%S")) == WHEN
    assert _at("x17229_032011.png", TimeSource(pattern="x%y%j_%H%M%S")) == WHEN
    assert _at("x99999_032011.png", TimeSource(pattern="x%y%j_%H%M%S")) is None
    assert _at("frame.png", TimeSource()) is None


@pytest.mark.parametrize(("pattern", "word"), [("%Q", "%Q"), ("%H%M%S", "lacks"), ("%Y%m%d%H%H", "twice")])
def test_patterns_that_cannot_work(pattern: str, word: str) -> None:
    with pytest.raises(DataError, match=word):
        TimeSource(pattern=pattern)


def test_a_table_comes_first_and_is_read_strictly() -> None:
    table = times.read_table("t.csv", b"\xef\xbb\xbffile,time_utc\nsub/a.png,2017-08-17T05:20:11+02:00\n")
    assert table == {"sub/a.png": WHEN}
    assert _at("sub/a.png", TimeSource(table, ahead_hours=5)) == WHEN
    for content, word in (
        (b"file;time_utc\na;b\n", "semicolons"),
        (b"file,when\n", "no column 'time_utc'"),
        (b"file,time_utc\na,b,c\n", "line 2: 3 fields"),
        (b"file,time_utc\na,yesterday\n", "line 2: 'yesterday' is no time"),
        (b'file,time_utc\n"a,b\n', "line"),
        (b"file,time_utc\na\0,b\n", "NUL"),
        ("file,time_utc\n".encode("utf-16"), "UTF-8"),
        (b"file,file,time_utc\n", "twice"),
    ):
        with pytest.raises(DataError, match=word):
            times.read_table("t.csv", content)


def test_exif_with_and_without_a_zone(tmp_path: Path) -> None:
    for name, zone, clock in (("a.jpg", "+02:00", TimeSource(ahead_hours=9)), ("b.jpg", "", TimeSource(ahead_hours=2))):
        exif = PIL.Exif()
        exif[0x8769] = {0x9003: "2017:08:17 05:20:11", **({0x9011: zone} if zone else {})}
        PIL.new("RGB", (32, 32)).save(tmp_path / name, exif=exif)
        assert time_of(tmp_path / name, tmp_path, clock) == WHEN
    PIL.new("RGB", (32, 32)).save(tmp_path / "c.jpg")
    assert time_of(tmp_path / "c.jpg", tmp_path, TimeSource()) is None


def test_fits_frames_and_their_header(tmp_path: Path) -> None:
    from astropy.io import fits

    values = np.arange(32 * 48, dtype=np.uint16).reshape(32, 48) * 40
    header = fits.Header({"DATE-OBS": "2017-08-17", "TIME-OBS": "03:20:11"})
    fits.PrimaryHDU(values, header).writeto(tmp_path / "a.fits")
    assert time_of(tmp_path / "a.fits", tmp_path, TimeSource(ahead_hours=3)) == WHEN
    image = images_fits.read(tmp_path / "a.fits")
    assert image.shape == (32, 48, 3) and (image[..., 0] == (values >> 8)[::-1]).all()
    assert times.list_files(tmp_path) == [tmp_path / "a.fits"]
    fits.PrimaryHDU(values.astype(np.float32)).writeto(tmp_path / "b.fits")
    with pytest.raises(ImageError, match="floating-point"):
        images_fits.read(tmp_path / "b.fits")
    whole = (tmp_path / "a.fits").read_bytes()
    (tmp_path / "c.fits").write_bytes(whole[: 2880 + 100])
    with pytest.raises(ImageError, match="c.fits"):
        images_fits.read(tmp_path / "c.fits")
