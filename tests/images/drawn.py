"""A drawn picture for tests of pictures."""

import numpy as np


def picture(height: int = 40, width: int = 60) -> np.ndarray:
    """A smooth picture whose corners differ, so that a wrong turn shows: top left red, bottom right blue."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return np.stack([255 * (1 - x), 255 * y, 255 * x * y], axis=2).astype(np.uint8)
