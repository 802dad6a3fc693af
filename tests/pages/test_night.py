"""Night: empty, loaded, clicked."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cloudcore import images
from cloudcore import settings as environment
from cloudcore.frames import chosen_folder
from cloudcore.models import folder as models_folder
from cloudcore.settings import Settings
from cloudcore.sky import cameras
from cloudcore.sky.cameras import Pose
from cloudcore.ui.night import work
from tests import toy_model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A workspace with eight frames of the sample night, and no shipped model."""
    monkeypatch.setattr(models_folder, "ZOO", tmp_path / "zoo")
    monkeypatch.setattr(work, "FIRST_S", 60.0)  # all in the first run: later turns come from the browser's clock
    here = environment.load()
    (here.samples / "night" / "images").mkdir(parents=True)
    (here.samples / "sky").symlink_to(samples / "sky", target_is_directory=True)
    for path in sorted((samples / "night" / "images").iterdir())[::5]:
        shutil.copy(path, here.samples / "night" / "images")
    shutil.copy(samples / "night" / "truth.csv", here.samples / "night")
    return here


@pytest.fixture
def toy(settings: Settings) -> Path:
    """The only model there is."""
    return toy_model.write(settings.models / "toy")


def _open(**state: object) -> AppTest:
    app = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=120)
    for name, value in state.items():
        app.session_state[name] = value
    app.run().switch_page("pages/night.py").run()
    assert not app.exception, app.exception
    return app


def _texts(app: AppTest) -> str:
    return " ".join(item.value for kind in (app.caption, app.info, app.error) for item in kind)


def test_empty_without_a_model(settings: Settings) -> None:
    assert "No model yet. Train one." in _texts(_open())


def test_loaded(toy: Path) -> None:
    app = _open()
    words = _texts(app)
    assert "drawn sample night, 8 frames" in words and "2017-08-17 02:30:00 UTC" in words
    assert "not the whole error" in words and "No site is given" in words
    assert "Dashed: truth of the drawn night. No correlation: it takes 20 pairs or more, here are 8." in words
    assert "Mean absolute difference" in words
    assert any("Zenith" in item.value for item in app.get("html"))
    assert len(app.get("plotly_chart")) == 1


def test_the_scrubber_shows_another_frame(toy: Path) -> None:
    app = _open()
    last = app.select_slider(key="night_scrub").options[-1]
    app.select_slider(key="night_scrub").set_value(app.session_state["night_done"][1].copy().popitem()[0]).run()
    assert not app.exception and f"2017-08-17 {last} UTC" in _texts(app)


def test_nights_and_another_measure(toy: Path) -> None:
    app = _open(night_step="Nights", night_measure="sky_fraction_zenith")
    assert "Medians; the band is the quartiles of its frames." in _texts(app)


