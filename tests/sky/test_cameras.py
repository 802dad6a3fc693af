"""What is kept of a camera: one file, whole, found by name, refused in words when damaged; and the files of 0.3.0."""

import json
from pathlib import Path

import numpy as np
import pytest

from cloudcore import images
from cloudcore.errors import CloudcoreError, MaskError
from cloudcore.sky import cameras
from cloudcore.sky.cameras import Camera, CameraRecord, Pose
from cloudcore.sky.dome import Dome
from cloudcore.sky.sun_moon import Orientation, Site

ROOF = Pose(31.9583, -111.5967, 2120.0, 12.5, False)
CIRCLE = Dome((30.0, 40.0), 25.0)


def test_a_pose_is_found_again_by_its_camera(tmp_path: Path) -> None:
    for name in ("camera1", "", "../roof", "x" * 400, "nörd/2"):
        cameras.save_pose(tmp_path, name, ROOF)
        assert cameras.load_pose(tmp_path, name) == ROOF
    assert cameras.load_pose(tmp_path, "camera2") == Pose()
    assert cameras.load_poses(tmp_path, ["camera1", "camera2"]) == {"camera1": ROOF}
    assert {path.parent for path in tmp_path.rglob("*.json")} == {tmp_path}
    cameras.save_pose(tmp_path, "camera1", Pose())
    assert cameras.load_pose(tmp_path, "camera1") == Pose() and not cameras.file_of(tmp_path, "camera1").exists()


def test_sites_do_not_disturb_the_domes_beside_them(tmp_path: Path) -> None:
    cameras.save_camera(tmp_path, Camera("camera1", "night", (64, 64)))
    cameras.save_pose(tmp_path, "camera1", ROOF)
    assert [camera.name for camera in cameras.cameras(tmp_path)] == ["camera1"]


def test_half_a_site_is_none() -> None:
    assert Pose(31.0).site is None and Pose(31.0).orientation is None
    assert ROOF.site == Site(31.9583, -111.5967, 2120.0) and ROOF.orientation == Orientation(12.5, False)
    assert Pose(0.0, 0.0).site == Site(0.0, 0.0) and Pose(north=0.0).orientation == Orientation()


@pytest.mark.parametrize(
    "change",
    [{"latitude": 91}, {"latitude": "31"}, {"longitude": True}, {"north": float("nan")}, {"elevation": 1e9}, None],
)
def test_a_damaged_file_is_a_sentence_with_a_next_step(tmp_path: Path, change: dict[str, object] | None) -> None:
    cameras.save_pose(tmp_path, "camera1", ROOF)
    file = cameras.file_of(tmp_path, "camera1")
    told = json.loads(file.read_text())
    for part in ("site", "orientation"):
        told[part] |= {field: value for field, value in (change or {}).items() if field in told[part]}
    file.write_text(json.dumps(told) if change else "[1, 2]")
    with pytest.raises(CloudcoreError, match=r"camera1 cannot be read .*Set it again on the page Night"):
        cameras.load_pose(tmp_path, "camera1")


def test_cameras_come_back_as_saved(tmp_path: Path) -> None:
    """Dome, horizon and model, each camera and exposure for itself; saving again replaces."""
    horizon = ~CIRCLE.mask((60, 80))
    short = Camera("KPNO", "0.3 s", (60, 80), CIRCLE, horizon, "sky")
    long = Camera("KPNO", "6 s", (60, 80), CIRCLE, None, None)
    for camera in (long, short, short):
        cameras.save_camera(tmp_path / "cameras", camera)
    kept = cameras.cameras(tmp_path / "cameras")
    assert [c.exposure for c in kept] == ["0.3 s", "6 s"]
    assert kept[0].dome == CIRCLE and kept[0].model == "sky" and kept[0].horizon is not None
    assert np.array_equal(kept[0].horizon, horizon)
    assert np.array_equal(kept[0].valid((60, 80)), CIRCLE.mask((60, 80)) & ~horizon)
    assert len(list((tmp_path / "cameras").glob("*.json"))) == 1
    assert len(list((tmp_path / "cameras").glob("*.png"))) == 1


