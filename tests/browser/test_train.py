"""Train with a mouse: a double click starts one run, which survives a reload and leaves curves and a model."""

from collections.abc import Callable
from typing import Any

import pytest

from cloudcore import runs
from tests.conftest import App


def _settle(page: Any) -> None:
    """Wait until the page has been drawn anew, and old elements are gone."""
    page.wait_for_timeout(800)
    page.locator('[data-testid="stStatusWidget"]').wait_for(state="detached", timeout=90_000)
    page.wait_for_timeout(300)


def _fill(page: Any, label: str, value: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")
    _settle(page)


@pytest.mark.browser
def test_start_reload_and_watch_to_the_end(app_factory: Callable[..., App], page: Any) -> None:
    app = app_factory()
    page.goto(f"{app.url}/train")
    start = page.get_by_role("button", name="Start", exact=True)
    start.wait_for(timeout=120_000)
    page.get_by_text("24 frames, cloud base rate").wait_for(timeout=60_000)
    page.get_by_role("combobox", name="Start from").click()
    page.get_by_role("option", name="nothing", exact=True).click()
    _settle(page)
    for label, value in (("Epochs", "1"), ("Batch", "2"), ("Size, px", "64"), ("Crop, px", "64"), ("Name", "by mouse")):
        _fill(page, label, value)
    start.dblclick()
    page.locator(".st-key-stop button").first.wait_for(timeout=60_000)
    assert len(runs.list_runs(app.workspace / "runs")) == 1
    page.reload()
    page.locator(".st-key-stop button").first.wait_for(timeout=60_000)
    page.get_by_text("See what it got wrong").wait_for(timeout=400_000)
    found = runs.list_runs(app.workspace / "runs")
    assert [run.status().state for run in found] == ["done"]
    assert found[0].config()["options"]["epochs"] == 1
    page.get_by_text("Validation, last epoch: mIoU").wait_for(timeout=60_000)
    page.locator(".js-plotly-plot").first.wait_for(timeout=60_000)
    page.get_by_text("worst ·").first.wait_for()
    _fill(page, "Model name", "mine")
    page.get_by_role("button", name="Save as model", exact=True).click()
    page.get_by_text("Saved as model mine").wait_for(timeout=30_000)
    assert (app.workspace / "models" / "mine" / "model.onnx").is_file()
    page.get_by_text("See what it got wrong").click()
    page.get_by_role("heading", name="Compare", exact=True).wait_for(timeout=60_000)
