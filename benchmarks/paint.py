"""Mouse-up to the new mask in Python, in a real browser: our brush against streamlit-drawable-canvas.

Ours is wanted within 150 ms: in that time it decodes the mask, keeps it as a draft on disk and redraws the page.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import Case, Seconds

ROOT = Path(__file__).parent.parent
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_CLOCK = """(canvas) => new Promise((done) => {
  const wanted = () => canvas.dataset.heldRev === canvas.dataset.rev && canvas.dataset.rev !== globalThis.revBefore;
  const watch = new MutationObserver(() => {
    if (wanted()) { watch.disconnect(); done((performance.now() - globalThis.released) / 1000); }
  });
  watch.observe(canvas, { attributes: true });
  if (wanted()) done((performance.now() - globalThis.released) / 1000);
})"""
_OTHER_CLOCK = """(before) => new Promise((done) => {
  const look = () => {
    if (document.getElementById("held")?.dataset.px === before) requestAnimationFrame(look);
    else done((performance.now() - globalThis.released) / 1000);
  };
  look();
})"""
_OTHER_APP = """
import numpy as np
import streamlit as st
from streamlit_drawable_canvas import st_canvas
st.set_page_config(layout="wide")
drawn = st_canvas(stroke_width=20, stroke_color="#ffffff", background_image={image!r}, width=512, height=512,
                  drawing_mode="freedraw", return_image_data=True, key="canvas")
mask = np.zeros((512, 512), bool) if drawn.image_data is None else drawn.image_data[..., 3] > 127
st.html(f"<p id='held' data-px='{{int(mask.sum())}}'></p>")
"""


class _App:
    """A Streamlit server of its own and a browser page on it."""

    def __init__(self, browser: Any, script: Path, address: str, environ: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}"]
        quiet = subprocess.DEVNULL
        self.server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environ}, stdout=quiet, stderr=quiet)
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        self.page = browser.new_page(viewport={"width": 1440, "height": 900})
        self.page.set_default_timeout(90_000)
        self.page.goto(f"http://127.0.0.1:{port}/{address}")


def _wait_for(address: str) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(address, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.25)
    raise RuntimeError(f"no server answered at {address}")


def _stroke(page: Any, box: dict[str, float], number: int) -> None:
    """A short stroke whose release is timed inside the page."""
    x, y = box["x"] + box["width"] / 2 - 60 + number % 12 * 10, box["y"] + box["height"] / 2 - 60 + number % 9 * 12
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 25, steps=5)
    page.evaluate(
        "() => addEventListener('pointerup', () => { globalThis.released = performance.now(); },"
        " { capture: true, once: true })"
    )
    page.mouse.up()


def _ours(app: _App) -> Callable[[], Seconds]:
    page, count = app.page, [0]
    canvas = page.locator(".brush[data-ready]")
    canvas.wait_for()
    box = page.locator(".brush .stage").bounding_box()

    def stroke() -> Seconds:
        canvas.evaluate("(canvas) => { globalThis.revBefore = canvas.dataset.rev; }")
        count[0] += 1
        _stroke(page, box, count[0])
        return Seconds(canvas.evaluate(_CLOCK))

    return stroke


def _other(app: _App) -> Callable[[], Seconds]:
    page, count = app.page, [0]
    page.wait_for_selector("canvas.upper-canvas")
    page.wait_for_selector("#held", state="attached")
    box = page.locator("canvas.upper-canvas").bounding_box()

    def stroke() -> Seconds:
        before = page.locator("#held").get_attribute("data-px")
        count[0] += 1
        _stroke(page, box, count[0])
        return Seconds(page.evaluate(_OTHER_CLOCK, before))

    return stroke


def _make() -> tuple[Callable[[], Any], Callable[[], Any]]:
    from playwright.sync_api import sync_playwright

    from cloudcore import samples

    place = Path(tempfile.mkdtemp(prefix="paint-"))
    samples.write(place / "workspace" / "samples")
    frame = next(iter(sorted((place / "workspace" / "samples" / "sky" / "images").glob("*.png"))))
    other = place / "other.py"
    other.write_text(_OTHER_APP.format(image=str(frame)), encoding="utf-8")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        raise LookupError("no Chromium found: install the package chromium to run this benchmark")
    browser = sync_playwright().start().chromium.launch(executable_path=path, args=_FLAGS)
    environ = {"CLOUDCORE_WORKSPACE": str(place / "workspace"), "CLOUDCORE_LABELS": str(place / "labels")}
    ours = _App(browser, ROOT / "streamlit_app.py", f"paint?frame={frame.stem}", environ)
    theirs = _App(browser, other, "", environ)
    _at_exit(browser, place, ours.server, theirs.server)
    return _ours(ours), _other(theirs)


def _at_exit(browser: Any, place: Path, *servers: "subprocess.Popen[bytes]") -> None:
    import atexit

    def close() -> None:
        for server in servers:
            server.terminate()
        shutil.rmtree(place, ignore_errors=True)

    atexit.register(close)


CASES = [Case("paint: mouse-up to mask in Python", _make, goal=2.0, repeats=21)]