def test_the_camera_of_a_frame(tmp_path: Path) -> None:
    """Exact exposure first, else the same camera with its own model left open, else none."""
    cameras.save_camera(tmp_path, Camera("a", "6 s", (60, 80), CIRCLE, None, "sky"))
    assert cameras.camera_for(tmp_path, "a", "6 s", (60, 80)) == Camera("a", "6 s", (60, 80), CIRCLE, None, "sky")
    assert cameras.camera_for(tmp_path, "a", "1 s", (60, 80)) == Camera("a", "1 s", (60, 80), CIRCLE, None, None)
    assert cameras.camera_for(tmp_path, "a", "6 s", (61, 80)) is None
    assert cameras.camera_for(tmp_path / "absent", "b", "", (60, 80)) is None


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "CON", "a" * 300, "nul\0", "カメラ", "\u202eevil"])
def test_row_53_names_never_reach_the_disk(name: str, tmp_path: Path) -> None:
    """Whatever a camera is called, its files have ids of ours and stay in the folder."""
    cameras.save_camera(tmp_path / "cameras", Camera(name, name, (60, 80), CIRCLE))
    assert cameras.camera_for(tmp_path / "cameras", name, name, (60, 80)) is not None
    assert [p.name for p in tmp_path.iterdir()] == ["cameras"]
    assert all(len(p.name) < 60 and p.name.isascii() for p in (tmp_path / "cameras").iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"x"',
        '{"name": "a"}',
        '{"name":"a","exposure":"","shape_hw":[1],"dome":null}',
        "\x00\xff",
        '{"name":"a","exposure":"","shape_hw":[60,80],"dome":[1,2],"model":null,"horizon":null}',
    ],
)
def test_a_damaged_camera_file_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text(text, encoding="latin-1")
    with pytest.raises(CloudcoreError, match=r"broken\.json is damaged"):
        cameras.cameras(tmp_path)


def test_a_horizon_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="horizon"):
        cameras.save_camera(tmp_path, Camera("a", "", (60, 80), CIRCLE, np.zeros((60, 81), np.bool_)))
    cameras.save_camera(tmp_path, Camera("a", "", (60, 80), CIRCLE, np.zeros((60, 80), np.bool_)))
    images.write_png(next(tmp_path.glob("*-horizon.png")), np.zeros((30, 30), np.bool_))
    with pytest.raises(CloudcoreError, match="another size"):
        cameras.cameras(tmp_path)
    with pytest.raises(MaskError, match="set for"):
        Camera("a", "", (60, 80), CIRCLE).valid((61, 80))
    assert json.loads(next(tmp_path.glob("*.json")).read_text())["exposures"][0]["shape_hw"] == [60, 80]


def _write_as_0_3_0(folder: Path) -> None:
    """Three files of exposures, one with a horizon mask, and one of a site, as release 0.3.0 wrote them."""
    (folder / "sites").mkdir(parents=True)
    exposures = {
        "7e6b53a5764d7d2f-60x80": ("KPNO", "6 s", [30.0, 40.0, 25.0], None, None),
        "193ad4fb1cfd4012-60x80": ("KPNO", "0.3 s", [30.0, 40.0, 25.0], "193ad4fb1cfd4012-60x80-horizon.png", "sky"),
        "ce6bca1ec8156556-60x80": ("roof", "night", None, None, "sky"),
    }
    for stem, (name, exposure, dome, horizon, model) in exposures.items():
        record = {"name": name, "exposure": exposure, "shape_hw": [60, 80], "dome": dome, "horizon": horizon}
        (folder / f"{stem}.json").write_text(json.dumps({**record, "model": model}, indent=1))
    images.write_png(folder / "193ad4fb1cfd4012-60x80-horizon.png", ~CIRCLE.mask((60, 80)))
    site = {"name": "KPNO", "latitude": 31.9583, "longitude": -111.5967, "elevation": 2120.0, "north": 12.5}
    (folder / "sites" / "3f41b9d5998c9a3b.json").write_text(json.dumps({**site, "east_left": False}, indent=1))


