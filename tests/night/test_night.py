"""A night: who counts, how cloudy it is, that nothing is done twice, and that one bad frame does not end it."""

import csv
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cloudcore import images, models
from cloudcore import samples as cloud_samples
from cloudcore import settings as environment
from cloudcore.commands import main
from cloudcore.errors import DataError
from cloudcore.masks.mask import Mask
from cloudcore.night import export, measure, picture, series
from cloudcore.night.cache import NightCache
from cloudcore.night.frame_selection import NO_TIME, LeftOutFile, Options, select
from cloudcore.night.measure import Measurement, Observer
from cloudcore.samples import workspace
from cloudcore.samples.sky_scene import optical_depth
from cloudcore.sky import cameras
from cloudcore.sky.cameras import Camera, Pose, save_camera
from cloudcore.sky.cloud_amount import MEASURES, Estimate
from cloudcore.sky.dome import Dome
from cloudcore.sky.sun_moon import Orientation, Site
from cloudcore.sky.times import TimeSource
from tests import toy_model

KPNO = Site(31.9583, -111.5967, 2120)
START = datetime(2017, 8, 17, 4, 0, tzinfo=UTC)


@dataclass
class Counting:
    """A model that counts how often it was asked, and may be told to refuse."""

    inner: models.Predictor
    asked: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __call__(self, image: images.Image) -> Any:
        self.asked += 1
        return self.inner(image)


@pytest.fixture
def toy(tmp_path: Path) -> Counting:
    """Cloud where a frame is red."""
    return Counting(models.load(toy_model.write(tmp_path / "toy", (20.0, 0.0, 0.0), -8.0, min_size=0)))


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[NightCache]:
    """An empty cache."""
    with NightCache(tmp_path / "workspace") as kept:
        yield kept


def _frame(folder: Path, minute: int, red_rows: int = 32, name: str = "cam") -> Path:
    """A frame of 64 x 64 whose upper rows are red."""
    image = np.full((64, 64, 3), 30, np.uint8)
    image[:red_rows, :, 0] = 230
    image[0, 0, 2] = minute % 250  # no two frames alike
    path = folder / f"{name}_{START + timedelta(minutes=minute):%Y-%m-%dT%H-%M-%S}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write_png(path, image)
    return path


def _observe(
    folder: Path, cache: NightCache, *predictors: Any, **asked: Any
) -> tuple[list[Measurement], list[LeftOutFile]]:
    observer = Observer(select(folder, Options(**asked)), predictors, cache, folder.parent / "cameras")
    return measure.observe(observer)


def _dome_of(folder: Path) -> None:
    save_camera(folder.parent / "cameras", Camera("cam", "night", (64, 64), Dome((31.5, 31.5), 30.0)))


def test_rows_in_time_with_amounts_and_span(tmp_path: Path, cache: NightCache, toy: Counting) -> None:
    folder = tmp_path / "night"
    _dome_of(folder)
    for minute, rows in ((30, 64), (0, 0), (10, 32)):
        _frame(folder, minute, rows)
    rows, left_out = _observe(folder, cache, toy)
    assert [row.okta for row in rows] == [0, 4, 8] and not left_out
    half = rows[1].amounts["cloud_fraction"]
    assert half.value == pytest.approx(0.5, abs=0.06) and half.low < half.value < half.high
    assert [row.cloudy for row in rows] == [False, True, True]
    assert rows[2].amounts["sky_fraction_zenith"] == Estimate(1.0, 1.0, 1.0)
    assert rows[0].night == "2017-08-16"


def test_two_models_widen_the_band(tmp_path: Path, cache: NightCache, toy: Counting) -> None:
    folder = tmp_path / "night"
    _frame(folder, 0, 32)
    never = models.load(toy_model.write(tmp_path / "never", (0.0, 0.0, 0.0), -9.0, min_size=0))
    (alone,), _ = _observe(folder, cache, toy)
    (both,), _ = _observe(folder, cache, toy, never)
    one, two = alone.amounts["cloud_fraction"], both.amounts["cloud_fraction"]
    assert two.value == pytest.approx(one.value / 2) and two.low == 0 and two.high == one.high


