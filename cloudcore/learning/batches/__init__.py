"""What a training reads. In: images in memory and settings. Out: augmented batches, and the scores of a validation."""

__all__ = [
    "class_data",
    "device_images",
    "exposure",
    "mask_augmentation",
    "pattern_data",
    "pattern_scorer",
    "photograph_data",
    "photograph_views",
    "radar_data",
    "sky_crops",
    "sky_data",
    "sky_scorer",
]