def test_no_time_asks_for_a_pattern(settings: Settings, toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "untimed"
    folder.mkdir()
    for minute in range(45):
        image = np.full((64, 64, 3), 40 + minute, np.uint8)
        images.write_png(folder / f"f_17.08.2017_04.{minute:02}.png", image)
    chosen_folder.remember_folder(settings, folder)
    app = _open()
    assert "No time found. Give a file name pattern." in _texts(app)
    app.text_input(key="night_pattern_now").set_value("%d.%m.%Y_%H.%M").run()
    assert not app.exception and "1 night, 45 frames" in _texts(app)


def test_left_out_frames_are_counted_and_listed(settings: Settings, toy: Path) -> None:
    for name in ("camera3_2017-08-17T05-00-01.png", "camera3_2017-08-17T05-00-02.png"):
        (settings.samples / "night" / "images" / name).write_bytes(b"nothing")
    app = _open()
    assert [item.label for item in app.expander if "left out" in item.label] == [
        "2 frames left out; the list says why."
    ]
    assert app.dataframe[0].value["Why"].str.contains("no image format").all()


def test_a_site_chooses_the_frames(settings: Settings, toy: Path) -> None:
    cameras.save_pose(settings.cameras, "camera3", Pose(31.96, -111.6))
    words = _texts(_open())
    assert "Frames count with the sun below −17°." in words and "north is not given" in words
    assert "night, 6 frames" in words  # at 02:30 and 03:30 UTC the evening was too bright over Kitt Peak
    assert "sun −" in words and "Kept for camera3" in words


def test_a_site_is_kept_for_the_camera(settings: Settings, toy: Path) -> None:
    app = _open()
    app.number_input(key="night_latitude_camera3").set_value(31.96).run()
    assert "No site is given" in _texts(app)  # half a site is kept, and is none yet
    app.number_input(key="night_longitude_camera3").set_value(-111.6).run()
    app.number_input(key="night_elevation_camera3").set_value(2120.0).run()
    app.number_input(key="night_north_camera3").set_value(355.0).run()
    app.toggle(key="night_mirrored_camera3").set_value(True).run()
    assert cameras.load_pose(settings.cameras, "camera3") == Pose(31.96, -111.6, 2120.0, 355.0, False)
    words = _texts(_open())  # another session knows it
    assert "Left out: 50° around the moon, 20° around the sun." in words and "night, 6 frames" in words


def test_the_sun_has_a_radius_of_its_own(settings: Settings, toy: Path) -> None:
    cameras.save_pose(settings.cameras, "camera3", Pose(31.96, -111.6, 0.0, 0.0))
    app = _open()
    app.number_input(key="night_sun_radius").set_value(35.0).run()
    assert "50° around the moon, 35° around the sun." in _texts(app)


def test_a_damaged_site_is_said_and_replaced(settings: Settings, toy: Path) -> None:
    file = cameras.file_of(settings.cameras, "camera3")
    file.parent.mkdir(parents=True)
    file.write_text('{"name": "camera3", "site": {"latitude": "north"}, "exposures": []}')
    app = _open()
    assert "The site kept for camera3 cannot be read" in _texts(app) and "8 frames" in _texts(app)
    app.number_input(key="night_latitude_camera3").set_value(10.0).run()
    assert not app.exception and not app.error
    assert cameras.load_pose(settings.cameras, "camera3") == Pose(10.0)


def test_two_cameras_have_a_curve_and_a_site_each(settings: Settings, toy: Path) -> None:
    folder = settings.samples / "night" / "images"
    first = sorted(folder.iterdir())[0]
    shutil.copy(first, folder / "other_2017-08-17T05-00-00.png")
    app = _open()
    assert app.selectbox(key="night_of_camera").value == "camera3"
    assert "Frames of 2 cameras; the curve is of camera3." in _texts(app)
    app.selectbox(key="night_of_camera").set_value("other").run()
    assert "2017-08-17 05:00:00 UTC" in _texts(app) and not app.exception
    app.selectbox(key="night_camera").set_value("other").run()
    app.number_input(key="night_latitude_other").set_value(45.0).run()
    assert cameras.load_pose(settings.cameras, "other") == Pose(45.0)
    assert cameras.load_pose(settings.cameras, "camera3") == Pose()


def test_many_frames_wait_for_start(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "UNASKED", 2)
    monkeypatch.setattr(work, "FIRST_S", 0.0)
    app = _open()
    assert "1 of 8 frames done. What is done is kept" in _texts(app)
    assert app.button(key="night_start").label == "Resume"
    monkeypatch.setattr(work, "FIRST_S", 60.0)
    app.button(key="night_start").click().run()
    assert not app.exception and "drawn sample night, 8 frames" in _texts(app)


def test_a_bad_choice_is_said(settings: Settings, toy: Path) -> None:
    assert "no such folder" in _texts(_open(night_folder="/nowhere"))
    assert "lacks year" in _texts(_open(night_pattern="%H%M"))
    (toy / "model.onnx").write_bytes(b"no graph")
    assert "model.onnx of toy is damaged" in _texts(_open())
