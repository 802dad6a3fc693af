"""Compare in a real browser: sliders act while dragged, what is shown is mask.clean, the worst opens, Paint opens."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest

from cloudcore import models
from cloudcore.frames import labelled
from cloudcore.masks import mask, metrics, rle
from tests import toy_model, waiting
from tests.browser.lens_viewer import LensViewer

pytestmark = pytest.mark.browser

FRAME = "camera2_2018-06-03T12-10-00"


class Viewer(LensViewer):
    """A person before Compare: drags the sliders, reads the page."""

    def __init__(self, page: Any, app: Any) -> None:
        super().__init__(page, app)
        self.model = models.load(toy_model.write(app.workspace / "models" / "toy"))
        self.pairs = {pair.stem: pair for pair in labelled.pairs(Path(app.workspace) / "samples" / "sky")}

    def open(self) -> "Viewer":
        """Go to the page by its address and wait until all frames are scored."""
        self.page.goto(f"{self.app.url}/compare?model=toy&frame={FRAME}")
        self.wait_for_scores(24)
        return self

    @property
    def stem(self) -> str:
        """The frame in view, from the address (asked of the page: Playwright's own copy may lag)."""
        return parse_qs(urlparse(self.page.evaluate("location.href")).query)["frame"][0]

    def cleaned(self) -> tuple[Any, Any, Any]:
        """(mask.clean at the sliders of the panels, truth, valid) of the frame in view."""
        image, label = labelled.read_pair(self.pairs[self.stem])
        truth, valid = mask.from_label(label)
        threshold, min_size = float(self.told("threshold")), int(self.told("min-size"))
        return mask.clean(self.model(image), threshold, min_size, valid), truth, valid


def _checksum(cleaned: Any) -> str:
    found = 0x811C9DC5
    for value in cleaned.ravel().tolist():
        found = ((found ^ value) * 0x01000193) & 0xFFFFFFFF
    return f"{found:08x}"


@pytest.fixture
def viewer(app_factory: Any, page: Any) -> Viewer:
    """A person before Compare of a running app with samples."""
    return Viewer(page, app_factory()).open()


def test_sliders_act_while_held_and_python_hears_when_let_go(viewer: Viewer) -> None:
    dice, table, checksum = viewer.dice, viewer.scores, viewer.told("checksum")
    viewer.hold("#threshold", 0.12)
    waiting.until(lambda: viewer.told("checksum") != checksum)
    cleaned, truth, valid = viewer.cleaned()
    assert viewer.told("checksum") == _checksum(cleaned)
    assert viewer.dice == f"{metrics.dice(cleaned, truth, valid):.3f}" != dice
    assert viewer.scores == table  # not let go yet
    viewer.page.mouse.up()
    waiting.until(lambda: viewer.scores != table)
    score = next(line for line in viewer.scores.splitlines() if line.startswith("Dice")).split()[1]
    assert score == viewer.dice

    viewer.page.locator("#min_size").focus()
    for _ in range(4):
        viewer.page.keyboard.press("ArrowRight")
    waiting.until(lambda: viewer.told("min-size") == "150")
    viewer.page.get_by_role("button", name="Copy mask").click()
    cleaned, _, _ = viewer.cleaned()
    assert np.array_equal(rle.decode(viewer.told("rle"), cleaned.shape), cleaned)


def test_the_frame_is_sent_once(viewer: Viewer) -> None:
    sent: list[bool] = []
    viewer.page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda text: sent.append(b'"levels"' in text))
    )
    viewer.page.reload()
    viewer.page.locator(".lens[data-checksum]").wait_for()
    viewer.page.wait_for_timeout(1500)
    assert sum(sent) == 1
    table = viewer.scores
    viewer.hold("#threshold", 0.15)
    viewer.page.mouse.up()
    waiting.until(lambda: viewer.scores != table)
    viewer.page.wait_for_timeout(1500)
    assert sum(sent) == 1


def test_wipe_truth_zoom_and_the_next_frame(viewer: Viewer) -> None:
    page, stem = viewer.page, viewer.stem
    page.get_by_role("radio", name="Wipe").click()
    divider = page.get_by_role("slider", name="Divider between truth and prediction")
    divider.focus()
    page.keyboard.press("ArrowRight")
    assert divider.get_attribute("aria-valuetext") == "52 % truth"
    page.get_by_role("radio", name="Truth").click()
    page.locator("[data-panel=third] .words").get_by_text("truth", exact=False).wait_for()
    page.locator("[data-panel=frame] .view").dblclick()
    assert page.locator(".lens.zoomed").count() == 1
    page.locator(".thumbs button").nth(2).click()
    waiting.until(lambda: viewer.stem != stem and viewer.stem in viewer.told("doc"))
    cleaned, _, _ = viewer.cleaned()
    waiting.until(lambda: viewer.told("checksum") == _checksum(cleaned))


def test_use_best_moves_the_sliders_and_o_opens_paint(viewer: Viewer) -> None:
    page, stem = viewer.page, viewer.stem
    label = page.get_by_role("button", name="Use best").inner_text()
    page.get_by_role("button", name="Use best").click()
    waiting.until(lambda: page.locator("[data-value=threshold]").inner_text() in label)
    threshold, size = (page.locator(f"[data-value={name}]").inner_text() for name in ("threshold", "min_size"))
    assert label == f"Use best: {threshold}, {size} px"
    page.locator("h1").first.click()
    page.keyboard.press("o")
    page.wait_for_url("**/paint**")
    query = parse_qs(urlparse(page.url).query)
    assert query["frame"] == [stem] and query["coat"] == ["toy"]
