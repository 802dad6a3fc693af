"""First start: a new server with nothing there, whichever page is visited first, and by two people at once."""

import re
import socket
from collections.abc import Callable
from typing import Any

import pytest

from cloudcore.frames import listing
from tests.conftest import App


def _is_the_app(page: Any, title: str) -> None:
    """Title, top navigation with its four pages, our style sheet; no sidebar of the old page mode."""
    page.get_by_role("heading", name=title, exact=True, level=1).wait_for(timeout=120_000)
    for name in ("Overview", "Paint", "Train", "Compare"):
        page.get_by_role("link", name=name, exact=True).first.wait_for(timeout=60_000)
    assert page.locator('[data-testid="stSidebar"]').count() == 0
    styled = "getComputedStyle(document.querySelector('.stMainBlockContainer')).maxWidth === '1720px'"
    page.wait_for_function(styled, timeout=60_000)


@pytest.mark.browser
def test_first_visit_to_paint(app_factory: Callable[..., App], page: Any) -> None:
    app = app_factory(with_samples=True)
    page.goto(f"{app.url}/paint")
    page.get_by_role("link", name="Compare", exact=True).first.wait_for(timeout=120_000)
    _is_the_app(page, "Paint")


@pytest.mark.browser
def test_nothing_there(app_factory: Callable[..., App], page: Any, browser: Any) -> None:
    app = app_factory(with_samples=False)
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url) if "127.0.0.1" not in request.url else None)
    page.goto(app.url)
    page.get_by_text("First start: drawing a sky to try things on").wait_for(timeout=60_000)
    other = browser.new_context().new_page()
    other.goto(app.url)
    for visitor in (page, other):
        _is_the_app(visitor, "Overview")
    page.get_by_text("no camera took them").wait_for()
    assert page.locator('[data-testid="stMetricValue"]').first.inner_text() == "24"
    page.locator('[class*="st-key-card-next-"] img').nth(9).wait_for()
    assert [path.name for path in app.workspace.iterdir() if path.is_dir()] == ["samples"]
    assert len(listing.list_frames(app.workspace / "samples" / "sky" / "images")) == 24
    assert not [url for url in outside if not url.startswith(("data:", "blob:"))]
    page.locator('[class*="st-key-card-next-0"] a').click()
    page.wait_for_url(re.compile(r"/paint\?.*frame="), timeout=60_000)


def test_a_foreign_host_name_is_refused(app_factory: Callable[..., App]) -> None:
    app = app_factory(with_samples=True)
    for host, wanted in (("evil.example", b"403"), (f"127.0.0.1:{app.port}", b"101")):
        request = (
            f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", app.port), timeout=20) as line:
            line.sendall(request.encode())
            assert wanted in line.recv(200).split(b"\r\n")[0]
