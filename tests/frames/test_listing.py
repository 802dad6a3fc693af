"""Listing: times and cameras from names, frames of a folder."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloudcore.errors import DataError
from cloudcore.frames import listing
from tests.frames.drawn_pairs import write


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
    write(tmp_path, ["b/camera1_2017-08-17T09-56-06", "a"])
    frames = listing.list_frames(tmp_path / "images")
    assert [frame.stem for frame in frames] == ["a", "b/camera1_2017-08-17T09-56-06"]
    assert frames[1].camera == "b/camera1"
    assert frames[1].night == "2017-08-16"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        listing.list_frames(tmp_path / "nowhere")
