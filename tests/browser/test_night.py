"""Night in a real browser: the curve comes, a click and an arrow key move the cursor, Paint opens that frame."""

import re
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from tests import toy_model

pytestmark = pytest.mark.browser

PATIENCE_MS = 120_000
"""Longest wait for anything: machines that run tests are busy."""


def _shown(page: Any) -> str:
    """The time under the frame in the inspector."""
    return str(page.locator(".st-key-inspector [data-testid=stCaptionContainer]").first.inner_text())


def _wait_for_another(page: Any, before: str) -> str:
    page.wait_for_function(
        "before => document.querySelector('.st-key-inspector [data-testid=stCaptionContainer]').innerText != before",
        arg=before,
    )
    return _shown(page)


def test_click_scrub_and_open_in_paint(page: Any, app_factory: Any) -> None:
    app = app_factory()
    page.set_default_timeout(PATIENCE_MS)
    toy_model.write(app.workspace / "models" / "toy")
    page.goto(f"{app.url}/night?model=toy")
    page.get_by_text(re.compile("drawn sample night, 40 frames")).wait_for()
    chart = page.locator("[data-testid=stPlotlyChart]")
    chart.locator(".bars").wait_for(state="attached")
    box, first = chart.bounding_box(), _shown(page)
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + 60)
    clicked = _wait_for_another(page, first)
    assert re.search("2017-08-17 0[67]:", clicked)
    page.get_by_role("slider").first.press("ArrowRight")
    scrubbed = _wait_for_another(page, clicked)
    assert scrubbed > clicked
    page.get_by_role("button", name="Open in Paint").click()
    page.wait_for_url("**/paint**")
    query = parse_qs(urlparse(page.evaluate("location.href")).query)
    assert query["frame"][0].endswith(scrubbed[11:19].replace(":", "-"))
    page.locator(".st-key-stage iframe, .st-key-stage canvas").first.wait_for()
