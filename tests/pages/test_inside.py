"""Inside: each view opened and moved; no torch before it is needed; no model said in words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudcore import images
from cloudcore.learning.tasks import get_task
from cloudcore.models import folder
from cloudcore.settings import Settings
from cloudcore.ui.inside import choices
from tests.inside.test_activations import write_model
from tests.pages.conftest import open_page, texts


def _view(name: str) -> Any:
    app = open_page("inside")
    app.session_state["inside_view"] = name
    app.run()
    assert not app.exception and not app.error
    return app


def _said(app: Any) -> str:
    return texts(app) + " ".join(item.value for item in [*app.markdown, *app.subheader])


def test_a_neuron_answers_to_its_sliders(settings: Settings) -> None:
    app = open_page("inside")
    assert "= **1.20**, a = ReLU(z) = **1.200**" in _said(app)
    app.slider(key="neuron_w1").set_value(-1.0).run()
    assert "= **−1.30**, a = ReLU(z) = **0.000**" in _said(app)
    app.session_state["neuron_activation"] = "linear"
    app.run()
    assert "a = linear(z) = **−1.300**" in _said(app)


def test_pooling_shows_three_places_and_moves_one(settings: Settings) -> None:
    app = _view("Pooling")
    assert len([item for item in app.caption if "In squares of 2 × 2" in item.value]) == 3
    before = [item.value for item in app.caption if "In squares" in item.value]
    app.slider(key="pooling_row_A").set_value(20).run()
    app.slider(key="pooling_threshold_True").set_value(0.0).run()
    app.slider(key="pooling_bias").set_value(1.0).run()
    after = [item.value for item in app.caption if "In squares" in item.value]
    assert before[0] != after[0] and "fires" in _said(app) and "silent" not in _said(app)


def test_kernels_by_hand(settings: Settings) -> None:
    app = _view("Kernels")
    assert "Weights of Edge, 3\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}3, sum 0" in _said(app)
    app.selectbox(key="kernels_name").select("Gaussian").run()
    assert "Weights of Gaussian, 5\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}5, sum 1" in _said(app) and not app.exception


def test_layers_of_a_radar_model(settings: Settings) -> None:
    write_model(settings.models / "storms", "radar", "Three blocks", 6)
    app = _view("Layers")
    app.selectbox(key="inside_model").select("storms").run()
    assert "16 maps of 136 × 136" in _said(app) and "layers, 24," in _said(app) and "Where it looked" in _said(app)
    app.selectbox(key="layers_layer").select("head").run()
    assert "6 numbers of head" in _said(app) and not app.exception and not app.error


def test_layers_of_cloudnet_show_the_patch(settings: Settings) -> None:
    write_model(settings.models / "patches", "sky", "CloudNet, dense")
    app = _view("Layers")
    app.selectbox(key="inside_model").select("patches").run()
    assert "The patch under a point" in _said(app) and "677,698 parameters" in _said(app)


def test_learnt_filters_of_a_model(settings: Settings) -> None:
    write_model(settings.models / "storms", "radar", "Chapter", 6)
    app = _view("Kernels")
    app.session_state["kernels_source"] = "Learnt"
    app.run()
    app.selectbox(key="inside_model").select("storms").run()
    assert "All 32 filters of conv" in _said(app) and not app.exception and not app.error


def test_any_filter_over_any_picture(settings: Settings) -> None:
    """A filter of a deeper layer, and a model of radar over a sky frame."""
    write_model(settings.models / "storms", "radar", "Three blocks", 6)
    app = _view("Kernels")
    app.session_state["kernels_source"] = "Learnt"
    app.run()
    app.selectbox(key="inside_model").select("storms").run()
    app.selectbox(key="kernels_layer_storms").select("body.4").run()
    app.number_input(key="kernels_number_storms_body.4").set_value(31).run()
    assert "All 32 filters of body.4" in _said(app) and "After filter 31, 45 × 45 places" in _said(app)
    app.selectbox(key="learnt_kind_radar").select("sky").run()
    assert "camera1" in app.selectbox(key="learnt_picture_sky").options[0]
    assert not app.exception and not app.error and "After filter 31, 45 × 45 places" in _said(app)


def test_a_picture_of_ones_own(settings: Settings, rng: np.random.Generator) -> None:
    write_model(settings.models / "storms", "radar", "Three blocks", 6)
    storm = np.repeat(rng.integers(0, 60, (136, 136, 1)).astype(np.uint8), 3, axis=2)
    app = _view("Layers")
    app.session_state[choices.OWN_PICTURE] = ("mine.png", images.encode_png(storm))
    app.selectbox(key="inside_model").select("storms").run()
    app.selectbox(key="layers_kind_radar").select("own").run()
    assert "16 maps of 136 × 136" in _said(app) and "mine" in _said(app) and not app.exception
    app.session_state[choices.OWN_PICTURE] = ("page.png", b"<html>")
    app.run()
    assert "HTML" in app.error[0].value and not app.exception


def test_a_radar_picture_is_known_by_its_size_and_values(rng: np.random.Generator) -> None:
    storm = np.repeat(rng.integers(0, 60, (136, 136, 1)).astype(np.uint8), 3, axis=2)
    assert choices.is_radar_picture(storm) and not choices.is_radar_picture(storm[:130])
    assert not choices.is_radar_picture(storm * 2) and not choices.is_radar_picture(storm + [0, 0, 1])


def test_a_model_of_two_networks_says_so(settings: Settings) -> None:
    app = _view("Layers")
    app.selectbox(key="inside_model").select("genus").run()
    said = _said(app)
    assert "2 networks in one: this looks into the first, resnet10t." in said
    assert "This network alone. All 2 together say " in said and "Where it looked" in said


@pytest.mark.parametrize(
    ("task", "preset", "count"), [("sky", "Quick", 1), ("patterns", "Quick", 4), ("genus", "", 10)]
)
def test_every_kind_of_model_opens(settings: Settings, task: str, preset: str, count: int) -> None:
    """A network of each task with its maps, its table and its filters."""
    write_model(settings.models / "mine", task, preset or next(iter(get_task(task).presets)), count)
    app = _view("Layers")
    app.selectbox(key="inside_model").select("mine").run()
    assert "Choose one to enlarge it." in _said(app) and "layers, " in _said(app) and not app.exception
    app.session_state["inside_view"] = "Kernels"
    app.session_state["kernels_source"] = "Learnt"
    app.run()
    assert "filters of " in _said(app) and not app.exception and not app.error


def test_no_model_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(folder, "ZOO", tmp_path)
    assert "No model yet. Train one." in texts(_view("Layers"))
