"""Satellite: empty, loaded, clicked; filters, corrections, and tables out that read back the same."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cloudcore import images
from cloudcore import settings as environment
from cloudcore.errors import DataError
from cloudcore.labels import LabelStore
from cloudcore.masks import rle
from cloudcore.masks.mask import CLOUD
from cloudcore.satellite import table as satellite_table
from cloudcore.satellite.boxes import Box, union
from cloudcore.satellite.table import PATTERNS, SHAPE_HW
from cloudcore.ui.satellite import box_session, choices, correction, downloads, filters, gallery, pictures
from cloudcore.ui.satellite import dataset as satellite_dataset
from cloudcore.ui.satellite.dataset import Dataset
from cloudcore.ui.satellite.filters import Filter

APP = Path(__file__).parents[2] / "streamlit_app.py"
FISH, SUGAR = Box("Fish", 100, 200, 1100, 900), Box("Sugar", 1200, 300, 2000, 1300)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images, one of them missing, in Kaggle's layout."""
    folder = tmp_path_factory.mktemp("clouds")
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    labels = {"a_1.jpg": [FISH], "b.jpg": [FISH, SUGAR], "c.jpg": [], "gone.jpg": [SUGAR]}
    rows = ["Image_Label,EncodedPixels"]
    for image, boxes in labels.items():
        for pattern in PATTERNS:
            mask = union([box for box in boxes if box.pattern == pattern], SHAPE_HW)
            rows.append(f"{image}_{pattern},{rle.encode(mask)}")
        if image != "gone.jpg":
            small = rng.integers(0, 200, (14, 21, 3), np.uint8)
            (folder / "images" / image).write_bytes(images.encode_jpeg(images.resize(small, SHAPE_HW)))
    (folder / "train.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def dataset(data: Path, tmp_path: Path) -> Dataset:
    """The data with a store of its own."""
    table = satellite_table.read(data / "train.csv")
    store = LabelStore(tmp_path / "labels")
    none = {pattern: store.heads(satellite_dataset.label_set(pattern)) for pattern in PATTERNS}
    missing = frozenset(table.missing(data / "images"))
    return Dataset(environment.load(), store, data / "train.csv", table, data / "images", missing, False, none)


def _open(folder: Path | None = None) -> AppTest:
    here = environment.load()
    (here.samples / "sky" / "images").mkdir(parents=True)  # no samples are drawn on the first visit
    if folder is not None:
        satellite_dataset.remember(here, folder)
    app = AppTest.from_file(APP, default_timeout=90).run().switch_page("pages/satellite.py").run()
    assert not app.exception
    return app


def _texts(app: AppTest) -> str:
    return " ".join(item.value for kind in (app.caption, app.info, app.error) for item in kind)


def test_without_data_it_says_what_to_do() -> None:
    assert "No labelled images yet. Name a folder with a train.csv" in _texts(_open())


def test_a_refused_table_is_said_with_its_row(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("Image_Label,EncodedPixels\na.jpg_Fish,0 5\n")
    app = _open(tmp_path)
    assert app.error[0].value == "Row 2: a run starts at 0, must be 1 or more. Correct it, import again."
    app.text_input(key="satellite_path").set_value(str(tmp_path / "nowhere"))
    next(button for button in app.button if button.label == "Use folder").click().run()
    assert "there is no such file or folder" in _texts(app)


def test_gallery_filters_and_an_image_opens(data: Path) -> None:
    app = _open(data)
    assert "4 of 4 images" in _texts(app) and "Fish 24 %, Sugar 27 %" in _texts(app)
    assert "Sugar 27 %, image missing" in _texts(app)
    app.button_group(key="satellite_present").set_value(["Fish"]).run()
    assert "2 of 4 images" in _texts(app)
    app.button_group(key="satellite_absent").set_value(["Sugar"]).run()
    assert "1 of 4 images" in _texts(app) and not app.exception
    app.text_input(key="satellite_name").set_value("nothing").run()
    assert "No image matches. Clear a filter." in _texts(app)
    next(button for button in app.button if button.label == "Clear all filters").click().run()
    assert "4 of 4 images" in _texts(app)
    next(button for button in app.button if button.label == "b.jpg").click().run()
    assert app.subheader[0].value == "b.jpg" and "Labels are boxes that people drew" in _texts(app)
    assert "2 of 4" in _texts(app) and not app.exception
    app.button(key="satellite_next").click().run()
    assert app.subheader[0].value == "c.jpg"
    app.button(key="satellite_previous").click().run()
    app.button_group(key="satellite_shown").set_value(["Sugar"]).run()
    app.button(key="satellite_random").click().run()
    assert app.subheader[0].value in ("a_1.jpg", "c.jpg", "gone.jpg") and not app.exception


def test_a_table_alone_can_be_browsed(data: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels_only.csv"
    table.write_bytes((data / "train.csv").read_bytes())
    app = _open(table)
    assert "4 of 4 images" in _texts(app) and "image missing" in _texts(app)
    next(button for button in app.button if button.label == "a_1.jpg").click().run()
    assert "The image is missing" in _texts(app) and app.button(key="satellite_correct").disabled
    app.button_group(key="satellite_view").set_value(choices.STATISTICS).run()
    assert "4 of them have no image file (100 %)" in _texts(app) and not app.exception


def test_filters(dataset: Dataset) -> None:
    def found(**wanted: object) -> list[str]:
        return filters.matching(dataset.table, Filter(**wanted), dataset.missing)  # type: ignore[arg-type]

    assert found() == ["a_1.jpg", "b.jpg", "c.jpg", "gone.jpg"]
    assert found(present=("Fish", "Sugar")) == ["b.jpg"] and found(absent=("Fish",)) == ["c.jpg", "gone.jpg"]
    assert found(counts=(0, 2)) == ["b.jpg", "c.jpg"]
    assert found(file=filters.MISSING) == ["gone.jpg"] and len(found(file=filters.HERE)) == 3
    assert found(area=(25, 30)) == ["b.jpg", "gone.jpg"] and found(area=(20, 25), present=("Fish",)) == [
        "a_1.jpg",
        "b.jpg",
    ]
    assert found(name="B.J") == ["b.jpg"]


def test_thumbnails_are_made_once(dataset: Dataset) -> None:
    path = pictures.thumb_path(dataset, "b.jpg")
    assert path is not None and pictures.make_thumbs(dataset, ["b.jpg", "gone.jpg"]) == []
    made = path.stat().st_mtime_ns
    assert pictures.make_thumbs(dataset, ["b.jpg"]) == [] and path.stat().st_mtime_ns == made
    small = pictures.thumb_of(dataset, "b.jpg")
    assert small is not None and small.shape == (240, 360, 3)
    assert images.read(pictures.labelled_thumb(dataset, "b.jpg")).shape == (240, 360, 3)
    assert images.read(pictures.labelled_thumb(dataset, "gone.jpg")).shape == (240, 360, 3)


def test_the_overlay_names_what_is_shown(dataset: Dataset) -> None:
    masks = dataset.masks("b.jpg")
    drawn = pictures.overlay(masks, [FISH, SUGAR], ["Fish", "Sugar"], pictures.BOXES, 20)
    assert drawn.count("<text") == 2 and "M100 200H1100V900H100Z" in drawn and 'viewBox="0 0 2100 1400"' in drawn
    contour = pictures.overlay(masks, [], ["Sugar"], pictures.CONTOUR, 0)
    assert contour.count("<text") == 1 and "#B6F0DF" in contour and "fill-opacity" not in contour
    assert "stroke-width" not in pictures.overlay(masks, [], PATTERNS, pictures.FILL, 30)
    assert gallery.words_of(dataset, "c.jpg") == "no pattern"


def _session(dataset: Dataset, image: str = "b.jpg") -> box_session.BoxSession:
    masks = dataset.masks(image)
    base = {pattern: dataset.revision(image, pattern) for pattern in PATTERNS}
    return box_session.BoxSession(image, [FISH, SUGAR], [FISH, SUGAR], masks, base, (), "ann")


def _again(dataset: Dataset) -> Dataset:
    heads = {pattern: dataset.store.heads(satellite_dataset.label_set(pattern)) for pattern in PATTERNS}
    return Dataset(
        dataset.settings, dataset.store, dataset.path, dataset.table, dataset.folder, dataset.missing, False, heads
    )


def test_a_correction_is_drafted_saved_and_exported(dataset: Dataset, tmp_path: Path) -> None:
    session, moved = _session(dataset), Box("Sugar", 0, 0, 500, 400)
    box_session.take(dataset, session, [Box("Fish", 101, 199, 1100, 900), moved])
    assert session.boxes == [FISH, moved] and session.changed() == ("Sugar",), "a box nobody moved keeps its corners"
    draft = dataset.store.draft("patterns-Sugar", "b", "ann")
    assert draft is not None and int((draft.mask == CLOUD).sum()) == 200_000
    box_session.save(dataset, session)
    assert (
        dataset.store.draft("patterns-Sugar", "b", "ann") is None and dataset.store.head("patterns-Fish", "b") is None
    )
    now = _again(dataset)
    assert now.revision("b.jpg", "Sugar") == 1 and now.mask("b.jpg", "Sugar", (140, 210)).sum() == 50 * 40
    (tmp_path / "train.csv").write_bytes(downloads.table_bytes(now))
    out = satellite_table.read(tmp_path / "train.csv")
    assert out.images == dataset.table.images and np.array_equal(out.mask("b.jpg", "Sugar"), union([moved], SHAPE_HW))
    same = [(i, p) for i in out.images for p in PATTERNS if (i, p) != ("b.jpg", "Sugar")]
    assert all(out.text(*at) == dataset.table.text(*at) for at in same)
    assert dataset.store.fsck() == []


def test_two_who_correct_the_same_never_overwrite(dataset: Dataset) -> None:
    mine, theirs = _session(dataset), _session(dataset)
    box_session.take(dataset, theirs, [FISH])
    box_session.save(dataset, theirs)
    box_session.take(dataset, mine, [FISH, Box("Sugar", 0, 0, 500, 400)])
    box_session.save(dataset, mine)
    assert mine.conflicts["Sugar"].revision == 1 and mine.changed() == ("Sugar",)
    head = dataset.store.head("patterns-Sugar", "b")
    assert head is not None and not (head.mask == CLOUD).any(), "theirs stands until mine is chosen"
    assert dataset.store.draft("patterns-Sugar", "b", "ann") is not None


def test_boxes_survive_the_canvas() -> None:
    scale = 720 / 2100
    drawn = correction.drawing([FISH, SUGAR], scale)["objects"]
    told = [{name: one[name] for name in ("label", "left", "top", "width", "height")} for one in drawn]
    assert correction.read_canvas(told, scale, SHAPE_HW) == [FISH, SUGAR]
    slip = {"label": "Fish", "left": 3, "top": 3, "width": 1, "height": 80}
    over = {"label": "Fish", "left": 700, "top": 400, "width": 900, "height": 900}
    assert correction.read_canvas([slip, over], scale, SHAPE_HW) == [Box("Fish", 2042, 1167, 2100, 1400)]


def test_the_sample_submission_is_valid(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes(downloads.submission_bytes(dataset))
    assert satellite_table.check_submission(tmp_path / "s.csv", dataset.table.images) == []


def test_a_typed_folder_is_checked(data: Path, tmp_path: Path) -> None:
    assert satellite_dataset.typed(f' "{data}" ') == data
    for text, words in (("", "No folder was named"), (str(tmp_path), "has no train.csv")):
        with pytest.raises(DataError, match=words):
            satellite_dataset.typed(text)
