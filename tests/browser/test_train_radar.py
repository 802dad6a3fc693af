"""Train on radar pictures with a mouse: classes, variants under sliders, a run, and its curves and scores."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from cloudcore import images, runs
from tests.conftest import App

STRIP = 'img[alt^="9 variants"]'


def _settle(page: Any) -> None:
    """Wait until the page has been drawn anew."""
    page.wait_for_timeout(800)
    page.locator('[data-testid="stStatusWidget"]').wait_for(state="detached", timeout=90_000)
    page.wait_for_timeout(300)


def _variants(page: Any) -> images.Image:
    """The strip of variants in view, as it was sent."""
    return images.read(page.request.get(page.evaluate(f"document.querySelector('{STRIP}').src")).body())


@pytest.mark.browser
def test_variants_under_sliders_and_a_run_of_storms(app_factory: Callable[..., App], page: Any) -> None:
    app = app_factory()
    page.set_default_timeout(120_000)
    page.goto(f"{app.url}/train")
    page.get_by_role("button", name="Start", exact=True).wait_for()
    page.get_by_role("combobox", name="Task").click()
    page.get_by_role("option", name="Storms on radar pictures").click()
    page.get_by_text("180 pictures, the commonest class 17 %").wait_for()
    page.get_by_text("Cellular 30, Missing 30, Noise 30, Other 30, QLCS 30, Tropical 30.").wait_for()

    # the slider of rotation is moved: the setting of the run follows, and the nine pictures are others
    page.get_by_text("Nine variants as the settings draw them").wait_for()
    before = _variants(page)
    assert before.shape[1] / before.shape[0] == pytest.approx(9, abs=0.3)
    url = page.locator(STRIP).get_attribute("src")
    slider = page.locator(".st-key-variants-rotation").get_by_role("slider").first
    assert slider.input_value() == "10"
    slider.focus()
    for _ in range(25):
        slider.press("ArrowRight")
    page.wait_for_function(f"url => document.querySelector('{STRIP}').getAttribute('src') != url", arg=url)
    _settle(page)
    turned = float(page.get_by_role("spinbutton", name=re.compile("^Rotation")).first.input_value())
    assert turned == float(slider.input_value()) > 10
    assert (_variants(page) != before).mean() > 0.1

    # a short run: its curves, and its scores beside the share of the commonest class
    epochs = page.get_by_label("Epochs", exact=True)
    epochs.fill("2")
    epochs.press("Enter")
    _settle(page)
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("Validation, last epoch:").wait_for(timeout=400_000)
    (run,) = runs.list_runs(app.workspace / "runs")
    assert run.config()["options"]["rotation"] == turned
    scores = page.get_by_text("Validation, last epoch:").inner_text()
    assert all(words in scores for words in ("accuracy", "macro F1", "base rate"))
    page.locator(".js-plotly-plot").first.wait_for()
    assert {"train_loss", "valid_loss", "accuracy"} <= run.history()[-1].keys()
