"""The lens: levels hold every mask exactly, and what the browser shows is mask.clean pixel for pixel."""

from typing import Any

import cv2
import numpy as np
import pytest

from cloudcore.errors import MaskError
from cloudcore.masks import mask, rle, sweep
from cloudcore.ui import lens

GRID = lens.Grid()


def _probability(rng: np.random.Generator, shape_hw: tuple[int, int], smooth: float = 2.0) -> "np.ndarray[Any, Any]":
    noise = cv2.GaussianBlur(rng.random(shape_hw, np.float32), (0, 0), smooth)
    spread = (noise - noise.min()) / (noise.max() - noise.min())
    return np.asarray(spread, np.float32)


def _edges(rng: np.random.Generator, shape_hw: tuple[int, int]) -> "np.ndarray[Any, Any]":
    """Probabilities on, just below and just above the thresholds."""
    steps = rng.choice(np.asarray(GRID.thresholds, np.float32), shape_hw)
    towards = rng.choice(np.array([-1, 0, 2], np.float32), shape_hw)
    return np.where(towards == 0, steps, np.nextafter(steps, towards)).astype(np.float32)


def test_levels_are_the_strict_float32_comparison(rng: np.random.Generator) -> None:
    probability = _edges(rng, (64, 64))
    level = lens.levels(probability, GRID.thresholds)
    for k, threshold in enumerate(GRID.thresholds):
        assert np.array_equal(level > k, probability > np.float32(threshold))


def test_levels_are_zero_where_not_valid_or_nan(rng: np.random.Generator) -> None:
    probability = np.full((4, 4), 0.9, np.float32)
    probability[0, 0] = np.nan
    valid = np.ones((4, 4), bool)
    valid[3] = False
    level = lens.levels(probability, GRID.thresholds, valid)
    assert level[0, 0] == 0 and not level[3].any() and (level[1:3] == 89).all()


@pytest.mark.parametrize("thresholds", [(0.5, 0.4), (0.5, 0.5), tuple(np.linspace(0, 1, 256))])
def test_levels_refuse_other_thresholds(thresholds: tuple[float, ...]) -> None:
    with pytest.raises(MaskError, match="up to 255, ascending"):
        lens.levels(np.zeros((2, 2), np.float32), thresholds)


def test_grid_takes_the_models_default_as_a_step() -> None:
    grid = GRID.with_step(0.505, 33)
    k, m = grid.nearest(0.505, 33)
    assert (grid.thresholds[k], grid.min_sizes[m]) == (0.505, 33)
    assert GRID.with_step(0.5, 60) == GRID


def test_steps_hold_every_step_of_the_sweep_command() -> None:
    assert set(sweep.THRESHOLDS) <= set(GRID.thresholds)


def test_levels_give_the_same_sweep(rng: np.random.Generator) -> None:
    probability, truth = _probability(rng, (48, 56)), _probability(rng, (48, 56)) > 0.5
    level = lens.levels(probability, GRID.thresholds).astype(np.float32)
    halves = np.arange(len(GRID.thresholds)) + 0.5
    wanted = sweep.dice_sweep(probability, truth, GRID.thresholds, GRID.min_sizes)
    assert np.array_equal(sweep.dice_sweep(level, truth, halves, GRID.min_sizes), wanted)


@pytest.fixture
def core(page: Any) -> Any:
    """A bare page that knows core.js."""
    page.set_content("<p>core</p>")
    page.add_script_tag(content=lens.CORE)
    return page


_ALL_STEPS = """([level, width, height, sizes, steps]) => {
  const field = new Field(Uint8Array.from(level), width, height), out = new Uint8Array(width * height), all = [];
  for (let k = 0; k < steps; k++)
    for (const size of sizes) all.push(runLengths(field.mask(k, size, out), width, height));
  return all;
}"""


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["smooth", "edges", "holed"])
def test_every_slider_step_equals_clean(core: Any, rng: np.random.Generator, kind: str) -> None:
    shape_hw = (40, 53)
    probability = _edges(rng, shape_hw) if kind == "edges" else _probability(rng, shape_hw, 1.2)
    valid = rng.random(shape_hw) > 0.1 if kind == "holed" else np.ones(shape_hw, bool)
    level = lens.levels(probability, GRID.thresholds, valid)
    sizes = GRID.min_sizes[:14]
    height, width = shape_hw
    said = core.evaluate(_ALL_STEPS, [level.ravel().tolist(), width, height, list(sizes), len(GRID.thresholds)])
    wanted = [
        rle.encode(mask.clean(probability, threshold, size, valid)) for threshold in GRID.thresholds for size in sizes
    ]
    assert said == wanted


_MOUNT = """async ([html, js, data]) => {
  document.body.innerHTML = html;
  const url = URL.createObjectURL(new Blob([js], { type: "text/javascript" }));
  (await import(url)).default({ data, parentElement: document.body });
}"""
_STEP = """async ([key, k, size]) => {
  const link = globalThis.cloudcoreLens.get(key);
  Object.assign(link, { k, minSize: size, mode: "errors" });
  for (const heard of link.listeners) heard();
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  document.querySelector(".copy").click();
  const { rle, checksum } = document.querySelector(".lens").dataset;
  const key_words = [...document.querySelectorAll(".key > span")].map((part) => part.textContent);
  return [rle, checksum, key_words];
}"""


def _mounted(page: Any, picture: lens.Picture) -> None:
    page.set_content("<p>lens</p>")
    page.evaluate(_MOUNT, [lens.PANELS["html"], lens.PANELS["js"], lens.stage_data(picture, GRID, lens.Names(), "t")])
    page.wait_for_function("globalThis.cloudcoreLens.get('t').listeners.size === 1")


@pytest.mark.browser
def test_panels_show_clean_at_512(page: Any, rng: np.random.Generator) -> None:
    shape_hw = (512, 512)
    probability, truth = _probability(rng, shape_hw, 6), _probability(rng, shape_hw, 9) > 0.55
    row, column = np.mgrid[:512, :512]
    valid = (row - 256) ** 2 + (column - 252) ** 2 < 241**2
    label = np.where(valid, np.where(truth, mask.CLOUD, mask.SKY), mask.UNDEFINED).astype(np.uint8)
    image = np.repeat((probability * 255).astype(np.uint8)[..., None], 3, axis=2)
    level = lens.levels(probability, GRID.thresholds, valid)
    _mounted(page, lens.Picture("doc", image, level, label, valid, "frame"))
    page.wait_for_timeout(300)
    seen = set()
    for k, m in [(10, 0), (39, 4), (49, 7), (49, 20), (55, 12), (62, 23), (90, 3)]:
        text, checksum, key_words = page.evaluate(_STEP, ["t", k, GRID.min_sizes[m]])
        wanted = mask.clean(probability, GRID.thresholds[k], GRID.min_sizes[m], valid)
        assert np.array_equal(rle.decode(text, shape_hw), wanted)
        missed = 100 * np.count_nonzero(truth & valid & ~wanted) / np.count_nonzero(valid)
        assert key_words[2] == f"missed {missed:.{1 if missed < 10 else 0}f} %"
        seen.add(checksum)
    assert len(seen) == 7
