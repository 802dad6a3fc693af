"""Labels in and out: what is exported imports again to the same masks; what cannot be imported is refused in words."""

import csv
import json
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudcore import images
from cloudcore.errors import DataError
from cloudcore.frames import labelled, listing
from cloudcore.labels import LabelStore, exchange
from cloudcore.masks.mask_levels import Meaning
from cloudcore.sky import cameras, dome

Label = np.ndarray[Any, Any]
SHAPE_HW = (20, 24)


def _label(seed: int = 0, levels: tuple[int, ...] = (0, 128, 255), shape_hw: tuple[int, int] = SHAPE_HW) -> Label:
    return np.random.default_rng(seed).choice(np.array(levels, np.uint8), shape_hw)


def _frames(
    folder: Path, *stems: str, shape_hw: tuple[int, int] = SHAPE_HW, suffix: str = ".png"
) -> list[listing.Frame]:
    for stem in stems:
        images.write_png(folder / f"{stem}{suffix}", np.full((*shape_hw, 3), 90, np.uint8))
    return listing.list_frames(folder)


def _mask_file(folder: Path, name: str, label: Label) -> Path:
    images.write_png(folder / name, label)
    return folder / name


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    opened = LabelStore(tmp_path / "labels")
    yield opened
    opened.close()


@pytest.fixture
def frames(tmp_path: Path) -> list[listing.Frame]:
    return _frames(tmp_path / "frames", "a", "b", "night/c")


def _save(store: LabelStore, stem: str, label: Label) -> None:
    head = store.head("sky", stem)
    base = head.revision if head else 0
    store.save("sky", stem, label, base_revision=base, author="ann", operation_id=f"{stem}-{base}")


def _stored(store: LabelStore, label_set: str = "sky") -> dict[str, Label]:
    return {stem: head.mask for stem in store.heads(label_set) if (head := store.head(label_set, stem))}


def _same(one: dict[str, Label], other: dict[str, Label]) -> bool:
    return set(one) == set(other) and all(np.array_equal(one[stem], other[stem]) for stem in one)


# What levels mean


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ((0, 255), "255 = cloud, 0 = sky, 128 = undefined"),
        ((0, 128, 255), "255 = cloud, 0 = sky, 128 = undefined"),
        ((0, 100, 255), "255 = cloud, 100 = sky, 0 = undefined"),
        ((0, 1), "1 = cloud, 0 = sky"),
        ((0,), "255 = cloud, 0 = sky, 128 = undefined"),
        ((0, 0, 0, 1, 2, 250, 255), "128 and above = cloud, below = sky"),
        ((0, 50, 100), None),
        ((0, 85, 170, 255), None),
    ],
)
def test_a_meaning_is_guessed_from_the_levels(levels: tuple[int, ...], words: str | None) -> None:
    guessed = Meaning.guess(_label(0, levels))
    assert (guessed.words() if guessed else None) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("255=cloud 100=sky 0=undefined", "255 = cloud, 100 = sky, 0 = undefined"),
        ("JPEG binary: >=128 cloud, <128 sky", "128 and above = cloud, below = sky"),
        ("1 = Cloud, 0 = Sky", "1 = cloud, 0 = sky"),
        ("", None),
    ],
)
def test_a_meaning_is_read_from_a_table(text: str, words: str | None) -> None:
    read = Meaning.read(text)
    assert (read.words() if read else None) == words


def test_a_meaning_makes_labels() -> None:
    grey = np.array([[0, 100, 255]], np.uint8)
    assert Meaning((255,), (100,), (0,)).label(grey).tolist() == [[128, 0, 255]]
    assert Meaning((255,), (100,), (0,)).inverted().label(grey).tolist() == [[128, 255, 0]]
    assert Meaning((), (), (0,), threshold=100).label(grey).tolist() == [[128, 255, 255]]
    with pytest.raises(DataError, match=r"holds the level 100, but the meaning given is 255 = cloud"):
        Meaning().label(grey)
    for wrong in (((255,), (255,)), ((), (0,)), ((300,), (0,))):
        with pytest.raises(DataError):
            Meaning(*wrong)


# Folders, tables, zips


