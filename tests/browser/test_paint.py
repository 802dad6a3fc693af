"""Paint with a real mouse, keys and fingers in a real browser, and look for the paint in the label store."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cloudcore.labels import LabelStore

pytestmark = pytest.mark.browser

NIGHT = "camera1_2017-08-17T09-56-06"
DAY = "camera2_2018-06-03T12-10-00"
PATIENCE = 90_000
"""Longest wait for anything, ms: machines that run tests are busy."""


class Painter:
    """A person at the canvas: image coordinates in, the mouse moved, the label store looked at."""

    def __init__(self, page: Any, app: Any, author: str = "me") -> None:
        self.page, self.app, self.author = page, app, author
        self.page.set_default_timeout(PATIENCE)

    def open(self, stem: str = NIGHT, query: str = "") -> "Painter":
        """Go to the page by its address and wait for picture and label."""
        self.page.goto(f"{self.app.url}/paint?frame={stem}&author={self.author}{query}")
        return self.ready()

    def ready(self) -> "Painter":
        """Wait until the canvas shows its document."""
        self.page.wait_for_selector(".brush[data-ready]")
        self.page.wait_for_timeout(150)
        return self

    @property
    def canvas(self) -> Any:
        """The canvas' outer element."""
        return self.page.locator(".brush").first

    def told(self, name: str) -> str:
        """A data attribute of the canvas."""
        return str(self.canvas.get_attribute(f"data-{name}"))

    def screen(self, x: float, y: float) -> tuple[float, float]:
        """Where an image point lies in the window, CSS px."""
        box = self.canvas.locator(".stage").bounding_box()
        scale, left, top = (float(part) for part in self.told("view").split())
        return box["x"] + left + x * scale, box["y"] + top + y * scale

    def stroke(self, *points: tuple[float, float], button: str = "left") -> "Painter":
        """Press at the first image point, move through the others, let go."""
        self.page.mouse.move(*self.screen(*points[0]))
        self.page.mouse.down(button=button)
        for point in points[1:]:
            self.page.mouse.move(*self.screen(*point), steps=6)
        self.page.mouse.up(button=button)
        return self

    def size(self, pixels: int) -> "Painter":
        """Set the brush size by its slider."""
        place = 100 * np.log(pixels) / np.log(256)
        slider = self.canvas.locator("[data-set=size]")
        slider.evaluate("(e, v) => { e.step = 'any'; e.value = v; e.dispatchEvent(new Event('input')); }", place)
        assert self.canvas.locator("[data-show=size]").inner_text() == f"{pixels} px"
        return self

    def held(self, rev: int | None = None) -> "Painter":
        """Wait until Python holds the newest stroke (or that of a number)."""
        wanted = rev if rev is not None else int(self.told("rev"))
        self.page.wait_for_selector(f".brush[data-held-rev='{wanted}']")
        return self

    def store(self) -> LabelStore:
        """The app's label store, opened beside it."""
        return LabelStore(self.app.labels)

    def draft(self, stem: str = NIGHT) -> NDArray[np.uint8]:
        """The draft of a frame in the store."""
        store = self.store()
        found = store.draft("sky", stem, self.author)
        store.close()
        assert found is not None, "no draft was kept"
        return found.mask

    def toast(self, text: str) -> None:
        """Wait for a toast."""
        self.page.get_by_test_id("stToast").filter(has_text=text).first.wait_for()


