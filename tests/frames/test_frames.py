"""Listing, times, splits by group, preflight and label levels."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from cloudcore import images
from cloudcore.errors import DataError
from cloudcore.frames import labelled, listing, near_duplicates, preflight, splits


def _write(folder: Path, stems: list[str], shade: int = 0, size: int = 32) -> None:
    rng = np.random.default_rng(len(stems))
    for stem in stems:
        image = rng.integers(0, 256, (size, size, 3)).astype(np.uint8)
        label = np.zeros((size, size), np.uint8)
        label[: size // 2] = 255
        for kind, array in (("images", image), ("masks", label)):
            path = folder / kind / f"{stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            images.write_png(path, array)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("camera1_2017-08-17T09-56-06", datetime(2017, 8, 17, 9, 56, 6, tzinfo=UTC)),
        ("kp_r20170817ut095606s27600", datetime(2017, 8, 17, 9, 56, 6, tzinfo=UTC)),
        ("20210421_043940", datetime(2021, 4, 21, 4, 39, 40, tzinfo=UTC)),
        ("ASC100-1006_003", None),
        ("2017-13-17T09-56-06", None),
    ],
)
def test_time_in_a_name(name: str, expected: datetime | None) -> None:
    assert listing.time_of(name) == expected


def test_a_morning_belongs_to_the_night_before() -> None:
    evening, morning = datetime(2017, 8, 17, 22, tzinfo=UTC), datetime(2017, 8, 18, 5, tzinfo=UTC)
    assert listing.night_of(evening) == listing.night_of(morning) == "2017-08-17"


@pytest.mark.parametrize(
    ("file", "camera"),
    [
        ("2017-08-17/camera1_2017-08-17T09-56-06", "camera1"),
        ("2017/08/17/camera1_2017-08-17T09-56-06", "camera1"),
        ("night_20170817/095606", ""),
        ("north/2017-08/camera1_2017-08-17T09-56-06", "north/camera1"),
        ("2017-08-17/north/camera1_2017-08-17T09-56-06", "north/camera1"),
        ("roof12/2017x/camera1_7", "roof12/2017x/camera1"),
    ],
)
def test_a_season_of_dated_folders_is_one_camera(tmp_path: Path, file: str, camera: str) -> None:
    assert listing.frame_of(tmp_path / f"{file}.png", tmp_path).camera == camera


def test_frames_are_listed_by_stem_and_know_their_camera(tmp_path: Path) -> None:
    _write(tmp_path, ["b/camera1_2017-08-17T09-56-06", "a"])
    frames = listing.list_frames(tmp_path / "images")
    assert [frame.stem for frame in frames] == ["a", "b/camera1_2017-08-17T09-56-06"]
    assert frames[1].camera == "b/camera1"
    assert frames[1].night == "2017-08-16"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        listing.list_frames(tmp_path / "nowhere")


def test_nights_are_never_cut_and_the_split_is_seeded(tmp_path: Path) -> None:
    _write(tmp_path, [f"c_2017-08-{day:02d}T22-0{m}-00" for day in range(1, 11) for m in range(4)])
    found = labelled.pairs(tmp_path)
    parts = splits.split(found, 0.2, seed=3)
    assert parts.by == "night"
    assert len(parts.valid) == 8
    assert not {pair.group for pair in parts.train} & {pair.group for pair in parts.valid}
    assert splits.split(found, 0.2, seed=3) == parts
    assert splits.split(found, 0.2, seed=4).valid != parts.valid


def test_without_times_blocks_of_ten_numbers_are_kept_whole(tmp_path: Path) -> None:
    _write(tmp_path, [f"{number:03d}" for number in range(50)])
    parts = splits.split(labelled.pairs(tmp_path))
    assert parts.by == "blocks of 10"
    assert {int(pair.stem) // 10 for pair in parts.valid}.isdisjoint({int(pair.stem) // 10 for pair in parts.train})
    assert len(parts.valid) == 10


def test_one_group_means_no_validation_and_says_so(tmp_path: Path) -> None:
    _write(tmp_path, ["c_2017-08-17T22-00-00", "c_2017-08-17T22-10-00"])
    parts = splits.split(labelled.pairs(tmp_path))
    assert parts.valid == ()
    assert "No validation" in parts.note


def test_twins_end_on_one_side(tmp_path: Path) -> None:
    _write(tmp_path, ["005", "015", "025"])
    found = labelled.pairs(tmp_path)
    prints = np.stack([near_duplicates.fingerprint(images.read(pair.image)) for pair in found])
    prints[2] = prints[0] + 1
    joined = near_duplicates.join_twins(found, prints)
    assert joined[0].group == joined[2].group != joined[1].group


def test_levels_of_the_published_sets() -> None:
    grey = np.array([[255, 100, 0]], np.uint8)
    assert labelled.levels_to_label(grey, "255=cloud 100=sky 0=undefined", "m.png").tolist() == [[255, 0, 128]]
    blurred = np.array([[250, 127, 128]], np.uint8)
    assert labelled.levels_to_label(blurred, "JPEG binary: >=128 cloud", "m.jpg").tolist() == [[255, 0, 255]]
    with pytest.raises(DataError, match="holds the values 100"):
        labelled.levels_to_label(np.full((2, 2), 100, np.uint8), "", "m.png")


def test_preflight_names_sizes_and_polarity(tmp_path: Path) -> None:
    _write(tmp_path, ["001", "002"])
    images.write_png(tmp_path / "masks" / "002.png", np.zeros((16, 32), np.uint8))
    found = preflight.check(tmp_path)
    assert len(found.problems) == 1
    assert "never resized" in found.problems[0]
    dark = np.full((32, 32, 3), 200, np.uint8)
    dark[:16] = 10
    label = np.zeros((32, 32), np.uint8)
    label[:16] = 255
    images.write_png(tmp_path / "images" / "001.png", dark)
    images.write_png(tmp_path / "masks" / "001.png", label)
    (tmp_path / "masks" / "002.png").unlink()
    assert any("darker" in note for note in preflight.check(tmp_path).notes)


@pytest.mark.parametrize("make", ["nothing", "empty", "no masks"])
def test_row_62_a_folder_without_data_is_refused_before_anything_starts(tmp_path: Path, make: str) -> None:
    if make == "empty":
        (tmp_path / "images").mkdir()
        (tmp_path / "masks").mkdir()
    if make == "no masks":
        _write(tmp_path, ["001"])
        (tmp_path / "masks" / "001.png").unlink()
    found = preflight.check(tmp_path)
    assert found.n_images == 0
    assert len(found.problems) == 1
    assert found.problems[0].endswith(".")


def test_one_image_is_accepted_and_no_validation_is_said(tmp_path: Path) -> None:
    _write(tmp_path, ["001"])
    found = preflight.check(tmp_path)
    assert found.problems == []
    assert any("No validation" in note for note in found.notes)


def test_a_table_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("image,mask\n../x.png,/etc/passwd\n")
    with pytest.raises(DataError, match="not a path below"):
        labelled.pairs(tmp_path)


def test_real_pairs_are_read_by_their_table(sky_data: Path) -> None:
    found = labelled.pairs(sky_data)
    assert len(found) >= 20
    assert not any(pair.mask.name.endswith("_3GT.png") for pair in found)
    image, label = labelled.read_pair(found[0])
    assert image.shape[:2] == label.shape
    assert set(np.unique(label)) <= {0, 128, 255}
