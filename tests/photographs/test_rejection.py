"""Pictures unlike what was fitted are far, those like it near."""

import numpy as np

from cloudcore.photographs import rejection
from cloudcore.samples import photographs


def test_another_world_is_far() -> None:
    names = ("Cirrus", "Cumulus", "Stratus", "Altocumulus")
    seen = [photographs.draw(name, np.random.default_rng([k, n])) for n, name in enumerate(names) for k in range(24)]
    fitted = rejection.fit(seen[::2] + seen[1::4])
    near = [rejection.distance(picture, fitted) for picture in seen[3::4]]
    radar = np.zeros((136, 136, 3), np.uint8)
    radar[50:80, 40:90] = 200
    assert rejection.distance(radar, fitted) > 2 * max(near)
    # in 28 dimensions the root mean square distance of the fitted ones is about the root of 28
    own = [rejection.distance(picture, fitted) for picture in seen[::2]]
    assert 3.5 < float(np.sqrt(np.mean(np.square(own)))) < 6.5


def test_few_photographs_fit_nothing(rng: np.random.Generator) -> None:
    fitted = rejection.fit([photographs.draw("Cirrus", rng)] * 5)
    assert fitted == {} and rejection.distance(photographs.draw("Cirrus", rng), fitted) == 0.0
