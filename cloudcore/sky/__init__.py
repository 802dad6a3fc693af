"""The sky over a camera.

In: frames, files of cameras, masks of cloud, probabilities of models, sites and times. Out: domes and horizon masks,
what counts as sky, cloud fractions and okta, times of frames, positions of sun and moon, initial masks.
"""

from cloudcore.sky.cloud_amount import cloud_fraction, okta, sky_fraction

__all__ = [
    "cameras",
    "cloud_amount",
    "cloud_fraction",
    "dome",
    "dome_search",
    "initial_masks",
    "okta",
    "sky_fraction",
    "sky_grid",
    "sun_moon",
    "times",
]
