"""A button of another page while a training takes every core: click to the new text, in a real browser.

The run is a real one, started as the Train page starts it: sky frames of the samples, threads on every core, far more
epochs than the measurement lasts. 300 ms is what a click may take; the other way is that bound itself.
"""

import atexit
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import Case, Seconds
from benchmarks.paint import _FLAGS, ROOT, _App

ALLOWED_S = 0.3
WAIT_S = 300
OPTIONS = {"epochs": 2000, "size": 96, "crop": 96, "batch": 8, "seed": 0}
_CLICK = """(way) => new Promise((done) => {
  const told = () => document.querySelector(".st-key-paint_queue_box button").textContent;
  const before = told();
  const began = performance.now();
  const watch = new MutationObserver(() => {
    if (told() !== before) { watch.disconnect(); done((performance.now() - began) / 1000); }
  });
  watch.observe(document.body, { subtree: true, childList: true, characterData: true });
  document.querySelector(`.st-key-paint_${way} button`).click();
})"""
"""Clicks Next or Previous of Paint; resolves, s, once the place in the queue ("3 of 24") reads otherwise."""


def _start_run(workspace: Path, environ: dict[str, str]) -> Any:
    """A run that says running and has taken a step."""
    from cloudcore import runs, settings
    from cloudcore.learning import jobs

    here = settings.Settings(workspace=workspace, labels=workspace.parent / "labels")
    os.environ.update(environ)
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.pop(variable, None)  # the run takes every core, whatever the harness has set for itself
    run = jobs.start("sky", OPTIONS, here.samples / "sky", here, name="busy")
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        status = run.status()
        if status.state == "running" and status.batch:
            return run
        if status.state not in runs.ACTIVE:
            raise RuntimeError(f"the run is {status.state}: {status.error}")
        time.sleep(0.3)
    raise RuntimeError(f"the run did not begin within {WAIT_S} s")


def _next_frame(page: Any, run: Any) -> Callable[[], Seconds]:
    count = [0]

    def click() -> Seconds:
        state = run.status().state
        if state != "running":
            raise RuntimeError(f"the run is {state}: there was nothing to wait behind")
        count[0] += 1
        spent = Seconds(page.evaluate(_CLICK, "next" if (count[0] - 1) // 16 % 2 == 0 else "previous"))
        page.wait_for_timeout(700)  # a person reads; the page's own rest is over by then
        return spent

    return click


def _make() -> tuple[Callable[[], Any], Callable[[], Any]]:
    from playwright.sync_api import sync_playwright

    from cloudcore import samples

    place = Path(tempfile.mkdtemp(prefix="train-page-"))
    samples.write(place / "workspace" / "samples")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        raise LookupError("no Chromium found: install the package chromium to run this benchmark")
    environ = {"CLOUDCORE_WORKSPACE": str(place / "workspace"), "CLOUDCORE_LABELS": str(place / "labels")}
    run = _start_run(place / "workspace", environ)
    browser = sync_playwright().start().chromium.launch(executable_path=path, args=_FLAGS)
    app = _App(browser, ROOT / "streamlit_app.py", "paint", environ)
    atexit.register(_close, app.server, run, place)
    app.page.locator(".brush[data-ready]").wait_for()
    app.page.wait_for_timeout(3000)
    return _next_frame(app.page, run), lambda: Seconds(ALLOWED_S)


def _close(server: Any, run: Any, place: Path) -> None:
    server.terminate()
    run.request_stop()
    end = time.monotonic() + 30
    while run.status().state == "running" and time.monotonic() < end:
        time.sleep(0.3)
    shutil.rmtree(place, ignore_errors=True)


CASES = [Case("train-page-button", _make, goal=1.0, repeats=31)]
