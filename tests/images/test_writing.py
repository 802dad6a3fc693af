"""What is written is what is read back."""

from pathlib import Path

import numpy as np
import pytest

from cloudcore import images
from cloudcore.errors import ImageError
from tests.images.drawn import picture


def test_writing_and_reading_back(tmp_path: Path) -> None:
    """PNG is exact for grey, RGB and bool; nothing but the file is left in the folder."""
    mask = picture()[..., 0] > 100
    images.write_png(tmp_path / "deep" / "a.png", picture())
    images.write_png(tmp_path / "deep" / "b.png", mask)
    assert np.array_equal(images.read(tmp_path / "deep" / "a.png"), picture())
    assert np.array_equal(images.read_label(tmp_path / "deep" / "b.png"), mask * np.uint8(255))
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["a.png", "b.png"]
    assert np.abs(images.read(images.encode_jpeg(picture(), 95)).astype(int) - picture()).mean() < 3
    with pytest.raises(ImageError, match="shape"):
        images.encode_png(np.zeros((4, 4, 2), np.uint8))
