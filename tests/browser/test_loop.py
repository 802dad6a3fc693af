"""The whole loop with a mouse: paint, save, reload, learn from the paint, look, move a slider, read the Dice."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudcore import images, models, runs
from cloudcore.frames import labelled
from tests.browser.test_paint import Painter

pytestmark = pytest.mark.browser

STEM = "camera9_2017-08-17T04-00-00"
PATIENCE = 400_000
"""Longest wait for a training, ms."""


def _put_frame(workspace: Path, sky_data: Path) -> images.Image:
    """One frame as a person's own: a real one where there are some, a sample otherwise; returns its image."""
    chosen, best = None, -1.0
    for pair in labelled.pairs(sky_data)[:60]:
        image, label = labelled.read_pair(pair)
        height, width = label.shape
        middle = label[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] == 255
        share = float(middle.mean()) - abs(
            float((label == 255).mean()) - 0.4
        )  # cloud where the brush goes, sky elsewhere
        if share > best:
            chosen, best = image, share
    assert chosen is not None
    (workspace / "images").mkdir(parents=True, exist_ok=True)
    images.write_png(workspace / "images" / f"{STEM}.png", chosen)
    return chosen


def _settle(page: Any) -> None:
    page.wait_for_timeout(800)
    page.locator('[data-testid="stStatusWidget"]').wait_for(state="detached", timeout=90_000)
    page.wait_for_timeout(300)


def test_paint_save_reload_train_and_compare(page: Any, app_factory: Callable[..., Any], sky_data: Path) -> None:
    app = app_factory()
    image = _put_frame(app.workspace, sky_data)
    height, width = image.shape[:2]
    painter = Painter(page, app).open(STEM)

    # paint with the mouse, and save
    painter.size(61)
    for row in (0.3, 0.4, 0.5, 0.6, 0.7):
        painter.stroke((width * 0.25, height * row), (width * 0.75, height * row)).held()
    painted = painter.draft(STEM) == 255
    assert painted[height // 2, width // 2] and painted.mean() > 0.02
    page.keyboard.press("Control+Enter")
    painter.toast("revision 1")
    store = painter.store()
    head = store.head("sky", STEM)
    store.close()
    assert head is not None and head.revision == 1
    assert np.array_equal(head.mask == 255, painted)

    # reload, and find the paint
    painter.open(STEM)
    share = painter.canvas.locator("[data-note=share]").inner_text()
    assert not share.startswith("cloud 0.000"), share

    # train an epoch on it, from the shipped model as the page proposes
    page.get_by_test_id("stTopNavLink").filter(has_text="Train").first.click()
    page.get_by_text("1 frames, cloud base rate").wait_for(timeout=60_000)
    for label, value in (("Epochs", "1"), ("Batch", "2"), ("Crop, px", "64")):
        field = page.get_by_label(label, exact=True)
        field.fill(value)
        field.press("Enter")
        _settle(page)
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("See what it got wrong").wait_for(timeout=PATIENCE)
    found = runs.list_runs(app.workspace / "runs")
    assert [run.status().state for run in found] == ["done"]
    assert models.load(found[0].folder).info["trained_on"]["n"] == 1
    assert os.path.samefile(found[0].folder.parent, app.workspace / "runs")

    # look: move the threshold with the mouse, and read another Dice off the page
    page.get_by_text("See what it got wrong").click()
    page.locator(".lens[data-checksum]").wait_for(timeout=90_000)
    _settle(page)
    dice, checksum = (
        page.locator("[data-score=dice]").inner_text(),
        page.locator(".lens").get_attribute("data-checksum"),
    )
    seen = set()
    for part in (0.97, 0.03):
        slider = page.locator("#threshold")
        box, at = slider.bounding_box(), int(slider.input_value()) / int(slider.get_attribute("max"))
        page.mouse.move(box["x"] + 7 + (box["width"] - 14) * at, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * part, box["y"] + box["height"] / 2, steps=6)
        page.mouse.up()
        page.wait_for_timeout(1000)
        seen.add((page.locator("[data-score=dice]").inner_text(), page.locator(".lens").get_attribute("data-checksum")))
    assert any(other != dice and sum_ != checksum for other, sum_ in seen), (dice, seen)
