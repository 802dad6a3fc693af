"""Initial masks without a network: cloud by the red/blue ratio, cloud by brightness; and how unsure a network is.

Clear air scatters blue far more than red, water drops scatter both alike: by day low blueness is cloud. At night the
sky has no blue to lose; cloud lit from below, or by the moon, is brighter than the air between the stars.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import MaskError
from cloudcore.images import Image
from cloudcore.masks.mask import Mask, Probability

STAR_PX = 9
"""Width of the median that takes stars and hot pixels away before brightness is judged, px of a 512 px frame."""


def red_blue(image: Image, valid: Mask | None = None) -> Probability:
    """Whiteness by the normalised ratio, float32 (H, W) in 0..1: 0.5 - (B - R) / (2 (B + R)); 0 outside valid.

    0 is pure blue, 0.5 as much red as blue, 1 pure red; black counts as 0.5. The ratio is that of Li, Lu and Yang
    (2011), "A hybrid thresholding algorithm for cloud detection on ground-based color images".
    """
    red, blue = image[..., 0].astype(np.float32), image[..., 2].astype(np.float32)
    total = red + blue
    ratio = np.divide(blue - red, total, out=np.zeros_like(total), where=total > 0)
    whiteness: Probability = np.asarray(0.5 - ratio / 2, np.float32)
    if valid is not None:
        whiteness[~_checked(valid, image)] = 0
    return whiteness


def from_ratio(image: Image, valid: Mask | None = None) -> Mask:
    """Cloud by day, bool (H, W): whiteness above Otsu's threshold over the valid pixels; False outside valid.

    Raises MaskError where valid has another size. Whatever the sky, Otsu finds two classes: correct the paint where it
    is all clear or all covered.
    """
    return _above_otsu(_grey(red_blue(image)), _all_or(valid, image))


def from_brightness(image: Image, valid: Mask | None = None) -> Mask:
    """Cloud at night, bool (H, W): smoothed brightness above Otsu's threshold over the valid pixels.

    A median first takes the stars away. The moon and its glow come out as cloud. Raises MaskError where valid has
    another size.
    """
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY), np.uint8)
    size = max(3, round(STAR_PX * min(grey.shape) / 512)) | 1
    return _above_otsu(np.asarray(cv2.medianBlur(grey, size), np.uint8), _all_or(valid, image))


def uncertainty(probability: Probability, valid: Mask | None = None) -> float:
    """How unsure a network is of a frame, 0..1: the mean of 1 - |2 p - 1| over valid pixels; 0 where none is valid."""
    counted = probability if valid is None else probability[valid]
    return float(np.mean(1 - np.abs(2 * counted - 1), dtype=np.float64)) if counted.size else 0.0


def _all_or(valid: Mask | None, image: Image) -> Mask:
    return np.ones(image.shape[:2], np.bool_) if valid is None else _checked(valid, image)


def _checked(valid: Mask, image: Image) -> Mask:
    if valid.shape != image.shape[:2]:
        raise MaskError(f"Got a valid mask of {valid.shape} for an image of {image.shape[:2]}: pass one of its size.")
    return valid


def _grey(whiteness: Probability) -> NDArray[np.uint8]:
    return np.rint(whiteness * 255).astype(np.uint8)


def _above_otsu(grey: NDArray[np.uint8], valid: Mask) -> Mask:
    """Otsu (1979) over the valid pixels alone; a frame of one grey level, or without a valid pixel, is all sky."""
    values = grey[valid]
    if not values.size or values.min() == values.max():
        return np.zeros(grey.shape, np.bool_)
    threshold, _ = cv2.threshold(values.reshape(-1, 1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return (grey > threshold) & valid
