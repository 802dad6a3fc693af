"""Pure arithmetic of masks: probabilities, masks, run lengths and labels in; masks, scores and texts out."""

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
    "from_label",
    "mask",
    "mask_levels",
    "metrics",
    "remove_small",
    "rle",
    "sweep",
    "to_label",
]
