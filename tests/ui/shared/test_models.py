"""One cache of loaded models: the same predictor until the folder's files change."""

from pathlib import Path

import pytest

from cloudcore.errors import ModelError
from cloudcore.ui.shared import models
from tests import toy_model


def test_a_model_is_loaded_once_until_its_files_change(tmp_path: Path) -> None:
    folder = toy_model.write(tmp_path / "toy")
    first = models.load_predictor(folder)
    assert models.load_predictor(folder) is first
    info = folder / "model.json"
    info.write_text(info.read_text() + "\n")
    assert models.load_predictor(folder) is not first


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        models.load_predictor(tmp_path)