def test_a_folder_of_masks_is_planned_then_saved(
    tmp_path: Path, frames: list[listing.Frame], store: LabelStore
) -> None:
    masks = tmp_path / "in"
    _mask_file(masks, "a.png", _label(1, (0, 100, 255)))
    _mask_file(masks, "b_GT.png", _label(2, (0, 100, 255)))
    _mask_file(masks, "b_3GT.png", _label(3, (0, 100, 255)))
    _mask_file(masks, "night/c.png", _label(4, (0, 100, 255)))
    plan = exchange.plan_import(masks, frames)
    assert plan.note == "Guessed from the levels: 255 = cloud, 100 = sky, 0 = undefined."
    assert set(plan.levels) == {0, 100, 255} and sum(plan.levels.values()) == 3 * 20 * 24
    assert [(row.stem, row.ok) for row in plan.rows] == [("a", True), ("b", True), ("night/c", True)]
    assert store.heads("sky") == {}, "a plan stores nothing"
    said: list[float] = []
    report = exchange.run_import(plan, store, "sky", "ann", lambda fraction, text: said.append(fraction))
    assert report.saved == ("a", "b", "night/c") and report.refused == () and said[-1] == 1.0
    grey = _label(2, (0, 100, 255))
    assert np.array_equal(_stored(store)["b"], np.where(grey == 255, 255, np.where(grey == 100, 0, 128)))
    again = exchange.run_import(plan, store, "sky", "ann")
    assert again.saved == () and len(again.unchanged) == 3
    head = store.head("sky", "a")
    assert head is not None and head.revision == 1 and head.note == "from in"


def test_an_import_goes_on_top_of_what_is_there(tmp_path: Path, frames: list[listing.Frame], store: LabelStore) -> None:
    _save(store, "a", _label(1))
    _mask_file(tmp_path / "in", "a.png", _label(2))
    assert exchange.run_import(exchange.plan_import(tmp_path / "in", frames), store, "sky", "bob").saved == ("a",)
    new, old = store.history("sky", "a")
    assert np.array_equal(new.mask, _label(2)) and np.array_equal(old.mask, _label(1)) and new.author == "bob"


def test_the_polarity_can_be_turned(tmp_path: Path, frames: list[listing.Frame], store: LabelStore) -> None:
    _mask_file(tmp_path / "in", "a.png", _label(1))
    plan = exchange.plan_import(tmp_path / "in", frames)
    assert plan.meaning is not None
    turned = exchange.with_meaning(plan, plan.meaning.inverted())
    assert turned.note == "As you said: 0 = cloud, 255 = sky, 128 = undefined."
    exchange.run_import(turned, store, "sky", "ann")
    turned_label = np.array([255, 128, 0], np.uint8)[np.searchsorted([0, 128, 255], _label(1))]
    assert np.array_equal(_stored(store)["a"], turned_label)


