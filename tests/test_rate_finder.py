"""Readings of a curve made by hand, and a search on drawn photographs."""

from pathlib import Path

import numpy as np
import pytest

from cloudcore import rate_finder, sample_genus
from cloudcore.errors import RunError
from cloudcore.task import get_task, make_config


def test_readings_of_a_known_curve() -> None:
    rates = np.geomspace(1e-6, 1, 61)
    depth = np.log10(rates)
    losses = 2.3 - 1.5 / (1 + np.exp(-4 * (depth + 3))) + 3 * np.clip(depth + 1.5, 0, None) ** 2
    valley, steep, minimum = rate_finder.readings(rates.tolist(), losses.tolist())
    lowest = rates[losses.argmin()]
    assert steep == pytest.approx(1e-3, rel=0.3) and minimum == pytest.approx(lowest / 10)
    assert 1e-6 < valley < lowest
    with pytest.raises(RunError, match="wanted 4 or more"):
        rate_finder.readings([1e-3], [2.0])


def test_search(tmp_path: Path) -> None:
    sample_genus.write(tmp_path)
    task = get_task("genus")
    config = make_config(task, {"network": "test_resnet", "size": 32, "presize": 64, "batch": 8})
    curve = rate_finder.find(task, config, task.dataset(config, tmp_path))
    assert len(curve.rates) == len(curve.losses) > 10 and curve.rates == sorted(curve.rates)
    assert curve.rates[0] <= curve.valley <= curve.rates[-1]
