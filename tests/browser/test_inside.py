"""Inside with a mouse: a square is moved, maps and filters are chosen by a click, CloudNet is asked."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from cloudcore import images
from tests.conftest import App
from tests.inside.test_activations import write_model


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
    # the second map of the sheet, by a click, stands large beside it
    sheet = page.locator('[class*="layers_map"] .nsewdrag').first
    box = sheet.bounding_box()
    page.mouse.click(box["x"] + 75, box["y"] + 25)
    page.get_by_text("Map 1:").wait_for(timeout=60_000)


@pytest.mark.browser
def test_filters_patches_and_a_picture_of_ones_own(app_factory: Callable[..., App], page: Any, tmp_path: Path) -> None:
    app = app_factory()
    page.set_default_timeout(120_000)
    write_model(app.workspace / "models" / "patches", "sky", "CloudNet, dense")
    page.goto(f"{app.url}/inside?model=patches")
    page.get_by_text("w1 x1 + w2 x2 + b").wait_for()

    # a learnt filter, chosen in the gallery
    page.get_by_text("Kernels", exact=True).click()
    page.get_by_text("Learnt", exact=True).click()
    page.get_by_text("All 64 filters of conv1").wait_for()
    gallery = page.locator('[class*="kernels_sheet"] .nsewdrag').first
    gallery.wait_for()
    gallery.scroll_into_view_if_needed()
    box = gallery.bounding_box()
    page.mouse.click(box["x"] + 52 * 3 + 26, box["y"] + 28)
    page.get_by_text("After filter 3").wait_for()

    # CloudNet's patch under a click
    page.get_by_text("Layers", exact=True).click()
    place = page.get_by_text(re.compile(r"row 14\d, column 14\d: cloud 0\.\d\d"))  # the middle, at first
    place.wait_for()
    frame = page.locator('[class*="layers_points"] .nsewdrag').first
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    page.mouse.click(box["x"] + 60, box["y"] + 60)
    place.wait_for(state="detached")
    page.get_by_text("conv3: 64 maps, the first 16").wait_for()

    # any picture of one's own
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3)).astype(np.uint8)
    images.write_png(tmp_path / "mine.png", noise)
    page.get_by_role("combobox", name="Picture of").click()
    page.get_by_role("option", name="Own picture").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "mine.png")
    page.get_by_text("64 maps of 96 × 128").wait_for()
