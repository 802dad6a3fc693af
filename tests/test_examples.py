"""The examples in docstrings answer what they say: every module that shows one is found and run."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "cloudcore").rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8")
)
CALLS = (
    "cloudcore.images.encode_jpeg",
    "cloudcore.images.encode_png",
    "cloudcore.images.list_images",
    "cloudcore.images.read",
    "cloudcore.images.read_label",
    "cloudcore.images.resize",
    "cloudcore.images.shape_hw",
    "cloudcore.images.short_side",
    "cloudcore.images.thumbnail",
    "cloudcore.images.write_png",
    "cloudcore.labels.LabelStore",
    "cloudcore.learning.find_tasks",
    "cloudcore.models.load",
    "cloudcore.sky.cloud_fraction",
    "cloudcore.sky.okta",
    "cloudcore.sky.sky_fraction",
)
"""Public calls that people outside begin with: each shows one call with its result."""


@pytest.mark.parametrize("name", MODULES)
def test_examples_answer_what_they_say(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(name)
    monkeypatch.chdir(tmp_path)
    done = doctest.testmod(module, optionflags=OPTIONS)
    assert done.attempted and not done.failed


@pytest.mark.parametrize("name", CALLS)
def test_a_public_call_shows_an_example(name: str) -> None:
    package, _, call = name.rpartition(".")
    assert ">>>" in (inspect.getdoc(getattr(importlib.import_module(package), call)) or "")