def test_rows_are_refused_in_words_and_the_rest_is_saved(
    tmp_path: Path, frames: list[listing.Frame], store: LabelStore
) -> None:
    masks = tmp_path / "in"
    _mask_file(masks, "a.png", _label())
    _mask_file(masks, "a_GT.png", _label())
    _mask_file(masks, "stranger.png", _label())
    _mask_file(masks, "elsewhere/c.png", _label())
    (masks / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    plan = exchange.plan_import(masks, frames)
    problems = {row.name: row.problem for row in plan.rows}
    assert problems["a.png"] == "" and "second for 'a'" in problems["a_GT.png"]
    assert "none of 3 images is called 'stranger'" in problems["stranger.png"]
    assert "no frame" in problems["elsewhere/c.png"], "another folder may mean another night"
    assert problems["b.png"]
    report = exchange.run_import(plan, store, "sky", "ann")
    assert report.saved == ("a",) and dict(report.refused) == {name: text for name, text in problems.items() if text}


@pytest.mark.parametrize(
    ("levels", "refused"),
    [((0, 50, 100), True), ((7,), False), ((0, 0, 0, 0, 3, 252, 255), False), ((0, 85, 170, 255), True)],
)
def test_row_57_strange_levels_are_refused_or_cut_with_the_threshold_shown(
    tmp_path: Path, frames: list[listing.Frame], store: LabelStore, levels: tuple[int, ...], refused: bool
) -> None:
    _mask_file(tmp_path / "in", "a.png", _label(1, levels))
    plan = exchange.plan_import(tmp_path / "in", frames)
    if refused:
        assert plan.meaning is None and "say which means cloud" in plan.note
        assert "Say what each level means" in plan.rows[0].problem
        assert exchange.run_import(plan, store, "sky", "ann").saved == () and store.heads("sky") == {}
        told = exchange.with_meaning(plan, Meaning((levels[-1],), levels[:-1], ()))
        assert exchange.run_import(told, store, "sky", "ann").saved == ("a",)
    else:
        assert "128 and above = cloud" in plan.note and plan.rows[0].ok
        exchange.run_import(plan, store, "sky", "ann")
        assert np.array_equal(_stored(store)["a"] == 255, _label(1, levels) >= 128)


def test_a_meaning_that_leaves_levels_out_is_refused(tmp_path: Path, frames: list[listing.Frame]) -> None:
    _mask_file(tmp_path / "in", "a.png", _label(1, (0, 100, 255)))
    plan = exchange.plan_import(tmp_path / "in", frames, Meaning())
    assert "holds the level 100, but the meaning given is 255 = cloud" in plan.rows[0].problem


@pytest.mark.parametrize("shape_hw", [(24, 20), (40, 48), (20, 25)])
def test_row_58_another_size_is_refused_never_resized(
    tmp_path: Path, frames: list[listing.Frame], store: LabelStore, shape_hw: tuple[int, int]
) -> None:
    _mask_file(tmp_path / "in", "a.png", _label(1, shape_hw=shape_hw))
    plan = exchange.plan_import(tmp_path / "in", frames)
    assert f"{shape_hw[0]} × {shape_hw[1]} (h × w), its image 20 × 24" in plan.rows[0].problem
    assert exchange.run_import(plan, store, "sky", "ann").saved == () and store.heads("sky") == {}


def test_a_mask_that_changes_after_the_preview_is_looked_at_again(
    tmp_path: Path, frames: list[listing.Frame], store: LabelStore
) -> None:
    path = _mask_file(tmp_path / "in", "a.png", _label())
    plan = exchange.plan_import(tmp_path / "in", frames)
    images.write_png(path, _label(1, (0, 77)))
    assert "level 77" in exchange.run_import(plan, store, "sky", "ann").refused[0][1]


def _table(folder: Path, *rows: tuple[str, str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    with (folder / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "mask", "mask_values"), *rows])
    return folder


def test_a_table_states_what_its_levels_mean(tmp_path: Path, store: LabelStore) -> None:
    folder = tmp_path / "d"
    frames = _frames(folder / "images", "x/a", "x/b", "x/c")
    three, blurred = _label(1, (0, 100, 255)), _label(2, (0, 3, 140, 255))
    _mask_file(folder, "masks/x/a.png", three)
    _mask_file(folder, "masks/x/b_GT.png", blurred)
    rows = [
        ("images/x/a.png", "masks/x/a.png", "255=cloud 100=sky 0=undefined"),
        ("images/x/b.png", "masks/x/b_GT.png", "JPEG binary: >=128 cloud, <128 sky"),
        ("images/x/b.png", "masks/x/b_3GT.png", "skipped"),
        ("images/x/c.png", "masks/x/none.png", ""),
        ("images/x/d.png", "masks/x/a.png", ""),
        ("images/x/a.png", "../a.png", ""),
        ("images/x/a.png", "/etc/a.png", ""),
    ]
    plan = exchange.plan_import(_table(folder, *rows), frames)
    by_file = exchange.plan_import(folder / "pairs.csv", frames)
    assert (plan.levels, plan.meaning, plan.note) == (by_file.levels, by_file.meaning, by_file.note)
    for one, other in zip(plan.rows, by_file.rows, strict=True):
        assert one == replace(other, operation_id=one.operation_id)
    assert exchange.with_meaning(plan, None) == plan and plan.n_ok == 2
    assert [row.ok for row in plan.rows] == [True, True, False, False, False, False]
    assert plan.note.startswith("The table says: 255 = cloud, 100 = sky, 0 = undefined; 128 and above = cloud")
    assert "is not accepted" in plan.rows[4].problem and "is not accepted" in plan.rows[5].problem
    told = exchange.with_meaning(plan, Meaning((0,), (255,), ()))
    exchange.run_import(told, store, "sky", "ann")
    kept = {"x/a": np.where(three == 255, 255, np.where(three == 100, 0, 128)), "x/b": (blurred >= 128) * 255}
    assert _same(_stored(store), kept), "what the table says outweighs the meaning for the rest"


def test_real_masks_are_understood(sky_data: Path, tmp_path: Path) -> None:
    """Every mask of the data folder, imported by its table or its levels, equals what training reads."""
    store = LabelStore(tmp_path / "real")
    pairs = labelled.pairs(sky_data)
    chosen = [*pairs[:3], *pairs[-3:]]
    frames = listing.list_frames(sky_data / "images")
    plan = exchange.plan_import(sky_data, [frame for frame in frames if frame.stem in {pair.stem for pair in chosen}])
    exchange.run_import(plan, store, "sky", "ann")
    for pair in chosen:
        head = store.head("sky", pair.stem)
        assert head is not None and np.array_equal(head.mask, labelled.read_pair(pair)[1])
    store.close()


@pytest.mark.parametrize("what", ["missing", "empty", "bad.zip", "kaggle.csv", "utf16.csv"])
def test_a_source_that_cannot_be_used_is_refused(tmp_path: Path, frames: list[listing.Frame], what: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "kaggle.csv").write_text("Image_Label,EncodedPixels\na_cloud,1 2\n")
    (tmp_path / "utf16.csv").write_bytes("image,mask\n".encode("utf-16"))
    with pytest.raises(DataError):
        exchange.plan_import(tmp_path / what, frames)


def _zip(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return path


def test_a_zip_of_masks_is_read_without_unpacking(
    tmp_path: Path, frames: list[listing.Frame], store: LabelStore
) -> None:
    png = images.encode_png
    path = _zip(
        tmp_path / "in.zip",
        ("out/images/a.png", png(np.zeros((*SHAPE_HW, 3), np.uint8))),
        ("out/masks/a.png", png(_label(1))),
        ("out/masks/night/c.png", png(_label(2))),
        ("out/masks/b.png", b"broken"),
        ("__MACOSX/out/masks/._a.png", b"x"),
        ("out/readme.txt", b"hello"),
    )
    before = set(tmp_path.rglob("*"))
    plan = exchange.plan_import(path, frames)
    report = exchange.run_import(plan, store, "sky", "ann")
    assert report.saved == ("a", "night/c") and [name for name, _ in report.refused] == ["out/masks/b.png"]
    assert _same(_stored(store), {"a": _label(1), "night/c": _label(2)})
    assert all(path.is_relative_to(store.root) for path in set(tmp_path.rglob("*")) - before)


_SLIPS = ["../a.png", "/etc/a.png", "x/../../a.png", "C:/a.png", "..\\a.png", "\\\\host\\a.png"]


@pytest.mark.parametrize("name", _SLIPS)
def test_row_55_a_zip_that_slips_out_is_refused(tmp_path: Path, frames: list[listing.Frame], name: str) -> None:
    path = _zip(tmp_path / "in.zip", ("a.png", images.encode_png(_label())), (name, images.encode_png(_label())))
    with pytest.raises(DataError, match="leads out of it"):
        exchange.plan_import(path, frames)


def _link_member() -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo("b.png")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info, b"/etc/passwd"


def _many(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20_001):
            archive.writestr(f"{number}.png", b"")
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: _zip(path, ("b.png", bytes(60 * 2**20))), "unpacks from .* bytes"),
        (lambda path: _zip(path, ("b.png", bytes(3 * 2**20))), "unpacks from .* bytes"),
        (lambda path: _zip(path, _link_member()), "a link or device"),
        (_many, "20001 files"),
    ],
)
def test_row_56_a_zip_bomb_or_a_link_is_refused(
    tmp_path: Path, frames: list[listing.Frame], make: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        exchange.plan_import(make(tmp_path / "in.zip"), frames)


def test_a_zip_that_lies_about_a_size_or_has_damage_is_refused(tmp_path: Path, frames: list[listing.Frame]) -> None:
    path = _zip(tmp_path / "in.zip", ("a.png", images.encode_png(_label())))
    raw = bytearray(path.read_bytes())
    raw[50] ^= 0xFF
    path.write_bytes(bytes(raw))
    assert not exchange.plan_import(path, frames).rows[0].ok
    path = _zip(tmp_path / "secret.zip", ("a.png", images.encode_png(_label())))
    raw = bytearray(path.read_bytes())
    raw[raw.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(DataError, match="encrypted"):
        exchange.plan_import(path, frames)


# Out and in again


_STEM = st.text(st.characters(codec="utf-8", exclude_characters="\\"), min_size=1, max_size=12).filter(
    lambda stem: not any(part in ("", ".", "..") for part in stem.split("/")) and stem[1:2] != ":"
)
_LEVELS = st.sampled_from([(0,), (255,), (0, 255), (0, 128, 255)])
_LABELS = st.dictionaries(_STEM, st.tuples(st.integers(0, 2**32), _LEVELS), max_size=6)


def _bare_frames(folder: Path, stems: list[str]) -> list[listing.Frame]:
    """Frames of any stem, all of one image file: what a stem is called is not asked of a disk here."""
    images.write_png(folder / "one.png", np.full((*SHAPE_HW, 3), 90, np.uint8))
    return [listing.Frame(stem, folder / "one.png", None, "", None) for stem in stems]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=_LABELS)
def test_every_export_imports_again_to_the_same_masks(drawn: dict[str, tuple[int, tuple[int, ...]]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one, two = LabelStore(folder / "one"), LabelStore(folder / "two")
        for stem, (seed, levels) in drawn.items():
            _save(one, stem, _label(seed, levels))
        frames, kept = _bare_frames(folder, list(drawn)), _stored(one)
        exchange.export_coco(one, "sky", folder / "labels.json")
        assert exchange.import_coco(folder / "labels.json", two, "coco", "bob").refused == ()
        assert exchange.import_coco(folder / "labels.json", two, "coco-of-frames", "bob", frames).refused == ()
        assert _same(_stored(two, "coco"), kept) and _same(_stored(two, "coco-of-frames"), kept)
        left_out = exchange.export_kaggle(one, "sky", folder / "labels.csv").left_out
        exchange.import_kaggle(folder / "labels.csv", two, "kaggle", "bob", frames)
        writable = {stem: label for stem, label in kept.items() if "\0" not in stem}
        assert _same(_stored(two, "kaggle"), writable) and len(left_out) == len(kept) - len(writable)
        if kept:
            report = exchange.export_folder(one, "sky", frames, folder / "out")
            assert report.written == len(kept) and report.left_out == ()
            plan = exchange.plan_import(folder / "out", frames, Meaning())
            assert exchange.run_import(plan, two, "folder", "bob").refused == ()
            assert _same(_stored(two, "folder"), kept)
        assert one.fsck() == [] and two.fsck() == []
        one.close()
        two.close()


def test_a_folder_export_is_a_training_folder(tmp_path: Path, frames: list[listing.Frame], store: LabelStore) -> None:
    _save(store, "a", _label(1))
    _save(store, "night/c", _label(2))
    out = tmp_path / "out"
    assert exchange.export_folder(store, "sky", frames, out).written == 2
    read = {pair.stem: labelled.read_pair(pair)[1] for pair in labelled.pairs(out)}
    assert _same(read, {"a": _label(1), "night/c": _label(2)})
    _save(store, "a", _label(3))
    _save(store, "b", _label(4))
    store.set_flag("sky", "night/c", "bad", "ann")
    report = exchange.export_folder(store, "sky", frames, out)
    assert report.written == 2 and "'night/c' is flagged as a bad frame" in report.left_out[0]
    read = {pair.stem: labelled.read_pair(pair)[1] for pair in labelled.pairs(out)}
    assert _same(read, {"a": _label(3), "b": _label(4)}), "an earlier export is brought up to date"


def test_a_folder_with_other_things_is_left_alone(
    tmp_path: Path, frames: list[listing.Frame], store: LabelStore
) -> None:
    _save(store, "a", _label(1))
    (tmp_path / "frames" / "export.json").write_text('{"files": ["../../precious"]}')
    for out in (tmp_path / "frames", frames[0].path):
        with pytest.raises(DataError, match="Choose a"):
            exchange.export_folder(store, "sky", frames, out)


def test_a_label_of_another_size_is_not_exported(
    tmp_path: Path, frames: list[listing.Frame], store: LabelStore
) -> None:
    _save(store, "a", _label(1, shape_hw=(30, 30)))
    report = exchange.export_folder(store, "sky", frames, tmp_path / "out")
    assert report.written == 0 and "30 × 30 (h × w), its image 20 × 24" in report.left_out[0]


def test_cameras_make_what_is_no_sky_undefined(tmp_path: Path, store: LabelStore) -> None:
    frames = _frames(tmp_path / "frames", "kp_001", "other_001")
    horizon = np.zeros(SHAPE_HW, np.bool_)
    horizon[-6:] = True
    camera = cameras.Camera("kp", "", SHAPE_HW, dome.Dome((10.0, 12.0), 9.0), horizon)
    cameras.save_camera(tmp_path / "cameras", camera)
    for frame in frames:
        _save(store, frame.stem, _label(1, (0, 255)))
    exchange.export_folder(store, "sky", frames, tmp_path / "out", tmp_path / "cameras")
    read = {pair.stem: labelled.read_pair(pair)[1] for pair in labelled.pairs(tmp_path / "out")}
    valid = camera.valid(SHAPE_HW)
    assert 0 < valid.sum() < valid.size
    assert np.array_equal(read["kp_001"], np.where(valid, _label(1, (0, 255)), 128))
    assert np.array_equal(read["other_001"], _label(1, (0, 255)))
    assert np.array_equal(_stored(store)["kp_001"], _label(1, (0, 255))), "the label itself is untouched"


# COCO


def test_coco_is_what_other_tools_read(tmp_path: Path, frames: list[listing.Frame], store: LabelStore) -> None:
    label = np.zeros(SHAPE_HW, np.uint8)
    label[2:5, 3:10] = 255
    label[10:, :] = 128
    _save(store, "a", label)
    _save(store, "b", np.zeros(SHAPE_HW, np.uint8))
    assert exchange.export_coco(store, "sky", tmp_path / "c.json", frames).written == 2
    whole = json.loads((tmp_path / "c.json").read_text())
    cloud, undefined, clear = whole["annotations"]
    assert (cloud["bbox"], cloud["area"], cloud["iscrowd"]) == ([3, 2, 7, 3], 21, 1)
    assert (undefined["bbox"], clear["area"], clear["bbox"]) == ([0, 10, 24, 10], 0, [0, 0, 0, 0])
    assert whole["images"][0] == {"id": 1, "file_name": "a.png", "height": 20, "width": 24}
    assert [one["name"] for one in whole["categories"]] == ["cloud", "undefined"]


def _marked(segmentation: Any) -> dict[str, Any]:
    return {"annotations": [{"image_id": 1, "category_id": 7, "segmentation": segmentation}]}


def _coco(**changes: Any) -> dict[str, Any]:
    counts = [0, 20 * 24]
    whole = {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 20, "width": 24}],
        "annotations": [{"image_id": 1, "category_id": 7, "segmentation": {"size": [20, 24], "counts": counts}}],
        "categories": [{"id": 7, "name": "Cloud"}],
    }
    return whole | changes


def test_coco_of_another_tool_is_read(tmp_path: Path, frames: list[listing.Frame], store: LabelStore) -> None:
    (tmp_path / "c.json").write_text(json.dumps(_coco()))
    assert exchange.import_coco(tmp_path / "c.json", store, "sky", "ann", frames).saved == ("a",)
    assert (_stored(store)["a"] == 255).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"annotations": []}, "clear or unlabelled"),
        ({"images": [{"id": 1, "file_name": "zzz.jpg", "height": 20, "width": 24}]}, "no frame"),
        ({"images": [{"id": 1, "file_name": "../a.jpg", "height": 20, "width": 24}]}, "not accepted"),
        ({"images": [{"id": 1}]}, "not accepted"),
        ({"categories": [{"id": 7, "name": "dog"}]}, "category 'dog'"),
        ({"categories": [{"id": [], "name": "cloud"}]}, "category ''"),
        (_marked([[1, 1, 2, 2, 3, 3]]), "polygons"),
        (_marked({"size": [2, 2], "counts": [4]}), "never"),
        (_marked({"size": [9**9, 9**9], "counts": [4]}), "megapixels"),
        (_marked({"size": [20, 24], "counts": [4]}), "add up"),
    ],
)
def test_coco_rows_are_refused_in_words(
    tmp_path: Path, frames: list[listing.Frame], store: LabelStore, changes: dict[str, Any], words: str
) -> None:
    (tmp_path / "c.json").write_text(json.dumps(_coco(**changes)))
    report = exchange.import_coco(tmp_path / "c.json", store, "sky", "ann", frames)
    assert report.saved == () and words in report.refused[0][1] and store.heads("sky") == {}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"images": [1]}', "[" * 100_000, '{"images": []', "\ufeff[1]", "\0"])
def test_what_is_no_coco_is_refused(tmp_path: Path, store: LabelStore, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(DataError, match="COCO"):
        exchange.import_coco(tmp_path / "c.json", store, "sky", "ann")


def test_one_image_twice_is_refused(tmp_path: Path, store: LabelStore) -> None:
    picture = {"id": 1, "file_name": "a.jpg", "height": 20, "width": 24}
    (tmp_path / "c.json").write_text(json.dumps(_coco(images=[picture, picture])))
    report = exchange.import_coco(tmp_path / "c.json", store, "sky", "ann")
    assert report.saved == ("a",) and "second for 'a'" in report.refused[0][1]


# Kaggle's CSV


def _kaggle(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["Image_Label,EncodedPixels", *lines]) + "\n")
    return path


def test_kaggle_rows_are_read(tmp_path: Path, frames: list[listing.Frame], store: LabelStore) -> None:
    path = _kaggle(tmp_path / "k.csv", "a.png_cloud,1 20", "b_cloud,", "b_undefined,21 1", "b_undefined,21 1")
    report = exchange.import_kaggle(path, store, "sky", "ann", frames)
    assert report.saved == ("a", "b") and report.refused == ()
    a, b = _stored(store)["a"], _stored(store)["b"]
    assert (a[:, 0] == 255).all() and not a[:, 1:].any() and b[0, 1] == 128 and (b > 0).sum() == 1


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["a_cloud,1"], ""),
        (["a_cloud,0 5"], ""),
        (["a_cloud,475 20"], ""),
        (["a_cloud,1 5 3 5"], ""),
        (["a_cloud,1 5", "a_cloud,1 6"], "a second time and differently"),
        (["a_Fish,1 5"], "class 'Fish'"),
        (["a_undefined,1 5"], "no cloud mask"),
        (["a_cloud,1 5", "a_undefined,5 2"], "both cloud and undefined"),
        (["zzz_cloud,1 5"], "no frame"),
        (["../a_cloud,1 5"], "not accepted"),
        (["nounderscore,1 5"], "class 'nounderscore'"),
    ],
)
def test_kaggle_rows_are_refused_in_words(
    tmp_path: Path, frames: list[listing.Frame], store: LabelStore, lines: list[str], words: str
) -> None:
    report = exchange.import_kaggle(_kaggle(tmp_path / "k.csv", *lines), store, "sky", "ann", frames)
    assert report.saved == () and len(report.refused) == 1 and words in report.refused[0][1]
    assert store.heads("sky") == {}


