"""The heat map over a photograph, and the rule for a clear sky."""

import numpy as np

from cloudcore.photographs import class_activation
from cloudcore.samples import photographs


def test_heat_is_grey_where_nobody_looked() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[..., 2] = 200
    looked = np.zeros((40, 60), np.float32)
    looked[:, 30:] = 1
    seen = class_activation.over(image, looked)
    assert np.ptp(seen[:, :30].astype(int), axis=2).max() == 0
    assert np.ptp(seen[:, 30:].astype(int), axis=2).min() > 20


def test_clear_sky_is_blue_and_smooth() -> None:
    down = np.linspace(0, 1, 200)[:, None, None]
    sky = np.array([60, 110, 200]) * (1 - 0.3 * down) + np.zeros((200, 300, 3))
    assert class_activation.is_clear_sky(sky.astype(np.uint8))
    rng = np.random.default_rng(0)
    for name in ("Cirrus", "Cumulus", "Stratus", "Altocumulus"):
        assert not class_activation.is_clear_sky(photographs.draw(name, rng))