def test_frames_done_are_not_done_again(tmp_path: Path, cache: NightCache, toy: Counting) -> None:
    folder = tmp_path / "night"
    paths = [_frame(folder, minute) for minute in range(4)]
    first, _ = _observe(folder, cache, toy)
    assert toy.asked == 4
    again, _ = _observe(folder, cache, toy, spread=0.1, site=KPNO, orientation=Orientation(), sun_below=None)
    assert toy.asked == 4 and [row.file for row in again] == [row.file for row in first]
    paths[1].rename(paths[1].with_name("cam_2017-08-17T05-00-00.png"))
    _frame(folder, 2, red_rows=5)
    rows, _ = _observe(folder, cache, toy)
    assert toy.asked == 5 and len(rows) == 4
    other = Counting(models.load(toy_model.write(tmp_path / "other", (9.0, 0.0, 0.0), -3.0)))
    _observe(folder, cache, other)
    assert other.asked == 4


def test_bad_frames_are_listed_and_the_night_goes_on(tmp_path: Path, cache: NightCache, toy: Counting) -> None:
    folder = tmp_path / "night"
    good = _frame(folder, 0)
    (folder / "cam_2017-08-17T04-20-00.png").write_bytes(good.read_bytes()[:120])
    (folder / "cam_2017-08-17T04-21-00.jpg").write_bytes(b"<html>")
    (folder / "cam_2017-08-17T04-22-00.fits").write_bytes(b"no fits")
    (folder / "no_time.png").write_bytes(good.read_bytes())
    rows, left_out = _observe(folder, cache, toy)
    reasons = {one.file: one.reason for one in left_out}
    assert [row.file for row in rows] == [good.name] and len(reasons) == 4
    assert "damaged" in reasons["cam_2017-08-17T04-20-00.png"] and "HTML" in reasons["cam_2017-08-17T04-21-00.jpg"]
    assert reasons["no_time.png"] == NO_TIME and "no FITS file" in reasons["cam_2017-08-17T04-22-00.fits"]


def test_the_sun_chooses_and_the_moon_is_left_out(tmp_path: Path, cache: NightCache, toy: Counting) -> None:
    folder = tmp_path / "night"
    _dome_of(folder)
    _frame(folder, 0)  # 04:00 UTC: dark over Kitt Peak, no moon
    _frame(folder, 6 * 60)  # 10:00 UTC: dark, a crescent has risen in the east
    _frame(folder, -5 * 60)  # 23:00 UTC the day before: afternoon
    rows, left_out = _observe(folder, cache, toy, site=KPNO, orientation=Orientation(0.0))
    assert [row.time.hour for row in rows] == [4, 10]
    assert len(left_out) == 1 and "The sun stood at" in left_out[0].reason
    assert rows[0].left_out == "" and rows[0].left_out_share == 0
    assert rows[1].left_out == "moon" and 0.05 < rows[1].left_out_share < 0.4
    assert rows[1].moon_altitude is not None and rows[1].moon_altitude > 0
    by_day, _ = _observe(folder, cache, toy, site=KPNO, sun_below=None)
    assert len(by_day) == 3 and all(row.left_out == "" for row in by_day)


def test_each_camera_has_its_own_site(tmp_path: Path, cache: NightCache, toy: Counting) -> None:
    """At 23:00 UTC it is afternoon over Arizona and night on the meridian; a camera without a site counts always."""
    folder = tmp_path / "night"
    _dome_of(folder)
    for name in ("west", "east", "nowhere"):
        _frame(folder, -5 * 60, name=name)
    poses = {"west": Pose(32.0, -111.6), "east": Pose(32.0, 0.0)}
    rows, left_out = _observe(folder, cache, toy, poses=poses)
    assert [row.camera for row in rows] == ["east", "nowhere"] and len(left_out) == 1
    assert rows[0].sun_altitude is not None and rows[0].sun_altitude < -17 and rows[1].sun_altitude is None
    everywhere, _ = _observe(folder, cache, toy, poses=poses, site=Site(32.0, 0.0))
    assert {row.camera for row in everywhere} == {"west", "east", "nowhere"}
    words = " ".join(Options(poses=poses).words(["west", "nowhere"]))
    assert "north is not given" in words and "No site or no north is given for nowhere." in words


