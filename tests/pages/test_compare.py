"""Compare: empty, loaded, clicked."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cloudcore import models
from cloudcore.files import opening
from cloudcore.frames import chosen_folder, listing
from cloudcore.models import folder as models_folder
from cloudcore.settings import Settings
from tests import toy_model
from tests.pages.conftest import open_page, texts


@pytest.fixture
def no_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No model comes with the package."""
    monkeypatch.setattr(models_folder, "ZOO", tmp_path / "zoo")


@pytest.fixture
def toy(settings: Settings, no_shipped: None) -> Path:
    """The only model there is."""
    return toy_model.write(settings.models / "toy")


def _table(app: AppTest) -> str:
    return next(item.value for item in app.get("html") if "Accuracy" in item.value)


def test_empty_without_a_model(settings: Settings, no_shipped: None) -> None:
    assert "No model yet. Train one." in texts(open_page("compare"))


def test_empty_without_truth(settings: Settings, toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    first = next((settings.samples / "sky" / "images").glob("*.png"))
    (folder / first.name).write_bytes(first.read_bytes())
    chosen_folder.remember_folder(settings, folder)
    assert "No truth for this frame. Paint it, or choose another." in texts(open_page("compare"))


def test_a_broken_model_is_named(settings: Settings, toy: Path) -> None:
    (toy / "model.onnx").write_bytes(b"no graph")
    assert "model.onnx of toy is damaged" in texts(open_page("compare"))


def test_loaded(toy: Path) -> None:
    app = open_page("compare")
    assert "24 frames with truth" in texts(app)
    assert "n = 24" in _table(app) and "base rate" in _table(app)
    assert app.session_state["compare_marks"].threshold == 0.5


def test_the_address_names_model_and_frame(settings: Settings, toy: Path) -> None:
    toy_model.write(settings.models / "zzz", (1.0, 1.0, 1.0), -1.0)
    stem = listing.list_frames(settings.samples / "sky" / "images")[5].stem
    app = open_page("compare", model="zzz", frame=stem)
    assert app.selectbox(key="compare_model").value == "zzz"
    assert app.query_params["frame"] == stem


def test_whole_set_has_intervals(toy: Path) -> None:
    app = open_page("compare")
    app.session_state["compare_scope"] = "Whole set"
    app.run()
    assert not app.exception
    assert "95 %" in _table(app) and "Cloud error" in _table(app)


def test_sliders_let_go_change_the_table(toy: Path) -> None:
    app = open_page("compare")
    before = _table(app)
    order = app.session_state["compare_marks"].order
    app.session_state["compare-controls"] = {"value": {"threshold": 0.2, "min_size": 500, "order": order}}
    app.run()
    marks = app.session_state["compare_marks"]
    assert (marks.threshold, marks.min_size) == (0.2, 500)
    assert _table(app) != before


def test_use_best_then_save_as_default(toy: Path) -> None:
    app = open_page("compare")
    best = next(button for button in app.button if button.label.startswith("Use best"))
    best.click().run()
    marks = app.session_state["compare_marks"]
    assert best.label == f"Use best: {marks.threshold:.2f}, {marks.min_size:,} px"
    next(button for button in app.button if button.label == "Save as default").click().run()
    assert not app.exception
    info = models.ModelInfo.read(toy)
    assert (info["threshold"], info["min_size"]) == ([marks.threshold], [marks.min_size])
    assert "24 frames" in info["threshold_from"]


def test_a_second_model_stands_beside(settings: Settings, toy: Path) -> None:
    toy_model.write(settings.models / "zzz", (1.0, 1.0, 1.0), -1.0)
    app = open_page("compare", model="toy")
    app.selectbox(key="compare_against").set_value("zzz").run()
    assert not app.exception
    assert "toy" in _table(app) and "zzz" in _table(app)


def test_trained_images_are_left_out_and_said(settings: Settings, no_shipped: None) -> None:
    stems = listing.list_frames(settings.samples / "sky" / "images")
    toy_model.write(settings.models / "toy", trained_on=[opening.sha256_of(frame.path) for frame in stems[:3]])
    app = open_page("compare")
    assert "3 left out: trained on" in texts(app) and "n = 21" in _table(app)
    app.toggle(key="compare_every").set_value(True).run()
    assert "n = 24" in _table(app) and "3 it was trained on (*) counted" in texts(app)


def test_another_data_folder(settings: Settings, toy: Path, tmp_path: Path) -> None:
    app = open_page("compare")
    app.text_input(key="compare_folder").set_value(str(settings.samples / "sky")).run()
    assert not app.exception and "24 frames with truth" in texts(app)
    assert next(button for button in app.button if button.label == "Open in Paint").disabled
    app.text_input(key="compare_folder").set_value(str(tmp_path / "gone")).run()
    assert "there is no such folder" in texts(app)
