"""Inside: each view opened and moved; no torch before it is needed; no model said in words."""

from pathlib import Path
from typing import Any

import pytest

from cloudcore import models
from cloudcore.settings import Settings
from tests.pages.conftest import open_page, texts
from tests.test_explain import write_model


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
    assert "Weights of Edge, 3 × 3, sum 0" in _said(app)
    app.selectbox(key="kernels_name").select("Gaussian").run()
    assert "Weights of Gaussian, 5 × 5, sum 1" in _said(app) and not app.exception


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
    assert "All 32 filters of the first layer" in _said(app) and not app.exception and not app.error


def test_no_model_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(models, "ZOO", tmp_path)
    assert "No model yet. Train one." in texts(_view("Layers"))