def test_kaggle_runs_are_repaired_when_asked(tmp_path: Path, frames: list[listing.Frame], store: LabelStore) -> None:
    path = _kaggle(tmp_path / "k.csv", "a_cloud,10 5 1 12")
    report = exchange.import_kaggle(path, store, "sky", "ann", frames, repair=True)
    assert report.saved == ("a",) and "sorted and merged" in report.notes[0]
    assert int((_stored(store)["a"] == 255).sum()) == 14


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Image_Label,Pixels\na_cloud,1 2\n",
        b"Image_Label;EncodedPixels\na_cloud;1 2\n",
        b"Image_Label,EncodedPixels,EncodedPixels\na_cloud,1 2,1 2\n",
        b"Image_Label,EncodedPixels\na_cloud,1 2,3\n",
        b"Image_Label,EncodedPixels\na\0_cloud,1 2\n",
        b'Image_Label,EncodedPixels\n"a_cloud,1 2\n',
        "Image_Label,EncodedPixels\na_cloud,1 2\n".encode("utf-16"),
    ],
)
def test_tables_that_cannot_be_read_are_refused(
    tmp_path: Path, frames: list[listing.Frame], store: LabelStore, raw: bytes
) -> None:
    (tmp_path / "k.csv").write_bytes(raw)
    with pytest.raises(DataError, match="k.csv"):
        exchange.import_kaggle(tmp_path / "k.csv", store, "sky", "ann", frames)
    assert store.heads("sky") == {}


