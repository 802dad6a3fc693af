"""The brush: what is sent, what comes back, and the canvas' own arithmetic checked in a browser against numpy."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cloudcore.errors import CloudcoreError
from cloudcore.masks import rle
from cloudcore.sky.dome import Dome
from cloudcore.ui import brush

HW = (40, 60)


def _sheet(label: "np.ndarray[Any, Any] | None" = None, **more: Any) -> brush.Sheet:
    dome = Dome((20.0, 30.0), 18.0)
    image = np.zeros((*HW, 3), np.uint8)
    empty = np.zeros(HW, np.uint8)
    return brush.sheet(image, empty if label is None else label, dome.mask(HW), doc="d", night=True, dome=dome, **more)


def test_sheet_sends_the_label_inside_the_dome_only() -> None:
    label = np.full(HW, 255, np.uint8)
    label[:, 30:] = 128
    sheet = _sheet(label)
    valid = Dome((20.0, 30.0), 18.0).mask(HW)
    assert np.array_equal(rle.decode(sheet.payload["cloud"], HW), (label == 255) & valid)
    assert np.array_equal(rle.decode(sheet.payload["undefined"], HW), (label == 128) & valid)
    assert np.array_equal(rle.decode(sheet.payload["valid"], HW), valid)
    assert sheet.payload["colour"] == "#3BD6F0"
    json.dumps(sheet.payload)


def test_large_pictures_go_as_jpeg_small_ones_without_loss() -> None:
    assert _sheet().payload["image"].startswith("data:image/png;base64,")
    valid = np.ones((1500, 1500), np.bool_)
    blank = np.zeros((1500, 1500), np.uint8)
    large = brush.sheet(np.zeros((1500, 1500, 3), np.uint8), blank, valid, doc="x", night=False)
    assert large.payload["image"].startswith("data:image/jpeg;base64,")
    assert large.payload["valid"] is None
    assert large.payload["colour"] == "#FFC21F"


def test_a_label_of_another_size_is_refused() -> None:
    with pytest.raises(CloudcoreError, match="never resized"):
        _sheet(np.zeros((10, 10), np.uint8))


def test_laying_counts_up_and_renewing_keeps_the_count() -> None:
    label = np.zeros(HW, np.uint8)
    once = brush.lay(_sheet(), label)
    assert once.payload["lay"]["id"] == 1
    back = brush.renewed(once, label, 7)
    assert (back.payload["lay"], back.payload["rev"]) == (None, 7)
    assert brush.lay(back, label).payload["lay"]["id"] == 2


def _app() -> None:
    import numpy as np
    import streamlit as st

    from cloudcore.sky.dome import Dome
    from cloudcore.ui import brush

    dome = Dome((20.0, 30.0), 18.0)
    blank = np.zeros((40, 60), np.uint8)
    sheet = brush.sheet(np.zeros((40, 60, 3), np.uint8), blank, dome.mask((40, 60)), doc="d", night=True, dome=dome)
    brush.brush(sheet, key="canvas")
    brush.note(sheet, 0, "draft kept", key="note")
    st.session_state["got"] = brush.value(sheet, "canvas")


def test_value_is_the_label_of_the_last_stroke() -> None:
    app = AppTest.from_function(_app, default_timeout=30).run()
    assert not app.exception
    assert app.session_state["got"] is None
    cloud = np.zeros(HW, np.bool_)
    cloud[10:30, 20:40] = True
    hidden = np.zeros(HW, np.bool_)
    hidden[18:22, 28:32] = True
    told = {"doc": "d", "rev": 3, "strokes": 2, "cloud": rle.encode(cloud & ~hidden), "undefined": rle.encode(hidden)}
    app.session_state["canvas"] = {"label": told}
    value = app.run().session_state["got"]
    assert (value.rev, value.strokes, value.doc) == (3, 2, "d")
    assert value.label[20, 30] == 128
    assert value.label[15, 25] == 255
    assert value.label[0, 0] == 128  # outside the dome
    assert value.label[20, 15] == 0


def test_value_of_another_document_is_not_taken() -> None:
    app = AppTest.from_function(_app, default_timeout=30).run()
    app.session_state["canvas"] = {"label": {"doc": "old", "rev": 3, "strokes": 2, "cloud": "1 5", "undefined": ""}}
    assert app.run().session_state["got"] is None


# The canvas' arithmetic, in the browser and without a server

Js = Callable[..., Any]


@pytest.fixture
def js(page: Any) -> Js:
    """Calls an expression over mask.js and stage.js in a blank page."""
    page.goto("about:blank")
    names = "{encodeRuns, decodeRuns, Label, okta, smooth, outline, toneTable, develop, SKY, CLOUD, UNDEFINED}"
    script = "\n".join((brush.HERE / name).read_text() for name in ("mask.js", "stage.js"))
    page.evaluate(f"() => {{ {script}\n globalThis.lib = {names}; }}")
    return lambda code, argument=None: page.evaluate(f"(given) => {{ const l = globalThis.lib; {code} }}", argument)


@pytest.mark.browser
def test_run_lengths_agree_with_python(js: Js, rng: np.random.Generator) -> None:
    for density in (0.0, 0.02, 0.5, 1.0):
        mask = rng.random((23, 31)) < density
        code = "const p = Uint8Array.from(given.pixels); const t = l.encodeRuns(p, 23, 31, 1);"
        code += "return [t, Array.from(l.decodeRuns(t, new Uint8Array(23 * 31), 23, 31, 1))];"
        text, back = js(code, {"pixels": mask.astype(int).ravel().tolist()})
        assert text == rle.encode(mask)
        assert np.array_equal(np.array(back).reshape(mask.shape), mask)


def _painted(js: Js, steps: str, height: int = 40, width: int = 60, valid: str = "fill(1)") -> "np.ndarray[Any, Any]":
    code = f"const a = new l.Label({height}, {width}, new Uint8Array({height * width}).{valid}); {steps};"
    code += "return [Array.from(a.pixels), a.counts, a.cloudFraction, a.strokes]"
    pixels, counts, fraction, _ = js(code)
    got = np.array(pixels).reshape(height, width)
    assert counts[1:] == [int((got == 1).sum()), int((got == 2).sum())]
    if valid == "fill(1)":
        assert fraction == pytest.approx((got == 1).sum() / (got != 2).sum())
    return got


def disc(x: float, y: float, size: int, shape_hw: tuple[int, int] = HW) -> "np.ndarray[Any, Any]":
    """bool (H, W): pixels whose centre is within half a size of the point, snapped as the brush snaps."""
    x, y = (np.floor(v) + 0.5 if size % 2 else np.round(v) for v in (x, y))
    rows, columns = np.mgrid[: shape_hw[0], : shape_hw[1]] + 0.5
    return np.asarray(np.hypot(columns - x, rows - y) <= size / 2)


@pytest.mark.browser
@pytest.mark.parametrize("size", [1, 2, 3, 8, 21])
def test_a_dab_is_a_disc(js: Js, size: int) -> None:
    got = _painted(js, f"a.line({{x: 25.3, y: 17.8}}, {{x: 25.3, y: 17.8}}, {size}, 1)")
    assert np.array_equal(got == 1, disc(25.3, 17.8, size))
    if size == 1:
        assert np.argwhere(got == 1).tolist() == [[17, 25]]


@pytest.mark.browser
def test_a_line_of_one_pixel_has_no_gap(js: Js) -> None:
    got = _painted(js, "a.line({x: 3.2, y: 4.1}, {x: 55.7, y: 33.4}, 1, 1)")
    rows, columns = np.nonzero(got == 1)
    assert set(range(3, 56)) <= set(columns.tolist())


@pytest.mark.browser
def test_brush_keeps_to_valid_and_edges(js: Js) -> None:
    got = _painted(js, "a.line({x: -5, y: -5}, {x: 70, y: 50}, 30, 1)", valid="map((v, i) => (i % 60 < 30 ? 1 : 0))")
    assert not got[:, 30:].any()
    assert got[0, 0] == 1


@pytest.mark.browser
def test_undo_and_redo_hundreds_deep_by_differences(js: Js) -> None:
    code = """
    const a = new l.Label(40, 60, new Uint8Array(2400).fill(1));
    const states = [Array.from(a.pixels).join("")];
    let random = 7;
    const next = (n) => ((random = (random * 1103515245 + 12345) % 2147483648) / 2147483648) * n;
    while (states.length < 251) {
      a.line({x: next(60), y: next(40)}, {x: next(60), y: next(40)}, 1 + Math.floor(next(9)), Math.floor(next(3)));
      if (a.commit()) states.push(Array.from(a.pixels).join(""));
    }
    const stored = a.undos.reduce((sum, runs) => sum + runs.length, 0);
    for (let k = 249; k >= 0; k--) { a.undo(); if (Array.from(a.pixels).join("") !== states[k]) return "undo " + k; }
    if (a.undo() || a.cloudFraction !== 0) return "past the first";
    for (let k = 1; k <= 250; k++) { a.redo(); if (Array.from(a.pixels).join("") !== states[k]) return "redo " + k; }
    a.undo(); a.line({x: 1, y: 1}, {x: 1, y: 1}, 1, a.pixels[61] === 1 ? 0 : 1); a.commit();
    if (a.redo()) return "redo after a new stroke";
    return stored;
    """
    stored = js(code)
    assert isinstance(stored, int), stored
    assert stored < 250 * 2400 / 4  # differences, not whole copies


@pytest.mark.browser
def test_cancel_takes_an_unfinished_stroke_back(js: Js) -> None:
    begun = "a.line({x: 9, y: 9}, {x: 9, y: 9}, 5, 1); a.commit(); a.line({x: 0, y: 9}, {x: 50, y: 9}, 9, 2);"
    assert np.array_equal(_painted(js, begun + "a.touch(); a.cancel()") == 1, disc(9, 9, 5))


@pytest.mark.browser
def test_fill_follows_colour_contiguously_and_may_stop_at_paint(js: Js) -> None:
    picture = """
    const c = new Uint8ClampedArray(2400 * 4);
    for (let i = 0; i < 2400; i++) { const x = i % 60; c[4*i] = c[4*i+1] = c[4*i+2] = x < 20 ? 40 : x < 40 ? 120 : 45; }
    """
    got = _painted(js, picture + "a.fill(5, 5, c, 16, 1, true)")
    assert (got[:, :20] == 1).all()  # the right third has the colour too, but is not joined to it
    assert not got[:, 20:].any()
    ring = "for (let x = 0; x < 60; x++) a.set(x, 12, 2); a.commit();"
    stopped = _painted(js, picture + ring + "a.fill(5, 5, c, 255, 1, true)")
    assert (stopped[:12] == 1).all()
    assert (stopped[12] == 2).all()
    assert not stopped[13:].any()
    over = _painted(js, picture + ring + "a.fill(5, 5, c, 255, 1, false)")
    assert (over == 1).all()


@pytest.mark.browser
def test_okta_agrees_with_python(js: Js) -> None:
    from cloudcore.sky.cloud_amount import okta

    fractions = [0.0, 1e-9, 0.06, 0.0625, 0.1875, 0.5, 0.9374, 0.95, 0.999999, 1.0]
    assert js("return given.map(l.okta)", fractions) == [okta(f) for f in fractions]


@pytest.mark.browser
def test_view_filters_keep_the_plain_picture_and_darken_outside(js: Js) -> None:
    code = """
    const source = Uint8ClampedArray.from([10, 20, 30, 255, 200, 100, 50, 255]);
    const out = new Uint8ClampedArray(8);
    const plain = {brightness: 0, contrast: 1, gamma: 1, ratio: false};
    l.develop(source, Uint8Array.from([1, 0]), plain, out); const first = Array.from(out);
    l.develop(source, Uint8Array.from([1, 1]), {...plain, ratio: true}, out);
    return [first, Array.from(out), Array.from(l.toneTable({...plain, brightness: 0.5})).slice(-3)];
    """
    first, ratio, bright = js(code)
    assert first == [10, 20, 30, 255, 90, 45, 22, 255]  # a clamped array rounds 22.5 to even
    assert ratio[0] == ratio[1] == ratio[2] < 128 < ratio[4]  # blue is dark, red is light
    assert bright == [255, 255, 255]
