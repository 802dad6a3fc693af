"""A slider step of the lens in a real browser at 512x512: labelling, min_size, both panels and captions, drawn."""

import atexit
import shutil
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Case, Seconds, Way
from cloudcore import images
from cloudcore.masks import mask
from cloudcore.ui import lens
from cloudcore.views import render

SHAPE_HW = (512, 512)
ALLOWED = 0.033
STEPS = (20, 35, 42, 47, 50, 53, 58, 65, 80)
MIN_SIZE = 60
GRID = lens.Grid()

_MOUNT = """async ([html, js, css, data]) => {
  document.body.innerHTML = `<style>${css}</style>${html}`;
  const url = URL.createObjectURL(new Blob([js], { type: "text/javascript" }));
  (await import(url)).default({ data, parentElement: document.body });
}"""
# More thresholds than the lens keeps, so that every step labels anew.
_STEP = """async ([steps, size]) => {
  const link = globalThis.cloudcoreLens.get("clock"), lens = document.querySelector(".lens"), times = [];
  for (let turn = 0; turn < 4; turn++) for (const k of steps) {
    Object.assign(link, { k: k + turn - 2, minSize: size, mode: "errors" });
    for (const heard of link.listeners) heard();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    times.push(Number(lens.dataset.stepMs));
  }
  return times;
}"""


def _frame() -> lens.Picture:
    """A frame with broken cloud: a probability with detail down to a few pixels, as networks give."""
    rng = np.random.default_rng(0)
    coarse = cv2.GaussianBlur(rng.random(SHAPE_HW, np.float32), (0, 0), 24)
    fine = cv2.GaussianBlur(rng.random(SHAPE_HW, np.float32), (0, 0), 1.5)
    probability = _spread(_spread(coarse) + 0.5 * _spread(fine))
    label = np.where(_spread(coarse) > 0.5, mask.CLOUD, mask.SKY).astype(np.uint8)
    image = np.repeat((probability * 255).astype(np.uint8)[..., None], 3, axis=2)
    return lens.Picture("clock", image, lens.levels(probability, GRID.thresholds), label, None, "frame")


def _spread(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray((values - values.min()) / (values.max() - values.min()), np.float32)


@cache
def _browser() -> Any:
    """The system's Chromium, open until the process ends."""
    from playwright.sync_api import sync_playwright

    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not found:
        raise LookupError("Found no Chromium; wanted one to drive. Install the package chromium.")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    play = sync_playwright().start()
    atexit.register(play.stop)
    browser = play.chromium.launch(executable_path=found[0], args=flags)
    atexit.register(browser.close)
    return browser


def _mounted(picture: lens.Picture) -> Any:
    page = _browser().new_page(viewport={"width": 1440, "height": 900})
    page.set_content("<p>clock</p>")
    sent = lens.stage_data(picture, GRID, lens.Names(), "clock")
    page.evaluate(_MOUNT, [lens.PANELS["html"], lens.PANELS["js"], lens.PANELS["css"], sent])
    page.wait_for_function("globalThis.cloudcoreLens.get('clock').listeners.size === 1")
    page.wait_for_timeout(500)
    return page


def _in_browser(picture: lens.Picture) -> Way:
    page = _mounted(picture)

    def step() -> Seconds:
        return Seconds(np.median(page.evaluate(_STEP, [list(STEPS), MIN_SIZE])) / 1000)

    return step


def _against_frame_time() -> tuple[Way, Way]:
    return _in_browser(_frame()), lambda: Seconds(ALLOWED)


def _against_python() -> tuple[Way, Way]:
    """The other way: clean, overlay, error map and two JPEGs in Python, before anything is sent or drawn."""
    picture = _frame()
    probability = picture.levels.astype(np.float32) / 100
    truth, valid = mask.from_label(picture.truth)

    def python() -> None:
        cloud = mask.clean(probability, 0.5, MIN_SIZE)
        images.encode_jpeg(render.overlay(picture.image, cloud, night=True))
        images.encode_jpeg(render.error_map(picture.image, cloud, truth, valid))

    return _in_browser(picture), python


CASES = [
    Case("slider step, 512x512, of 33 ms", _against_frame_time, goal=1.0, repeats=5),
    Case("slider step, against Python", _against_python, goal=1.0, repeats=5),
]
