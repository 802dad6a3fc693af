"""Inside with a mouse: a click on the radar picture moves a square, and a layer's maps are drawn."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.conftest import App


@pytest.mark.browser
def test_a_click_moves_a_square_and_maps_appear(app_factory: Callable[..., App], page: Any) -> None:
    app = app_factory()
    page.goto(f"{app.url}/inside")
    page.get_by_text("w1 x1 + w2 x2 + b").wait_for(timeout=120_000)
    page.get_by_text("Pooling", exact=True).click()
    row = page.locator(".st-key-pooling_row_A")
    row.wait_for(timeout=60_000)
    before = row.inner_text()
    picture = page.locator('[class*="st-key-pooling_chart"] .nsewdrag').first
    picture.wait_for(timeout=60_000)
    box = picture.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2 + 30, box["y"] + 60)
    expect(row).not_to_have_text(before, use_inner_text=True, timeout=60_000)
    page.get_by_text("Layers", exact=True).click()
    page.get_by_text("Choose one to enlarge it").wait_for(timeout=180_000)
    page.get_by_text("Map 0:").wait_for(timeout=60_000)
