"""Train, for satellite patterns: its own data, words and recipes, and what a press on Start asks for."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cloudcore import runs
from cloudcore import settings as environment
from cloudcore.learning import jobs
from cloudcore.settings import Settings

APP = Path(__file__).parents[2] / "streamlit_app.py"


def test_patterns_are_chosen_looked_at_and_started(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = environment.load()
    here.workspace.mkdir(parents=True)
    here.samples.symlink_to(samples, target_is_directory=True)
    calls: list[dict[str, Any]] = []

    def start(task: str, options: dict[str, Any], folder: Path, settings: Settings, **more: Any) -> runs.Run:
        calls.append({"task": task, "options": options, "folder": folder})
        return runs.create(settings.runs, task, folder, options)

    monkeypatch.setattr(jobs, "start", start)
    app = AppTest.from_file(APP, default_timeout=240).run()
    app.switch_page("pages/train.py").run()
    assert not app.exception
    app.selectbox(key="train-task").select("patterns").run()
    assert not app.exception
    texts = " ".join(item.value for item in app.caption)
    assert "12 images, a pattern in" in texts and "An all-empty answer scores" in texts
    app.selectbox(key="train-preset").select("ResNet34 U-Net, as published").run()
    assert not app.exception
    app.button(key="start").click().run()
    assert not app.exception and len(calls) == 1
    assert calls[0]["task"] == "patterns" and calls[0]["folder"].name == "patterns"
    assert (calls[0]["options"]["encoder"], calls[0]["options"]["stop_after"]) == ("resnet34", 5)
