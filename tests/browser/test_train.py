"""Train with a mouse: a double click starts one run, which survives a reload; stop, resume, queue, compare."""

from collections.abc import Callable
from typing import Any

import pytest

from cloudcore import runs
from tests import waiting
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
    # what it will take, timed at one press and said beside Start
    page.get_by_role("button", name="Time it", exact=True).click()
    page.get_by_text("as timed.").wait_for(timeout=200_000)
    page.locator(".st-key-head").get_by_text("about ").wait_for()
    assert not runs.list_runs(app.workspace / "runs"), "a timing is no run"
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


def _state(app: App, number: int, wanted: str, seconds: float = 300) -> None:
    """Wait until the run of a number, oldest first, is in a state."""

    def states() -> list[str]:
        return [run.status().state for run in runs.list_runs(app.workspace / "runs")[::-1]]

    waiting.until(lambda: states()[number : number + 1] == [wanted], seconds, states)


def _epochs(app: App, number: int) -> int:
    return len(runs.list_runs(app.workspace / "runs")[::-1][number].history())


@pytest.mark.browser
def test_leave_come_back_stop_resume_queue_and_compare_two(app_factory: Callable[..., App], page: Any) -> None:
    app = app_factory()
    page.set_default_timeout(120_000)
    page.goto(f"{app.url}/train")
    page.get_by_role("combobox", name="Start from").click()
    page.get_by_role("option", name="nothing", exact=True).click()
    _settle(page)
    for label, value in (("Epochs", "400"), ("Batch", "2"), ("Size, px", "64"), ("Crop, px", "64"), ("Name", "first")):
        _fill(page, label, value)
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator(".st-key-stop button").first.wait_for()

    # leave, come back, and find it going on
    page.get_by_test_id("stTopNavLink").filter(has_text="Overview").first.click()
    page.get_by_role("heading", name="Overview", exact=True).wait_for()
    _state(app, 0, "running")
    waiting.until(lambda: _epochs(app, 0), 300)
    page.get_by_test_id("stTopNavLink").filter(has_text="Train").first.click()
    page.locator(".st-key-stop button").first.click()
    _state(app, 0, "stopped", 60)
    stopped_at = _epochs(app, 0)
    assert stopped_at >= 1

    # resume, and put another run into the queue behind it
    page.locator(".st-key-resume button").first.click()
    _state(app, 0, "running")
    _fill(page, "Epochs", "1")
    _fill(page, "Name", "second")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("Queued: another run uses this device").first.wait_for()
    waiting.until(lambda: _epochs(app, 0) > stopped_at, 300)  # it goes on in the same folder
    runs.list_runs(app.workspace / "runs")[1].request_stop()
    _state(app, 0, "stopped", 60)
    _state(app, 1, "done")

    # two rows chosen by the mouse: what differs, and their curves
    page.reload()
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    page.get_by_text("Choose two rows to compare them").wait_for()
    box = table.bounding_box()
    for row in (0, 1):
        page.mouse.click(box["x"] + 16, box["y"] + 35 * (row + 1) + 17)
        page.wait_for_timeout(700)
    page.get_by_role("cell", name="epochs", exact=True).wait_for()
    assert page.get_by_role("cell", name="400", exact=True).count() == 1
    assert page.locator(".js-plotly-plot").count() >= 3
    page.get_by_text("The same images by each: once two of these runs have left a model.").wait_for()