def test_the_sun_is_left_out_by_day_as_far_as_asked(tmp_path: Path, cache: NightCache, toy: Counting) -> None:
    folder = tmp_path / "night"
    _dome_of(folder)
    _frame(folder, -5 * 60)  # afternoon over Kitt Peak
    shares = []
    for radius in (0.0, 20.0, 60.0):
        poses = {"cam": Pose(KPNO.latitude, KPNO.longitude, 2120.0, 0.0)}
        (row,), _ = _observe(folder, cache, toy, poses=poses, sun_below=None, sun_radius=radius)
        shares.append(row.left_out_share)
        assert row.left_out == ("sun" if radius else "")
    assert shares[0] == 0 and 0.04 < shares[1] < 0.09 and 0.3 < shares[2] < 0.55  # a cap: (1 - cos r) of the hemisphere


def test_a_season_of_folders_is_one_camera_with_its_weeks_and_months(
    tmp_path: Path, cache: NightCache, toy: Counting
) -> None:
    """Three nights in folders of their own: one dome, one curve, medians of nights, weeks and months."""
    season = tmp_path / "season"
    _dome_of(season)
    for day, rows in ((0, 0), (1, 32), (20, 64)):
        for minute in (0, 10, 20):
            when = START + timedelta(days=day)
            _frame(season / f"{when:%Y-%m-%d}", day * 1440 + minute, rows)
    rows, left_out = _observe(season, cache, toy)
    assert len(rows) == 9 and not left_out and {row.camera for row in rows} == {"cam"}
    nights, weeks, months = (
        [(f"{p.time:%m-%d}", round(p.value, 1), p.n) for p in series.curve(rows, "cloud_fraction", step)]
        for step in ("Nights", "Weeks", "Months")
    )
    assert nights == [("08-17", 0.0, 3), ("08-18", 0.5, 3), ("09-06", 1.0, 3)]
    assert [(n, middle) for _, middle, n in weeks] == [(2, pytest.approx(0.25, abs=0.05)), (1, 1.0)]
    assert [(day, n) for day, _, n in months] == [("08-01", 2), ("09-01", 1)]


def test_a_night_that_broke_off_goes_on_where_it_stopped(tmp_path: Path, toy: Counting) -> None:
    """What was kept before the process ended is there for the next, which asks the model for the rest alone."""
    folder = tmp_path / "night"
    for minute in range(6):
        _frame(folder, minute)
    selection = select(folder, Options())
    with NightCache(tmp_path / "workspace") as first:
        observer = Observer(selection, [toy], first, tmp_path / "cameras")
        for frame in selection.frames[:4]:
            observer.measure(frame)
    assert toy.asked == 4
    with NightCache(tmp_path / "workspace") as second:
        rows, _ = measure.observe(Observer(selection, [toy], second, tmp_path / "cameras"))
    assert len(rows) == 6 and toy.asked == 6


def test_words_say_what_was_not_left_out() -> None:
    assert "No site is given" in " ".join(Options().words())
    assert "north is not given" in " ".join(Options(site=KPNO).words())
    assert Options(time_source=TimeSource(ahead_hours=-7)).words()[-1] == "Times without a zone count as UTC−7 h."
    assert Options(site=KPNO, orientation=Orientation()).words()[0] == "Frames count with the sun below −17°."
    with pytest.raises(DataError, match="Spread"):
        Options(spread=0.7)


def test_an_empty_folder_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no frame"):
        select(tmp_path, Options())
    with pytest.raises(DataError, match="no such folder"):
        select(tmp_path / "gone", Options())


class Perfect:
    """Answers a sample night's frames with the truth they were drawn from."""

    def __init__(self, truth: dict[bytes, Mask], folder: Path) -> None:
        self.truth, self.folder = truth, folder
        self.info: dict[str, Any] = {"input": {"side": 0}, "temperature": 1, "files": {"model.onnx": "perfect"}}
        self.threshold, self.min_size, self.grid_hw = (0.5,), (0,), None

    def __call__(self, image: images.Image) -> Any:
        return self.truth[image.tobytes()].astype(np.float32)


def test_with_perfect_masks_the_sample_night_is_within_0_03(
    samples_night: Path, cache: NightCache, tmp_path: Path
) -> None:
    drawn = {scene.path.name: scene for scene in workspace._night(samples_night, 0)}
    chosen = sorted((samples_night / "images").iterdir())[::4]
    (tmp_path / "some").mkdir()
    truth = {}
    for path in chosen:
        (tmp_path / "some" / path.name).symlink_to(path)
        scene = drawn[path.name]
        truth[images.read(path).tobytes()] = optical_depth(scene.view, scene.layers, 0) > np.float32(cloud_samples.CUT)
    rows, left_out = _observe(tmp_path / "some", cache, Perfect(truth, tmp_path))
    table = csv.DictReader(io.StringIO((samples_night / "truth.csv").read_text()))
    known = {row["file"]: float(row["cloud_fraction"]) for row in table}
    errors = [abs(row.amounts["cloud_fraction"].value - known[row.file]) for row in rows]
    assert len(rows) == len(chosen) and not left_out
    assert float(np.mean(errors)) < 0.03 and max(errors) < 0.06


