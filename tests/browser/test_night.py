"""Night in a real browser: the curve comes, a click and an arrow key move the cursor, Paint opens that frame.

And what leaves and enters by the mouse: tables and picture downloaded, a second series laid over, a site that stays.
"""

import csv
import io
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pandas as pd
import pytest

from cloudcore import images
from cloudcore.sky import cameras
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


def _picture(page: Any) -> Any:
    return page.locator(".st-key-inspector [data-testid=stImage] img")


def _pixels(page: Any) -> images.Image:
    """The frame in the inspector as it was sent."""
    url = page.evaluate("document.querySelector('.st-key-inspector [data-testid=stImage] img').src")
    return images.read(page.request.get(url).body())


def _open(page: Any, app: Any) -> None:
    page.set_default_timeout(PATIENCE_MS)
    toy_model.write(app.workspace / "models" / "toy")
    page.goto(f"{app.url}/night?model=toy")
    page.get_by_text(re.compile("drawn sample night, 40 frames")).wait_for()


def test_click_scrub_and_open_in_paint(page: Any, app_factory: Any) -> None:
    app = app_factory()
    _open(page, app)
    chart = page.locator("[data-testid=stPlotlyChart]")
    chart.locator(".bars").wait_for(state="attached")
    box, first = chart.bounding_box(), _shown(page)
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + 60)
    clicked = _wait_for_another(page, first)
    assert re.search("2017-08-17 0[67]:", clicked)
    assert f"Frame of {clicked[:16]} UTC: cloud fraction" in _picture(page).get_attribute("alt")
    masked, pixels = _picture(page).get_attribute("src"), _pixels(page)
    page.locator(".st-key-night_mask label").click()
    page.wait_for_function(
        "masked => document.querySelector('.st-key-inspector [data-testid=stImage] img').getAttribute('src') != masked",
        arg=masked,
    )
    bare = _pixels(page)
    assert bare.shape == pixels.shape and (bare != pixels).any(axis=2).mean() > 0.01
    page.get_by_role("slider").first.press("ArrowRight")
    scrubbed = _wait_for_another(page, clicked)
    assert scrubbed > clicked
    page.get_by_role("button", name="Open in Paint").click()
    page.wait_for_url("**/paint**")
    query = parse_qs(urlparse(page.evaluate("location.href")).query)
    assert query["frame"][0].endswith(scrubbed[11:19].replace(":", "-"))
    page.locator(".st-key-stage iframe, .st-key-stage canvas").first.wait_for()


def _saved(page: Any, kind: str) -> tuple[str, bytes]:
    """Name and content of what a click on a download button saves."""
    with page.expect_download() as waiting:
        page.locator(f".st-key-night_{kind} button").click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_downloads_a_second_series_and_a_site_that_stays(page: Any, app_factory: Any, tmp_path: Path) -> None:
    app = app_factory()
    _open(page, app)

    page.get_by_text("Download", exact=True).click()
    name, content = _saved(page, "csv")
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert name == "night.csv" and len(rows) == 40 and all(0 <= float(row["cloud_fraction"]) <= 1 for row in rows)
    name, content = _saved(page, "parquet")
    table = pd.read_parquet(io.BytesIO(content))
    assert name == "night.parquet" and table["file"].tolist() == [row["file"] for row in rows]
    name, content = _saved(page, "png")
    assert name == "night.png" and images.read(content).shape == (900, 1600, 3)
    page.keyboard.press("Escape")

    # a log that says the opposite of the curve: correlation -1, its interval, and how many pairs
    log = [f"{row['time_utc']},{1 - float(row['cloud_fraction'])}" for row in rows]
    (tmp_path / "roof.csv").write_text("\n".join(["time_utc,value", *log]))
    page.get_by_text("Second series", exact=True).click()
    page.locator("input[type=file]").last.set_input_files(tmp_path / "roof.csv")
    page.get_by_text("Dashed: roof.csv. Correlation −1.00 [−1.00, −1.00], n = 40.").wait_for()
    page.keyboard.press("Escape")

    # half a night of Kitt Peak is too bright; the site is on the disk, and there after a reload
    page.get_by_text("Site and sky", exact=True).click()
    for field, value in (("latitude", "31.96"), ("longitude", "-111.6"), ("north", "5")):
        box = page.locator(f".st-key-night_{field}_camera3 input")
        box.fill(value)
        box.press("Enter")
        page.wait_for_function(f"() => !document.querySelector('.st-key-night_{field}_camera3 input').disabled")
        page.wait_for_timeout(1500)
    page.get_by_text(re.compile(r"Left out: 50° around the moon, 20° around the sun")).wait_for()
    kept = cameras.load_pose(app.workspace / "cameras", "camera3")
    assert (kept.latitude, kept.longitude, kept.north) == (31.96, -111.6, 5.0)
    page.reload()
    page.get_by_text(re.compile(r"Left out: 50° around the moon, 20° around the sun")).wait_for()
    page.get_by_text(re.compile(r"\d frames left out; the list says why")).wait_for()
