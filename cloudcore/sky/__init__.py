"""The sky over a camera.

In: frames, masks, places and times. Out: domes, cloud amounts, positions of sun and moon, initial masks.
"""

from cloudcore.sky.cloud_amount import cloud_fraction, okta, sky_fraction

__all__ = [
    "cameras",
    "cloud_amount",
    "cloud_fraction",
    "dome",
    "initial_masks",
    "okta",
    "sky_fraction",
    "sun_moon",
    "times",
]