def test_the_shipped_model_follows_the_sample_night_within_0_03(samples_night: Path, cache: NightCache) -> None:
    """The whole sky's cloud fraction of 40 frames, as page and command measure it, against what was drawn."""
    predictors = measure.load(["sky"], environment.load())
    rows, left_out = _observe(samples_night, cache, *predictors)
    table = csv.DictReader(io.StringIO((samples_night / "truth.csv").read_text()))
    known = {row["file"]: float(row["cloud_fraction"]) for row in table}
    errors = [abs(row.amounts["cloud_fraction"].value - known[row.file]) for row in rows]
    assert len(errors) == 40 and not left_out
    assert float(np.mean(errors)) < 0.03


@pytest.fixture
def samples_night(samples: Path) -> Path:
    """The drawn night's folder."""
    return samples / "night"


def test_every_real_frame_has_a_row_or_a_reason(cache: NightCache, toy: Counting, tmp_path: Path) -> None:
    real = os.environ.get("CLOUDCORE_REAL_DATA", "")
    if not real:
        pytest.skip("CLOUDCORE_REAL_DATA names no folder of real frames")
    folder = Path(real) / "allsky" / "unlabelled_night"
    files = {path.name for path in images.list_images(folder)}
    rows, left_out = _observe(folder, cache, toy)
    assert {row.file for row in rows} | {one.file for one in left_out} == files
    assert all(one.reason == NO_TIME for one in left_out) and rows
    table = {name: START + timedelta(minutes=i) for i, name in enumerate(sorted(files))}
    rows, left_out = _observe(folder, cache, toy, time_source=TimeSource(table))
    assert len(rows) == len(files) and not left_out
    assert all(0 <= row.amounts["cloud_fraction"].value <= 1 for row in rows)
    assert len({row.camera for row in rows}) >= 3


def test_no_curve_is_drawn_over_several_cameras(tmp_path: Path) -> None:
    """The command tells each camera's night, and draws and correlates the one with the most frames alone."""
    folder = tmp_path / "night"
    for minute, rows, name in ((0, 0, "a"), (5, 64, "b"), (10, 64, "b"), (15, 64, "b")):
        _frame(folder, minute, rows, name)
    model = toy_model.write(tmp_path / "toy", (20.0, 0.0, 0.0), -8.0)
    (tmp_path / "log.csv").write_text(f"time_utc,value\n{START:%Y-%m-%dT%H:%MZ},1\n2017-08-17T04:10Z,1\n")
    outs = [str(tmp_path / f"out.{kind}") for kind in ("csv", "png")]
    asked = ["night", str(model), str(folder), *(part for out in outs for part in ("--out", out))]
    done = CliRunner().invoke(main.app, [*asked, "--second", str(tmp_path / "log.csv")])
    assert done.exit_code == 0, done.output
    assert "Several cameras: curve and correlation are of b, 3 of 4 rows." in done.output
    assert "a, night of 2017-08-16: median cloud fraction 0.00, 0 of 1 frames cloudy" in done.output
    assert "b, night of 2017-08-16: median cloud fraction 1.00, 3 of 3 frames cloudy" in done.output
    assert "it takes 20 pairs or more, here are 3" in done.output
    assert len(Path(outs[0]).read_text().splitlines()) == 5


# Written down ---------------------------------------------------------------------------------------------------------


def _row(minute: int = 0, value: float = 0.5, file: str = "") -> Measurement:
    amounts = dict.fromkeys(MEASURES, Estimate(value, max(0.0, value - 0.1), min(1.0, value + 0.1)))
    time = START + timedelta(minutes=minute)
    return Measurement(file or f"{minute}.png", time, "cam", amounts, 4, value > 0.25, value, "", 0.0, None, None, "0")