def _check_0_3_0(folder: Path) -> None:
    record = cameras.load_record(folder, "KPNO")
    assert record.pose == ROOF and [camera.exposure for camera in record.exposures] == ["0.3 s", "6 s"]
    short, long = record.exposures
    assert long == Camera("KPNO", "6 s", (60, 80), CIRCLE) and short.model == "sky" and short.horizon is not None
    assert np.array_equal(short.horizon, ~CIRCLE.mask((60, 80)))
    assert cameras.load_record(folder, "roof").exposures == (Camera("roof", "night", (60, 80), None, None, "sky"),)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def test_files_of_0_3_0_are_read(tmp_path: Path) -> None:
    _write_as_0_3_0(tmp_path)
    before = _names(tmp_path)
    _check_0_3_0(tmp_path)
    assert _names(tmp_path) == before


@pytest.mark.parametrize("part", ["pose", "exposure"])
def test_the_next_save_rewrites_the_files_of_0_3_0(tmp_path: Path, part: str) -> None:
    """One file for the camera that is saved; the mask stays where it lies; another camera's files stay as they are."""
    _write_as_0_3_0(tmp_path)
    if part == "pose":
        cameras.save_pose(tmp_path, "KPNO", ROOF)
    else:
        cameras.save_camera(tmp_path, Camera("KPNO", "6 s", (60, 80), CIRCLE))
    assert _names(tmp_path) == {
        cameras.file_of(tmp_path, "KPNO").name,
        "193ad4fb1cfd4012-60x80-horizon.png",
        "ce6bca1ec8156556-60x80.json",
    }
    assert not list((tmp_path / "sites").iterdir())
    _check_0_3_0(tmp_path)


def test_a_file_beside_an_old_one_goes_before_it(tmp_path: Path) -> None:
    """A program that ended between writing the new file and removing the old ones changes nothing."""
    _write_as_0_3_0(tmp_path)
    old = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    cameras.save_camera(tmp_path, Camera("KPNO", "6 s", (60, 80), None, None, "sky"))
    cameras.save_pose(tmp_path, "KPNO", Pose(45.0))
    for path, content in old.items():
        path.write_bytes(content)
    assert cameras.camera_for(tmp_path, "KPNO", "6 s", (60, 80)) == Camera("KPNO", "6 s", (60, 80), None, None, "sky")
    assert cameras.load_pose(tmp_path, "KPNO") == Pose(45.0)


def test_damage_in_one_part_is_no_loss_of_the_others(tmp_path: Path) -> None:
    cameras.save_camera(tmp_path, Camera("a", "6 s", (60, 80), CIRCLE))
    cameras.save_pose(tmp_path, "a", ROOF)
    file = cameras.file_of(tmp_path, "a")
    whole = json.loads(file.read_text())
    file.write_text(json.dumps({**whole, "site": "somewhere"}))
    assert cameras.camera_for(tmp_path, "a", "6 s", (60, 80)) == Camera("a", "6 s", (60, 80), CIRCLE)
    cameras.save_pose(tmp_path, "a", Pose(45.0))
    assert cameras.load_record(tmp_path, "a") == CameraRecord("a", Pose(45.0), (Camera("a", "6 s", (60, 80), CIRCLE),))
    file.write_text(json.dumps({**whole, "exposures": [{**whole["exposures"][0], "dome": [1]}], "bits": 12}))
    assert cameras.load_pose(tmp_path, "a") == ROOF
    cameras.save_camera(tmp_path, Camera("a", "6 s", (60, 80), CIRCLE))
    assert cameras.load_record(tmp_path, "a") == CameraRecord("a", ROOF, (Camera("a", "6 s", (60, 80), CIRCLE),))
    assert json.loads(file.read_text())["bits"] == 12


def test_a_file_that_is_no_record_is_put_aside(tmp_path: Path) -> None:
    file = cameras.file_of(tmp_path, "a")
    file.write_text("{")
    cameras.save_pose(tmp_path, "a", ROOF)
    assert cameras.load_pose(tmp_path, "a") == ROOF
    assert file.with_suffix(".damaged").read_text() == "{"
