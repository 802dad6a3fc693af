"""Overview: empty, loaded, clicked; and what becomes of folders and uploads."""

from pathlib import Path

import numpy as np
import pytest

from cloudcore import images, runs
from cloudcore.errors import DataError
from cloudcore.frames import chosen_folder, labelling_order, listing
from cloudcore.labels import LabelStore
from cloudcore.settings import Settings
from cloudcore.ui.overview import view
from cloudcore.ui.shared import first_start
from tests.pages.conftest import open_page, texts


def _label(settings: Settings, frame: listing.Frame) -> None:
    mask = np.zeros(images.shape_hw(frame.path), bool)
    mask[:50] = True
    store = LabelStore(settings.labels)
    store.save("sky", frame.stem, mask, base_revision=0, author="ann", operation_id=frame.stem)


def test_empty_folder(settings: Settings, tmp_path: Path) -> None:
    chosen_folder.remember_folder(settings, tmp_path)
    app = open_page()
    assert app.metric[0].value == "0"
    assert "No frames yet. Use the samples, or choose a folder." in texts(app)


def test_folder_that_went_away(settings: Settings, tmp_path: Path) -> None:
    chosen_folder.remember_folder(settings, tmp_path / "gone")
    assert f"Cannot read {tmp_path / 'gone'}" in open_page().error[0].value


def test_loaded_with_samples(settings: Settings) -> None:
    app = open_page()
    assert [(item.label, item.value) for item in app.metric][:3] == [("Frames", "24"), ("Labels", "0"), ("Runs", "0")]
    assert "no camera took them" in texts(app)
    links = [link for link in app.get("page_link") if "frame=" in str(link.proto)]
    assert len(links) >= view.SHOWN


def test_loaded_with_labels_and_a_run(settings: Settings) -> None:
    found = listing.list_frames(chosen_folder.sample_frames(settings))
    _label(settings, found[0])
    run = runs.create(settings.runs, "sky", settings.samples / "sky", {}, name="first try")
    with runs.Reporter(run) as reporter:
        reporter.tell(state="done", epoch=3, epochs=3, metric=0.8123, metric_name="miou")
    app = open_page()
    assert [item.value for item in app.metric][1:3] == ["1", "1"]
    assert "done · mIoU 0.812" in texts(app)
    assert "See what the newest run got wrong" in str([link.proto for link in app.get("page_link")])


def test_every_frame_labelled(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    images.write_png(tmp_path / "own" / "a.png", np.full((32, 32, 3), 90, np.uint8))
    chosen_folder.remember_folder(settings, tmp_path / "own")
    _label(settings, listing.list_frames(tmp_path / "own")[0])
    assert "Every frame has a label. See the worst on Compare." in texts(open_page())


def test_choosing_a_folder(settings: Settings, tmp_path: Path) -> None:
    app = open_page()
    app.text_input(key="folder-path").set_value(str(tmp_path / "nothing"))
    app.button(key="FormSubmitter:choose-folder-Use folder").click().run()
    assert "there is no such folder" in app.error[0].value
    (tmp_path / "own").mkdir()
    images.write_png(tmp_path / "own" / "c1_2020-01-02T03-04-05.png", np.full((64, 48, 3), 90, np.uint8))
    app.text_input(key="folder-path").set_value(str(tmp_path / "own"))
    app.button(key="FormSubmitter:choose-folder-Use folder").click().run()
    assert app.metric[0].value == "1"
    assert chosen_folder.remembered_folder(settings) == tmp_path / "own"


def test_uploading_frames(settings: Settings) -> None:
    good = images.encode_png(np.full((40, 30, 3), 120, np.uint8))
    app = open_page()
    app.file_uploader(key="frame-files").set_value([("night_1.png", good, "image/png"), ("bad.png", b"", "image/png")])
    app.button(key="FormSubmitter:upload-frames-Add frames").click().run()
    assert "bad.png" in app.error[0].value
    assert app.metric[0].value == "1"
    assert [path.name for path in images.list_images(settings.images)] == ["night_1.png"]


def test_uploads_never_leave_the_folder_and_never_overwrite(settings: Settings) -> None:
    content = images.encode_png(np.full((20, 20, 3), 7, np.uint8))
    names = [
        "../../x.png",
        "/etc/y.png",
        "x.png",
        "CON.png",
        ".hidden.png",
        "w\0x.png",
        "n" * 300 + ".png",
        "..\\z.png",
    ]
    added, _, refused = chosen_folder.add_frames(settings, [(name, content) for name in names])
    assert not refused
    assert len({path.name for path in added}) == len(names)
    assert {path.parent for path in added} == {settings.images}


def test_sample_frames_come_back(settings: Settings, tmp_path: Path) -> None:
    chosen_folder.remember_folder(settings, tmp_path)
    app = open_page()
    next(button for button in app.button if button.label == "Use the samples").click().run()
    assert app.metric[0].value == "24"


def test_order_of_folders(settings: Settings, tmp_path: Path) -> None:
    assert chosen_folder.frames_folder(settings) == chosen_folder.sample_frames(settings)
    chosen_folder.add_frames(settings, [("a.png", images.encode_png(np.full((20, 20, 3), 7, np.uint8)))])
    assert chosen_folder.frames_folder(settings) == settings.images
    chosen_folder.remember_folder(settings, tmp_path)
    assert chosen_folder.frames_folder(settings) == tmp_path
    (settings.workspace / chosen_folder.CHOICE).write_text("[broken")
    assert chosen_folder.frames_folder(settings) == settings.images
    assert not first_start.needs_samples(settings)


@pytest.mark.parametrize("text", ["", "  ", "a\0b"])
def test_folder_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="No folder was named"):
        chosen_folder.check_folder(text)


def test_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no image"):
        chosen_folder.check_folder(str(tmp_path))


def test_nights_without_a_label_come_first() -> None:
    names = ["c_2020-01-01T22-00-00", "c_2020-01-01T23-00-00", "c_2020-01-02T22-00-00", "c_2020-01-03T22-00-00"]
    found = [listing.frame_of(Path(f"/x/{name}.png"), Path("/x")) for name in names]
    order = labelling_order.next_to_label(found, {names[0]}, {names[3]})
    assert [(item.frame.stem, item.reason) for item in order] == [
        (names[2], "no label from this date"),
        (names[1], "no label yet"),
    ]
