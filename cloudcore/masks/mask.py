"""From probability to mask and back to labels: threshold, components, min_size, and the three levels of a label."""

from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import MaskError

Mask = NDArray[np.bool_]
Probability = NDArray[np.float32]
Label = NDArray[np.uint8]

SKY, UNDEFINED, CLOUD = 0, 128, 255


def as_mask(array: NDArray[Any], name: str = "mask", shape_hw: tuple[int, int] | None = None) -> Mask:
    """The array as a bool (H, W) mask, without a copy where it is one already.

    Integers that hold nothing but 0 and 1 pass too. Raises MaskError for other levels, other axes, or a shape that
    differs from shape_hw where that is given.

    >>> as_mask(np.array([[0, 1]])).tolist()
    [[False, True]]
    """
    array = np.asarray(array)
    if array.ndim != 2:
        raise MaskError(f"Got a {name} of shape {array.shape}; wanted (H, W): pass one mask at a time.")
    if shape_hw is not None and array.shape != shape_hw:
        raise MaskError(
            f"Got a {name} of {array.shape[0]}x{array.shape[1]} px; wanted {shape_hw[0]}x{shape_hw[1]}: "
            "pass arrays of one and the same frame."
        )
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind not in "iu" or not np.isin(array, (0, 1)).all():
        raise MaskError(f"Got a {name} of {array.dtype} levels; wanted bool: read labels with mask.from_label first.")
    return array.astype(np.bool_)


def as_probability(probability: NDArray[Any]) -> NDArray[np.floating[Any]]:
    """The array as float32 or float64 (H, W), values untouched; raises MaskError for integers or other axes."""
    array = np.asarray(probability)
    if array.ndim != 2 or array.dtype not in (np.float16, np.float32, np.float64):
        raise MaskError(
            f"Got a probability of shape {array.shape} and type {array.dtype}; wanted float32 (H, W): "
            "divide uint8 values by 255 and pass one class at a time."
        )
    return array.astype(np.float32) if array.dtype == np.float16 else array


def remove_small(mask: Mask, min_size: float) -> Mask:
    """The mask without the 8-connected components whose area, in px, is min_size or less; bool (H, W).

    >>> remove_small(np.array([[1, 0, 1], [1, 0, 0]], np.bool_), 1).astype(int).tolist()
    [[1, 0, 0], [1, 0, 0]]
    """
    mask = as_mask(mask)
    if min_size < 1 or not mask.size:  # the smallest component has one pixel
        return mask.copy()
    # OpenCV's own type is fixed here: 16-bit labels overflow on large frames
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(
        np.ascontiguousarray(mask).view(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    keep = statistics[:, cv2.CC_STAT_AREA] > min_size
    keep[0] = False  # label 0 is what was not in the mask
    return cast(Mask, np.take(keep, cast(NDArray[np.int32], labels)))


def clean(probability: NDArray[Any], threshold: float, min_size: float, valid: Mask | None = None) -> Mask:
    """Cloud where probability > float32(threshold), less the components of min_size px or less; bool (H, W).

    Outside valid nothing is cloud, and nothing there joins two components. NaN is never cloud. The strict comparisons
    are those of the published searches (cv2.threshold, then area > min_size). Raises MaskError for shapes that differ.

    >>> probability = np.array([[0.9, 0.8, 0.1, 0.7]], np.float32)
    >>> clean(probability, 0.5, 0).tolist()
    [[True, True, False, True]]
    >>> clean(probability, 0.5, 1).tolist()
    [[True, True, False, False]]
    """
    array = as_probability(probability)
    cloud = array > np.float32(threshold)
    if valid is not None:
        cloud &= as_mask(valid, "valid mask", array.shape)
    return remove_small(cloud, min_size)


def from_label(label: NDArray[Any]) -> tuple[Mask, Mask]:
    """(cloud, valid), both bool (H, W), of a label with 255 cloud, 0 sky and 128 undefined.

    A bool array is taken as a mask that is valid everywhere. Raises MaskError for any other level.

    >>> cloud, valid = from_label(np.array([[255, 0, 128]], np.uint8))
    >>> cloud.tolist(), valid.tolist()
    ([[True, False, False]], [[True, True, False]])
    """
    array = np.asarray(label)
    if array.dtype == np.bool_:
        mask = as_mask(array, "label")
        return mask, np.ones(mask.shape, np.bool_)
    if array.ndim != 2 or array.dtype != np.uint8:
        raise MaskError(f"Got a label of shape {array.shape} and type {array.dtype}; wanted uint8 (H, W).")
    levels = np.flatnonzero(np.bincount(array.ravel(), minlength=256))
    if strangers := [int(level) for level in levels if level not in (SKY, UNDEFINED, CLOUD)]:
        raise MaskError(
            f"Got the label levels {', '.join(map(str, strangers[:5]))}{' ...' if len(strangers) > 5 else ''}; "
            "wanted 0 sky, 128 undefined and 255 cloud: import the mask and say what its levels mean."
        )
    return array == CLOUD, array != UNDEFINED


def to_label(cloud: Mask, valid: Mask | None = None) -> Label:
    """The label, uint8 (H, W), of a cloud mask: 255 cloud, 0 sky, and 128 wherever valid is False.

    >>> to_label(np.array([[True, False, True]]), np.array([[True, True, False]])).tolist()
    [[255, 0, 128]]
    """
    cloud = as_mask(cloud, "cloud mask")
    label = np.where(cloud, np.uint8(CLOUD), np.uint8(SKY))
    if valid is not None:
        label[~as_mask(valid, "valid mask", cloud.shape)] = UNDEFINED
    return label
