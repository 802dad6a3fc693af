"""Other sizes of a picture."""

from cloudcore import images
from tests.images.drawn import picture


def test_thumbnails_keep_their_shape() -> None:
    assert images.thumbnail(picture(), 30).shape == (20, 30, 3)
    assert images.thumbnail(picture(), 300).shape == (40, 60, 3)
    assert images.resize(picture(), (80, 90)).shape == (80, 90, 3)
