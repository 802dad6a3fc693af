"""Compare for a model of the four patterns, in a real browser: the class, both sliders, the Dice that changes."""

from typing import Any

import numpy as np
import pytest

from cloudcore import images, models
from cloudcore.masks import mask, metrics
from cloudcore.models import mask_evaluation
from cloudcore.satellite import cache
from cloudcore.satellite.table import GRID_HW, PATTERNS
from tests import toy_model, waiting
from tests.browser.lens_viewer import LensViewer

pytestmark = pytest.mark.browser

IMAGE = "terra_2010-01-16"


class Viewer(LensViewer):
    """A person before Compare with a patterns model: chooses a class, drags the sliders, reads the page."""

    def __init__(self, page: Any, app: Any) -> None:
        super().__init__(page, app)
        self.folder = toy_model.write_patterns(app.workspace / "models" / "toy")
        self.model = models.load(self.folder)
        self.table, self.images, _ = cache.sources(app.workspace / "samples" / "patterns")
        self.page.goto(f"{app.url}/compare?model=toy&frame={IMAGE}&compare_pattern=Flower")
        self.wait_for_scores(12)

    def wanted(self, pattern: str, name: str = IMAGE) -> float:
        """Dice of mask.clean at the sliders' values, by Python alone."""
        threshold, min_size = float(self.told("threshold")), int(self.told("min-size"))
        probability = self.model(images.read(self.images / f"{name}.jpg"), GRID_HW)[PATTERNS.index(pattern)]
        cleaned = mask.clean(probability, threshold, min_size)
        return metrics.dice(cleaned, self.table.mask(f"{name}.jpg", pattern, GRID_HW))


def test_class_and_both_sliders_change_the_dice(app_factory: Any, page: Any) -> None:
    viewer = Viewer(page, app_factory())
    assert viewer.dice == f"{viewer.wanted('Flower'):.3f}"
    before, dice = viewer.scores, viewer.dice
    viewer.hold("#min_size", 0.98)
    waiting.until(lambda: viewer.dice != dice)
    assert int(viewer.told("min-size")) > 20000 and viewer.dice == f"{viewer.wanted('Flower'):.3f}"
    assert viewer.scores == before  # not let go yet
    page.mouse.up()
    waiting.until(lambda: viewer.scores != before)

    dice = viewer.dice
    viewer.hold("#threshold", 0.2)
    waiting.until(lambda: viewer.dice != dice)
    assert viewer.dice == f"{viewer.wanted('Flower'):.3f}"
    page.mouse.up()

    checksum = viewer.told("checksum")
    page.get_by_test_id("stButtonGroup").get_by_text("Gravel", exact=True).click()
    waiting.until(lambda: viewer.told("checksum") != checksum and viewer.told("threshold") == "0.5")
    assert viewer.dice == f"{viewer.wanted('Gravel'):.3f}"
    page.get_by_text("Gravel", exact=False).first.wait_for()


def test_use_best_is_the_sweeps_and_is_saved_for_that_class_alone(app_factory: Any, page: Any) -> None:
    viewer = Viewer(page, app_factory())
    page.get_by_text("Whole set", exact=True).click()
    waiting.until(lambda: viewer.scores.lstrip().startswith("set, n = 12"))  # the best is the set's from here on
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Use best").click()
    waiting.until(lambda: "95 %" not in viewer.scores and page.locator("[data-score=against]").count() == 1)
    label = page.get_by_role("button", name="Use best").inner_text()
    waiting.until(lambda: page.locator("[data-value=threshold]").inner_text() in label)
    page.get_by_role("button", name="Save as default").click()
    waiting.until(
        lambda: models.load(viewer.folder).threshold[1] != 0.5 or models.load(viewer.folder).min_size[1] != 500
    )
    saved = models.load(viewer.folder)
    assert saved.grid_hw == GRID_HW and [saved.threshold[i] for i in (0, 2, 3)] == [0.5] * 3
    each = []
    for name in viewer.table.images:
        probability = saved(images.read(viewer.images / name), GRID_HW)[1]
        cleaned = mask.clean(probability, saved.threshold[1], saved.min_size[1])
        each.append(metrics.dice(cleaned, viewer.table.mask(name, "Flower", GRID_HW)))
    assert np.mean(each) == pytest.approx(float(viewer.dice), abs=6e-4)
    sweeps = mask_evaluation.sweep_model(saved, viewer.images.parent, every=True)["Flower"]
    assert np.mean(each) >= sweeps["dice"] - 1e-6  # the page's steps hold every step of the sweep