def test_csv_has_every_file_and_no_formula() -> None:
    rows = [_row(0), _row(5, float("nan")), _row(9, 0.2, "=cmd().png")]
    text = export.as_csv(rows, [LeftOutFile("+bad.png", "-reason, with a comma")]).decode()
    table = list(csv.DictReader(io.StringIO(text)))
    assert list(table[0]) == export.COLUMNS
    assert table[0]["time_utc"] == "2017-08-17T04:00:00Z" and table[0]["cloudy"] == "1"
    assert table[1]["cloud_fraction"] == "" and table[2]["file"] == "'=cmd().png"
    assert table[3]["file"] == "'+bad.png" and table[3]["reason"] == "'-reason, with a comma"


def test_parquet_keeps_types() -> None:
    content = export.as_parquet([_row(0), replace(_row(5), okta=None)], [LeftOutFile("bad.png", "reason")])
    table = pd.read_parquet(io.BytesIO(content))
    assert list(table.columns) == export.COLUMNS and len(table) == 3
    assert str(table["time_utc"].dt.tz) == "UTC" and table["okta"].tolist()[0] == 4
    assert table["okta"].isna().tolist() == [False, True, True]


def test_the_picture_shows_keogram_and_curve() -> None:
    points = series.frames([_row(i, i / 10) for i in range(10)], "cloud_fraction")
    strip = np.full((128, 300, 3), (200, 10, 10), np.uint8)
    drawn = picture.draw(points, "A night", "Cloud fraction", strip, (START, START + timedelta(hours=1)), (800, 500))
    assert drawn.shape == (500, 800, 3)
    assert (drawn[120, 200:700] == (200, 10, 10)).all()
    curve = (drawn == picture.LINE).all(axis=2).nonzero()
    assert curve[0][curve[1].argmin()] > curve[0][curve[1].argmax()]  # it rises
    with pytest.raises(DataError, match="nothing to draw"):
        picture.draw([], "", "")


def test_the_command_keeps_and_uses_a_site(tmp_path: Path) -> None:
    """--keep-site keeps what the flags told; the next night knows it; flags go before what is kept."""
    folder = tmp_path / "night"
    _dome_of(folder)
    for minute in (0, -5 * 60):
        _frame(folder, minute)
    model = toy_model.write(tmp_path / "toy", (20.0, 0.0, 0.0), -8.0)
    asked = ["night", str(model), str(folder), "--out", str(tmp_path / "out.csv")]

    def told(*flags: str) -> str:
        done = CliRunner().invoke(main.app, [*asked, *flags])
        assert done.exit_code == 0, done.output
        return done.output

    assert "2 rows" in told()
    told("--site=31.9583,-111.5967,2120", "--north=12", "--east-right", "--keep-site")
    here = environment.load()
    assert cameras.load_pose(here.cameras, "cam") == Pose(31.9583, -111.5967, 2120.0, 12.0, False)
    kept = told("--sun-radius=35")
    assert "1 rows, 1 files left out" in kept and "50° around the moon, 35° around the sun" in kept
    assert "2 rows" in told("--site=31.9583,0")  # the meridian: it was night there both times
    file = cameras.file_of(here.cameras, "cam")
    file.write_text(json.dumps({**json.loads(file.read_text()), "site": {"latitude": "north"}}))
    done = CliRunner().invoke(main.app, asked)
    assert done.exit_code and "Set it again on the page Night" in str(done.exception)
    assert "2 rows" in told("--site=31.9583,0", "--north=0")
    done = CliRunner().invoke(main.app, [*asked, "--east-right"])
    assert done.exit_code and "Give --north too" in str(done.exception)


def test_command(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    for minute in range(3):
        _frame(folder, minute, 20 * minute)
    (folder / "none.png").write_bytes(b"")
    model = toy_model.write(tmp_path / "toy", (20.0, 0.0, 0.0), -8.0)
    outs = [str(tmp_path / f"out.{kind}") for kind in ("csv", "parquet", "png")]
    asked = ["night", str(model), str(folder), *(part for out in outs for part in ("--out", out)), "--site=32,-111"]
    done = CliRunner().invoke(main.app, asked)
    assert done.exit_code == 0, done.output
    assert "3 rows, 1 files left out" in done.output and "north is not given" in done.output
    assert len(Path(outs[0]).read_text().splitlines()) == 5
    assert cv2.imread(outs[2]).shape == (900, 1600, 3)
    done = CliRunner().invoke(main.app, [*asked, "--site=nowhere"])
    assert done.exit_code and "not understood" in str(done.exception)
    assert (environment.load().workspace / "cache" / "night.sqlite").is_file()
