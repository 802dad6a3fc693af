"""A person before the lens of Compare, whatever its model answers: reads the page, holds a slider."""

from typing import Any

from tests import waiting


class LensViewer:
    """What every test of Compare reads and holds."""

    def __init__(self, page: Any, app: Any) -> None:
        self.page, self.app = page, app
        self.page.set_default_timeout(waiting.PATIENCE_S * 1000)

    def told(self, name: str) -> str:
        """A data attribute of the panels."""
        return str(self.page.locator(".lens").get_attribute(f"data-{name}"))

    @property
    def scores(self) -> str:
        """The table of scores, as read off the page."""
        return str(self.page.locator("table").first.inner_text())

    @property
    def dice(self) -> str:
        """Dice under the sliders, as read off the page."""
        return str(self.page.locator("[data-score=dice]").inner_text())

    def wait_for_scores(self, count: int) -> None:
        """Wait until the lens is drawn and all of the set's `count` pictures are scored."""
        self.page.locator(".lens[data-checksum]").wait_for()
        waiting.until(
            lambda: f"set, n = {count}" in self.scores and not self.page.locator("[data-testid=stProgress]").count()
        )

    def hold(self, name: str, part: float) -> None:
        """Press on a slider's thumb, drag it to a part of its way, and do not let go."""
        slider = self.page.locator(name)
        box, at = slider.bounding_box(), int(slider.input_value()) / int(slider.get_attribute("max"))
        y = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + 7 + (box["width"] - 14) * at, y)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + box["width"] * part, y, steps=6)
        self.page.wait_for_timeout(400)  # until the last of these moves has been drawn