@pytest.fixture
def painter(page: Any, app_factory: Callable[..., Any]) -> Iterator[Painter]:
    """A person in front of a new server that nobody visited before."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield Painter(page, app_factory())
    assert not errors, errors


def disc(x: float, y: float, size: int) -> NDArray[np.bool_]:
    """bool (512, 512): what one dab of the brush covers."""
    x, y = (np.floor(v) + 0.5 if size % 2 else np.round(v) for v in (x, y))
    rows, columns = np.mgrid[:512, :512] + 0.5
    return np.asarray(np.hypot(columns - x, rows - y) <= size / 2)


def test_first_visit_paints_erases_and_steps_back(painter: Painter) -> None:
    painter.open()
    for title in ("Overview", "Paint", "Train", "Compare"):
        painter.page.get_by_test_id("stTopNavLink").filter(has_text=title).first.wait_for()
    painter.size(21).stroke((250.5, 240.5)).held()
    assert np.array_equal(painter.draft() == 255, disc(250.5, 240.5, 21))
    painter.stroke((200, 300), (300, 300)).held()
    line = painter.draft()
    assert (line[300, 195:305] == 255).all()
    painter.stroke((250.5, 240.5), button="right").held()
    assert not (painter.draft()[235:245, 245:255] == 255).any()
    painter.page.keyboard.press("Control+z")
    painter.held(4)
    assert np.array_equal(painter.draft(), line)
    painter.page.keyboard.press("Control+Shift+Z")
    painter.held(5)
    assert not (painter.draft()[235:245, 245:255] == 255).any()
    share = re.search(r"cloud ([\d.]+)", painter.canvas.locator("[data-note=share]").inner_text())
    assert share is not None
    metric = painter.page.get_by_test_id("stMetricValue").first
    metric.filter(has_text=re.compile(f"^{re.escape(share[1])}$")).wait_for()  # the browser's fraction is Python's


def test_a_hundred_strokes_back_and_forth(painter: Painter) -> None:
    painter.open().size(3)
    for number in range(110):
        painter.page.mouse.click(*painter.screen(150.5 + 2 * (number % 40) * 2, 200.5 + 10 * (number // 40)))
    painter.held(110)
    whole = painter.draft()
    assert np.count_nonzero(whole == 255) == 110 * 9
    for _ in range(110):
        painter.page.keyboard.press("Control+z")
    painter.held(220)
    assert painter.canvas.locator("[data-act=undo]").is_disabled()
    assert painter.canvas.locator("[data-note=share]").inner_text().startswith("cloud 0.000, 0 oktas")
    for _ in range(110):
        painter.page.keyboard.press("Control+Shift+Z")
    painter.held(330)
    assert np.array_equal(painter.draft(), whole)


def test_keys_choose_tools_and_undefined_is_kept(painter: Painter) -> None:
    painter.open()
    press, canvas = painter.page.keyboard.press, painter.canvas
    painter.page.mouse.move(*painter.screen(256, 256))
    for key, tool in (("e", "eraser"), ("f", "fill"), ("p", "pan"), ("b", "brush")):
        press(key)
        assert canvas.locator(f"[data-tool={tool}]").get_attribute("aria-pressed") == "true"
    before = canvas.locator("[data-show=size]").inner_text()
    press("]")
    assert canvas.locator("[data-show=size]").inner_text() != before
    press("[")
    press("h")
    assert canvas.locator("[data-act=hide]").get_attribute("aria-pressed") == "true"
    press("h")
    press("o")
    assert canvas.locator("[data-act=contour]").get_attribute("aria-pressed") == "false"
    press("u")
    painter.size(9).stroke((256.5, 256.5)).held()
    assert np.array_equal(painter.draft()[200:300, 200:300] == 128, disc(256.5, 256.5, 9)[200:300, 200:300])
    press("u")
    painter.stroke((256.5, 256.5)).held()
    assert painter.draft()[256, 256] == 255
    icons = canvas.locator(".rail button")
    assert icons.count() == 9
    assert all(icons.nth(i).get_attribute("aria-label") for i in range(9))
    field = painter.page.get_by_label("Painted by")
    field.click()
    field.press("e")
    assert canvas.locator("[data-tool=brush]").get_attribute("aria-pressed") == "true", "typing chose a tool"


def test_fill_inside_a_ring(painter: Painter) -> None:
    painter.open(DAY).size(7)
    corners = [(220, 220), (290, 220), (290, 290), (220, 290), (220, 220)]
    painter.stroke(*corners).held()
    ring = painter.draft(DAY)
    painter.page.keyboard.press("f")
    slider = painter.canvas.locator("[data-set=tolerance]")
    slider.evaluate("(e) => { e.value = 255; e.dispatchEvent(new Event('input')); }")
    painter.stroke((255, 255)).held()
    filled = painter.draft(DAY)
    assert (filled[220:290, 220:290] == 255).all()
    assert np.array_equal(filled[300:], ring[300:])


def test_zoom_and_pan_keep_paint_where_it_belongs(painter: Painter) -> None:
    painter.open().size(1)
    page = painter.page
    target = (312.5, 187.5)
    page.mouse.move(*painter.screen(*target))
    spot = painter.screen(*target)
    for _ in range(6):
        page.mouse.wheel(0, -240)
    page.wait_for_function("() => true")
    scale = float(painter.told("view").split()[0])
    assert scale > 4
    assert painter.screen(*target) == pytest.approx(spot, abs=0.6), "the wheel zooms about the cursor"
    page.keyboard.down(" ")
    page.mouse.down()
    page.mouse.move(spot[0] + 80, spot[1] + 50, steps=4)
    page.mouse.up()
    page.keyboard.up(" ")
    assert painter.screen(*target) == pytest.approx((spot[0] + 80, spot[1] + 50), abs=0.6)
    painter.stroke(target).held()
    assert np.argwhere(painter.draft() == 255).tolist() == [[187, 312]]
    page.mouse.down(button="middle")
    page.mouse.move(spot[0], spot[1], steps=4)
    page.mouse.up(button="middle")
    painter.stroke((315.5, 190.5)).held()
    assert np.argwhere(painter.draft() == 255).tolist() == [[187, 312], [190, 315]]
    page.keyboard.press("0")
    assert float(painter.told("view").split()[0]) < 2
    assert painter.told("rev") == "2", "moving about is no stroke"


def test_device_pixel_ratio_2(browser: Any, app_factory: Callable[..., Any]) -> None:
    context = browser.new_context(viewport={"width": 1100, "height": 800}, device_scale_factor=2)
    painter = Painter(context.new_page(), app_factory()).open().size(1)
    sizes = painter.canvas.locator("canvas").first.evaluate("(e) => [e.width, e.clientWidth]")
    assert sizes[0] == pytest.approx(2 * sizes[1], abs=2)
    painter.stroke((301.5, 222.5)).held()
    assert np.argwhere(painter.draft() == 255).tolist() == [[222, 301]]
    assert painter.canvas.bounding_box()["width"] > 500
    assert painter.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()


def test_one_finger_paints_and_two_zoom(browser: Any, app_factory: Callable[..., Any]) -> None:
    context = browser.new_context(viewport={"width": 1024, "height": 768}, has_touch=True)
    painter = Painter(context.new_page(), app_factory()).open().size(9)
    touch = context.new_cdp_session(painter.page)

    def fingers(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    start, end = painter.screen(240.5, 250.5), painter.screen(280.5, 250.5)
    fingers("touchStart", start)
    for step in range(1, 9):
        fingers("touchMove", (start[0] + (end[0] - start[0]) * step / 8, start[1]))
    fingers("touchEnd")
    painter.held(1)
    painted = painter.draft()
    assert (painted[250, 240:281] == 255).all()
    x, y = painter.screen(256, 256)
    before = float(painter.told("view").split()[0])
    fingers("touchStart", (x - 40, y))
    fingers("touchStart", (x - 40, y), (x + 40, y))
    for step in range(1, 9):
        fingers("touchMove", (x - 40 - 10 * step, y), (x + 40 + 10 * step, y))
    fingers("touchEnd")
    assert float(painter.told("view").split()[0]) == pytest.approx(3 * before, rel=0.1)
    assert painter.told("rev") == "1", "a pinch left paint behind"
    context.close()


def test_reload_and_page_switch_lose_nothing(painter: Painter) -> None:
    painter.open().size(15).stroke((200.5, 200.5)).held()
    painter.stroke((300.5, 300.5)).held()
    page = painter.page
    painter.stroke((250.5, 250.5))  # and away at once
    page.get_by_test_id("stTopNavLink").filter(has_text="Overview").first.click()
    page.get_by_role("heading", name="Overview").wait_for()
    wanted = disc(200.5, 200.5, 15) | disc(300.5, 300.5, 15) | disc(250.5, 250.5, 15)
    assert np.array_equal(painter.draft() == 255, wanted)
    page.get_by_test_id("stTopNavLink").filter(has_text="Paint").first.click()
    painter.ready()
    assert painter.canvas.locator("[data-note=strokes]").inner_text() == "3 strokes"
    page.keyboard.press("Control+z")
    painter.held(4)
    assert np.array_equal(painter.draft() == 255, wanted & ~disc(250.5, 250.5, 15))
    page.reload()
    painter.ready()
    page.get_by_text("Draft of").first.wait_for()
    assert "cloud 0.000" not in painter.canvas.locator("[data-note=share]").inner_text()
    painter.stroke((400.5, 256.5)).held()
    assert painter.draft()[200, 200] == 255


def test_save_history_and_bring_back(painter: Painter) -> None:
    painter.open().size(31).stroke((250.5, 250.5))
    page = painter.page
    page.keyboard.press("Control+Enter")  # at once: the stroke goes along
    painter.toast("Saved, revision 1")
    page.wait_for_function("stem => !location.search.includes(stem)", arg=NIGHT)
    store = painter.store()
    head = store.head("sky", NIGHT)
    assert head is not None
    first = head.mask
    assert np.array_equal(first == 255, disc(250.5, 250.5, 31))
    assert (first[0, 0], store.draft("sky", NIGHT, "me")) == (128, None)
    painter.open().stroke((300.5, 300.5)).held()
    page.get_by_role("button", name="Save and next").click()
    painter.toast("Saved, revision 2")
    painter.open()
    page.get_by_text("History, 2 revisions").click()
    page.get_by_role("button", name="Bring back").click()
    painter.toast("Saved, revision 3")
    page.wait_for_selector(".brush[data-rev='1']")
    assert [r.revision for r in store.history("sky", NIGHT)] == [3, 2, 1]
    head = store.head("sky", NIGHT)
    assert head is not None and np.array_equal(head.mask, first)
    painter.held()
    page.keyboard.press("Control+z")
    painter.held()
    assert painter.draft()[300, 300] == 255, "undo finds the paint from before"
    assert store.fsck() == []


def test_two_people_on_one_frame_choose(browser: Any, app_factory: Callable[..., Any]) -> None:
    app = app_factory()
    contexts = [browser.new_context(viewport={"width": 1440, "height": 900}) for _ in range(2)]
    ada, ben = (Painter(c.new_page(), app, name) for c, name in zip(contexts, ("Ada", "Ben"), strict=True))
    ada.open().size(21)
    ben.open().size(21)
    ada.stroke((200.5, 250.5)).held()
    ben.stroke((300.5, 250.5)).held()
    ada.page.get_by_role("button", name="Save and next").click()
    ada.toast("Saved, revision 1")
    ben.page.get_by_role("button", name="Save and next").click()
    dialog = ben.page.get_by_role("dialog")
    dialog.get_by_text("Two versions of this frame").wait_for()
    dialog.locator("img").nth(1).wait_for()
    assert dialog.locator("img").count() == 2
    store = ada.store()
    head = store.head("sky", NIGHT)
    assert head is not None and (head.revision, head.author) == (1, "Ada"), "never a silent overwrite"
    assert ben.draft()[250, 300] == 255
    dialog.get_by_role("button", name="Keep mine").click()
    ben.toast("Saved, revision 2")
    head = store.head("sky", NIGHT)
    assert head is not None and (head.revision, head.author) == (2, "Ben")
    ada.open().stroke((220.5, 220.5)).held()
    ben.open().stroke((320.5, 320.5)).held()
    ben.page.get_by_role("button", name="Save and next").click()
    ben.toast("Saved, revision 3")
    ada.page.get_by_role("button", name="Save and next").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Take theirs").click()
    ada.toast("Taken: revision 3")
    assert store.draft("sky", NIGHT, "Ada") is None
    assert [r.author for r in store.history("sky", NIGHT)] == ["Ben", "Ben", "Ada"]
    for context in contexts:
        context.close()


def test_coat_skip_and_shapes(painter: Painter) -> None:
    painter.open(DAY)
    page = painter.page
    page.get_by_role("button", name="Empty").or_(page.get_by_text("Red/blue", exact=True)).first.wait_for()
    page.get_by_text("Red/blue", exact=True).click()
    page.get_by_role("button", name="Lay coat").click()
    page.wait_for_selector(".brush[data-rev='1']")
    painter.held(1)
    coated = painter.draft(DAY)
    assert 0.02 < np.mean(coated[coated != 128] == 255) < 0.98
    page.keyboard.press("Control+z")
    painter.held(2)
    assert painter.store().draft("sky", DAY, "me") is None, "bare sky again is no draft"
    page.get_by_text("Shapes", exact=True).click()
    page.get_by_role("button", name="Draw shapes").click()
    canvas = page.locator("canvas.upper-canvas")
    canvas.wait_for()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 220)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 250, steps=5)
    page.mouse.up()
    apply = page.get_by_role("dialog").locator("[data-testid='stBaseButton-primary']")
    page.wait_for_function("() => !document.querySelector('[role=dialog] [data-testid=stBaseButton-primary]').disabled")
    apply.click()
    page.wait_for_selector(".brush[data-rev='3']")
    painter.held(3)
    rectangle = np.argwhere(painter.draft(DAY) == 255)
    assert np.abs(rectangle.min(0) - (220, 200)).max() <= 2
    assert np.abs(rectangle.max(0) - (249, 259)).max() <= 2
    page.get_by_role("button", name="Skip").click()
    page.wait_for_function("stem => !location.search.includes(stem)", arg=DAY)
    assert painter.store().flags("sky") == {DAY: "skip"}
