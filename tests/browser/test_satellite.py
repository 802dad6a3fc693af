"""Satellite with a mouse: filter, open an image, take classes away, draw a box and save it."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from cloudcore.labels import LabelStore
from cloudcore.masks.mask import CLOUD
from tests.conftest import App


def _settle(page: Any) -> None:
    """Wait until the page has been drawn anew, and old elements are gone."""
    page.wait_for_timeout(600)
    page.locator('[data-testid="stStatusWidget"]').wait_for(state="detached", timeout=90_000)
    page.wait_for_timeout(300)


def _drawing(page: Any) -> str:
    """The SVG that lies over the picture."""
    return str(page.locator(".st-key-satellite_overlay img").get_attribute("src"))


@pytest.mark.browser
def test_filter_open_toggle_correct(app_factory: Callable[..., App], page: Any) -> None:
    app = app_factory()
    page.goto(f"{app.url}/satellite")
    page.get_by_text("12 of 12 images").wait_for(timeout=120_000)
    head = page.locator(".st-key-satellite_present")
    head.get_by_role("button", name="Flower").click()
    head.get_by_role("button", name="Gravel").click()
    shown = page.get_by_text(re.compile(r"^[1-9] of 12 images"))
    shown.wait_for(timeout=120_000)
    _settle(page)
    count = int(shown.inner_text().split()[0])
    cards = page.locator('[class*="st-key-card-satellite"] button[kind=tertiary]')
    assert 0 < count < 12 and cards.count() == count

    cards.first.click()
    page.locator(".st-key-satellite_overlay img").wait_for(timeout=120_000)
    _settle(page)
    both, picture = _drawing(page), page.locator(".st-key-satellite_stack img").first.get_attribute("src")
    page.locator(".st-key-satellite_shown").get_by_role("button", name="Flower").click()
    page.get_by_role("img", name=re.compile("Labels shown: (?!.*Flower)")).wait_for(timeout=120_000)
    assert _drawing(page) != both
    assert page.locator(".st-key-satellite_stack img").first.get_attribute("src") == picture, "sent once"
    base, over = (page.locator(f".st-key-satellite_{name} img").first.bounding_box() for name in ("stack", "overlay"))
    assert all(abs(base[side] - over[side]) < 2 for side in base), "the labels lie on the picture"

    page.get_by_role("button", name="Correct", exact=True).click()
    canvas = page.locator("canvas").last
    canvas.wait_for(timeout=120_000)
    page.get_by_role("radio", name="Sugar").click()
    _settle(page)
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 90, steps=5)
    page.mouse.up()
    page.get_by_text("changed: Sugar, draft kept").wait_for(timeout=120_000)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Sugar: saved, revision 1").wait_for(timeout=120_000)
    store = LabelStore(app.labels)
    (stem,) = store.heads("patterns-Sugar")
    head_mask = store.head("patterns-Sugar", stem)
    assert head_mask is not None and int((head_mask.mask == CLOUD).sum()) >= 250 * 180
