"""Where a camera stands: kept whole, found by name, refused in words when damaged."""

import json
from pathlib import Path

import pytest

from cloudcore.errors import CloudcoreError
from cloudcore.sky import camera_sites, cameras
from cloudcore.sky.camera_sites import Place
from cloudcore.sky.cameras import Camera
from cloudcore.sky.sun_moon import Orientation, Site

ROOF = Place(31.9583, -111.5967, 2120.0, 12.5, False)


def test_a_place_is_found_again_by_its_camera(tmp_path: Path) -> None:
    for name in ("camera1", "", "../roof", "x" * 400, "nörd/2"):
        camera_sites.save(tmp_path, name, ROOF)
        assert camera_sites.load(tmp_path, name) == ROOF
    assert camera_sites.load(tmp_path, "camera2") == Place()
    assert camera_sites.load_all(tmp_path, ["camera1", "camera2"]) == {"camera1": ROOF}
    assert {path.parent for path in tmp_path.rglob("*.json")} == {tmp_path / camera_sites.FOLDER}
    camera_sites.save(tmp_path, "camera1", Place())
    assert camera_sites.load(tmp_path, "camera1") == Place() and not camera_sites.file_of(tmp_path, "camera1").exists()


def test_sites_do_not_disturb_the_domes_beside_them(tmp_path: Path) -> None:
    cameras.save_camera(tmp_path, Camera("camera1", "night", (64, 64)))
    camera_sites.save(tmp_path, "camera1", ROOF)
    assert [camera.name for camera in cameras.cameras(tmp_path)] == ["camera1"]


def test_half_a_site_is_none() -> None:
    assert Place(31.0).site is None and Place(31.0).orientation is None
    assert ROOF.site == Site(31.9583, -111.5967, 2120.0) and ROOF.orientation == Orientation(12.5, False)
    assert Place(0.0, 0.0).site == Site(0.0, 0.0) and Place(north=0.0).orientation == Orientation()


@pytest.mark.parametrize(
    "change",
    [{"latitude": 91}, {"latitude": "31"}, {"longitude": True}, {"north": float("nan")}, {"elevation": 1e9}, None],
)
def test_a_damaged_file_is_a_sentence_with_a_next_step(tmp_path: Path, change: dict[str, object] | None) -> None:
    camera_sites.save(tmp_path, "camera1", ROOF)
    file = camera_sites.file_of(tmp_path, "camera1")
    told = json.loads(file.read_text())
    file.write_text(json.dumps({**told, **change}) if change else "[1, 2]")
    with pytest.raises(CloudcoreError, match=r"camera1 cannot be read .*Set it again on the page Night"):
        camera_sites.load(tmp_path, "camera1")
