"""What a training reads: images held, augmented and cut into batches, and the scores of a validation."""

__all__ = [
    "class_data",
    "device_images",
    "exposure",
    "mask_augmentation",
    "pattern_data",
    "photograph_data",
    "photograph_views",
    "radar_data",
    "sky_data",
]
