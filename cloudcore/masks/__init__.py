"""Pure arithmetic of masks.

In: probabilities, float32 (H, W); masks, bool (H, W); labels, uint8 (H, W); run lengths as text; grey levels of masks
made elsewhere. Out: masks, labels and texts; scores with their intervals; the Dice of every threshold and min_size.
"""

from cloudcore.masks.mask import (
    CLOUD,
    SKY,
    UNDEFINED,
    Label,
    Mask,
    Probability,
    as_mask,
    as_probability,
    clean,
    from_label,
    remove_small,
    to_label,
)

__all__ = [
    "CLOUD",
    "Label",
    "Mask",
    "Probability",
    "SKY",
    "UNDEFINED",
    "as_mask",
    "as_probability",
    "bootstrap",
    "clean",
    "coco_rle",
    "from_label",
    "mask",
    "mask_levels",
    "metrics",
    "remove_small",
    "rle",
    "sweep",
    "to_label",
]