def test_a_byte_order_mark_is_accepted(tmp_path: Path, frames: list[listing.Frame], store: LabelStore) -> None:
    (tmp_path / "k.csv").write_bytes(b"\xef\xbb\xbfEncodedPixels,Image_Label\r\n1 20,a_cloud\r\n")
    assert exchange.import_kaggle(tmp_path / "k.csv", store, "sky", "ann", frames).saved == ("a",)


@pytest.mark.parametrize("stem", ["=cmd('calc')", "+1", "-x", "@sum", "'=already", "''-"])
def test_row_45_a_formula_is_written_as_text(tmp_path: Path, store: LabelStore, stem: str) -> None:
    _save(store, stem, _label(1))
    exchange.export_kaggle(store, "sky", tmp_path / "k.csv")
    with (tmp_path / "k.csv").open(newline="") as file:
        cells = [row["Image_Label"] for row in csv.DictReader(file)]
    assert cells == [f"'{stem}_cloud", f"'{stem}_undefined"]
    frames = _bare_frames(tmp_path, [stem])
    assert exchange.import_kaggle(tmp_path / "k.csv", store, "again", "ann", frames).saved == (stem,)
    assert np.array_equal(_stored(store, "again")[stem], _label(1))


def test_a_dense_mask_is_longer_than_a_cell_usually_may_be(tmp_path: Path, store: LabelStore) -> None:
    frames = _frames(tmp_path / "frames", "a", shape_hw=(300, 400))
    _save(store, "a", _label(1, (0, 255), (300, 400)))
    exchange.export_kaggle(store, "sky", tmp_path / "k.csv")
    assert (tmp_path / "k.csv").stat().st_size > 2**17
    assert exchange.import_kaggle(tmp_path / "k.csv", store, "again", "ann", frames).refused == ()
    assert np.array_equal(_stored(store, "again")["a"], _label(1, (0, 255), (300, 400)))


