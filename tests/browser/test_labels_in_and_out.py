"""Import with its preview, the three exports, the dome's dialog and the queue of uncertain frames, with a mouse."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudcore import images
from cloudcore.sky import cameras
from tests.browser.test_paint import DAY, NIGHT, PATIENCE, Painter

pytestmark = pytest.mark.browser


@pytest.fixture
def painter(page: Any, app_factory: Callable[..., Any]) -> Painter:
    """A person in front of a new server."""
    return Painter(page, app_factory())


def _menu(page: Any, item: str) -> Any:
    """Opens a dialog of the menu Labels and returns it."""
    page.locator(".st-key-exchange_menu button").click()
    page.get_by_role("menuitem", name=item).or_(page.get_by_text(item, exact=True)).first.click()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    return dialog


def _close(page: Any) -> None:
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.get_by_role("dialog").wait_for(state="detached")


def _foreign_masks(folder: Path, app: Any) -> tuple[list[Path], np.ndarray[Any, Any]]:
    """Masks of another house: 255 cloud, 100 sky, 0 undefined; one is of another size, one has no frame."""
    folder.mkdir()
    truth = images.read_label(app.workspace / "samples" / "sky" / "masks" / f"{NIGHT}.png")
    foreign = np.select([truth == 255, truth == 0], [255, 100], 0).astype(np.uint8)
    for name, array in ((NIGHT, foreign), (DAY, foreign[:400]), ("nobody", foreign)):
        images.write_png(folder / f"{name}.png", array)
    return sorted(folder.glob("*.png")), truth


def test_import_asks_the_meaning_and_every_export_comes_back(painter: Painter, tmp_path: Path) -> None:
    page, app = painter.open().page, painter.app
    files, truth = _foreign_masks(tmp_path / "foreign", app)
    dialog = _menu(page, "Import labels")
    dialog.locator("input[type=file]").set_input_files([str(path) for path in files])
    dialog.get_by_text("1 of 3 masks fit").wait_for()
    dialog.get_by_role("button", name="Import", exact=True).click()
    dialog.get_by_text("1 labels imported").wait_for()
    _close(page)
    store = painter.store()
    head = store.head("sky", NIGHT)
    assert head is not None and np.array_equal(head.mask, truth)
    assert store.head("sky", DAY) is None, "a label of another size is refused, never resized"

    for form in ("Frames and masks, PNG (zip)", "COCO JSON with RLE", "Kaggle CSV with RLE"):
        dialog = _menu(page, "Export labels")
        dialog.get_by_text(form, exact=True).click()
        page.wait_for_timeout(700)
        with page.expect_download(timeout=PATIENCE) as coming:
            dialog.get_by_role("button", name="Download").click()
        out = tmp_path / coming.value.suggested_filename
        coming.value.save_as(out)
        _close(page)
        if out.suffix == ".zip":
            assert f"masks/{NIGHT}.png" in zipfile.ZipFile(out).namelist()
            out = _masks_alone(out)
        before = store.head("sky", NIGHT)
        assert before is not None
        blank = np.where(truth == 128, np.uint8(128), np.uint8(0))
        revision = store.save(
            "sky", NIGHT, blank, base_revision=before.revision, author="me", operation_id=f"blank-{form}"
        )
        dialog = _menu(page, "Import labels")
        dialog.locator("input[type=file]").set_input_files(str(out))
        dialog.get_by_role("button", name="Import", exact=True).click()
        dialog.get_by_text("1 labels imported").wait_for()
        _close(page)
        back = store.head("sky", NIGHT)
        assert back is not None and back.revision == revision + 1
        assert np.array_equal(back.mask == 255, truth == 255), form
        assert np.array_equal(back.mask == 128, truth == 128) or "Kaggle" in form, "that format knows cloud alone"
    store.close()


def _masks_alone(archive: Path) -> Path:
    """The masks of an exported zip in a zip of their own, as another tool would hand them on."""
    target = archive.with_name("masks-alone.zip")
    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(target, "w") as masks:
        for name in whole.namelist():
            if name.startswith("masks/"):
                masks.writestr(name.removeprefix("masks/"), whole.read(name))
    return target


def test_the_dome_is_dragged_typed_and_kept_for_the_camera(painter: Painter) -> None:
    page = painter.open().page
    page.get_by_text("Dome and horizon", exact=True).click()
    page.get_by_role("button", name="Set dome and horizon").click()
    dialog = page.get_by_role("dialog")
    dialog.locator(".brush[data-ready]").wait_for()
    page.wait_for_timeout(400)
    radius = dialog.get_by_label("Radius, px")
    before = float(radius.input_value())
    canvas = dialog.locator(".brush")
    box = canvas.locator(".stage").bounding_box()
    scale, left, top = (float(part) for part in str(canvas.get_attribute("data-view")).split())
    row, column = (float(dialog.get_by_label(f"Centre {name}, px").input_value()) for name in ("row", "column"))
    at = box["x"] + left + (column + before) * scale, box["y"] + top + row * scale
    page.mouse.move(*at)
    page.mouse.down()
    page.mouse.move(at[0] - 40 * scale, at[1], steps=5)
    page.mouse.up()
    page.wait_for_function(
        "([e, r]) => Math.abs(parseFloat(e.value) - r) > 20", arg=[radius.element_handle(), before], timeout=PATIENCE
    )
    dragged = float(radius.input_value())
    assert abs(dragged - (before - 40)) < 6
    radius.fill("200")
    radius.press("Enter")
    page.wait_for_timeout(800)
    dialog.get_by_role("button", name="Keep for this camera").click()
    painter.toast("Kept for camera1")
    kept = cameras.cameras(painter.app.workspace / "cameras")
    assert len(kept) == 1 and kept[0].dome is not None and kept[0].dome.radius == 200
    painter.open().size(9).stroke((250.5, 250.5)).held()
    assert painter.draft()[252, 470] == 128, "outside the smaller dome nothing is defined"


def test_the_most_uncertain_frames_come_first_and_say_so(painter: Painter) -> None:
    page = painter.open().page
    page.locator(".st-key-paint_queue_box button").click()
    page.get_by_text("Most uncertain first", exact=True).click()
    page.get_by_text("Unsure is where").wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("is unsure, 0.").first.wait_for()
    painter.ready()
    page.get_by_role("button", name="Skip").click()
    page.wait_for_function("stem => !location.search.includes(stem)", arg=NIGHT)
    painter.ready()
    page.get_by_text("is unsure, 0.").first.wait_for()
