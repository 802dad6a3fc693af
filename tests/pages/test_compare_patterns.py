"""Compare for models of several masks: a class is chosen, its own parameters are moved and saved."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cloudcore import models
from cloudcore import settings as environment
from cloudcore.models import folder
from cloudcore.settings import Settings
from tests import toy_model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a workspace whose samples are there already, and no shipped model."""
    monkeypatch.setattr(folder, "ZOO", tmp_path / "zoo")
    here = environment.load()
    here.workspace.mkdir(parents=True)
    here.samples.symlink_to(samples, target_is_directory=True)
    return here


@pytest.fixture
def toy(settings: Settings) -> Path:
    """The only model there is, one of the four patterns."""
    return toy_model.write_patterns(settings.models / "toy")


def _open(**query: str) -> AppTest:
    app = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=240).run()
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("pages/compare.py").run()
    assert not app.exception
    return app


def _table(app: AppTest) -> str:
    return next(item.value for item in app.get("html") if "from overlap" in item.value)


def test_a_class_is_chosen_and_saved_alone(toy: Path) -> None:
    app = _open(compare_pattern="Sugar")
    assert app.session_state["compare_pattern"] == "Sugar"
    assert "n = 12" in _table(app) and "all empty" in _table(app)
    before = _table(app)
    order = app.session_state["compare_marks"].order
    app.session_state["compare-controls"] = {"value": {"threshold": 0.9, "min_size": 3000, "order": order}}
    app.run()
    marks = app.session_state["compare_marks"]
    assert (marks.threshold, marks.min_size) == (0.9, 3000) and _table(app) != before
    next(button for button in app.button if button.label == "Save as default").click().run()
    info = models.ModelInfo.read(toy)
    assert info["threshold"] == [0.5, 0.5, 0.5, 0.9] and info["min_size"] == [500, 500, 500, 3000]
    assert info["grid_hw"] == [350, 525] and "12 images of a data folder" in info["threshold_from"]
    app.session_state["compare_pattern"] = "Fish"
    app.run()
    assert not app.exception and app.session_state["compare_marks"].threshold == 0.5


def test_whole_set_on_black_and_a_folder_that_is_none(toy: Path, tmp_path: Path) -> None:
    app = _open()
    app.session_state["compare_black"] = True
    app.session_state["compare_scope"] = "Whole set"
    app.run()
    assert not app.exception
    assert any("No interval: 12 images are fewer than 20" in caption.value for caption in app.caption)
    app.text_input(key="compare_pattern_folder").set_value(str(tmp_path / "gone")).run()
    assert any("no such file or folder" in error.value for error in app.error)


def test_a_sky_model_is_no_rival(settings: Settings, toy: Path) -> None:
    toy_model.write(settings.models / "sky")
    toy_model.write_patterns(settings.models / "other", threshold=0.7)
    app = _open(model="toy")
    assert app.selectbox(key="compare_against").options == ["against truth", "against other"]
    app.selectbox(key="compare_against").set_value("other").run()
    assert not app.exception and "other" in _table(app)