def test_a_jpeg_mask_is_cut_at_the_threshold(tmp_path: Path, frames: list[listing.Frame], store: LabelStore) -> None:
    label = np.zeros((64, 64), np.uint8)
    label[:, 24:] = 255
    big = _frames(tmp_path / "big", "j", shape_hw=(64, 64))
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "j_GT.jpg"), label, [cv2.IMWRITE_JPEG_QUALITY, 80])
    plan = exchange.plan_import(tmp_path / "in", big)
    assert plan.n_ok == 1
    exchange.run_import(plan, store, "sky", "ann")
    assert np.array_equal(_stored(store)["j"], label)


def test_import_and_export_go_by_picture(tmp_path: Path, rng: np.random.Generator) -> None:
    """Two folders with an image of one name: each gets its own label, and each export has that one alone."""
    store = LabelStore(tmp_path / "labels")
    for place in ("one", "two"):
        folder = tmp_path / place
        images.write_png(folder / "images" / "IMG_0001.png", rng.integers(0, 255, (*SHAPE_HW, 3), np.uint8))
        _mask_file(folder / "masks", "IMG_0001.png", _label(len(place), (0, 255) if place == "one" else (0, 128)))
        frames = listing.list_frames(folder / "images")
        meaning = Meaning.read("255=cloud 128=undefined 0=sky")
        report = exchange.run_import(exchange.plan_import(folder / "masks", frames, meaning), store, "sky", "ann")
        assert report.saved == ("IMG_0001",)
    assert [head.revision for head in store.pictures("sky")["IMG_0001"].values()] == [1, 1]
    for place in ("one", "two"):
        frames = listing.list_frames(tmp_path / place / "images")
        assert exchange.export_folder(store, "sky", frames, tmp_path / f"out {place}").written == 1
        written = images.read_label(tmp_path / f"out {place}" / "masks" / "IMG_0001.png")
        assert np.array_equal(written, images.read_label(tmp_path / place / "masks" / "IMG_0001.png"))
    images.write_png(tmp_path / "three" / "IMG_0001.png", rng.integers(0, 255, (*SHAPE_HW, 3), np.uint8))
    third = exchange.export_folder(store, "sky", listing.list_frames(tmp_path / "three"), tmp_path / "out three")
    assert third.written == 0 and "of another picture of that name" in third.left_out[0]
