"""predict: a mask for every frame, what cannot be read left out in a sentence."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cloudcore import images
from cloudcore.commands import main
from cloudcore.errors import CloudcoreError
from tests import toy_class_model, toy_model


def test_masks_of_a_folder_keep_their_paths_and_sizes(small_sky: Path, tmp_path: Path) -> None:
    model = toy_model.write(tmp_path / "toy")
    frames = images.list_images(small_sky / "images")
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.png").write_bytes(frames[0].read_bytes())
    (tmp_path / "in" / "broken.png").write_bytes(b"not a picture")
    out = tmp_path / "out"
    done = CliRunner().invoke(main.app, ["predict", str(model), str(tmp_path / "in"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == f"Masks of 1 images in {out}, 1 files left out"
    assert "left out: broken.png is" in done.stderr
    mask = images.read_label(out / "deep" / "a.png")
    assert mask.shape == images.shape_hw(frames[0]) and set(np.unique(mask)) <= {0, 255}
    assert [path.name for path in images.list_images(out)] == ["a.png"]


def test_nothing_readable_is_a_failure(tmp_path: Path) -> None:
    model = toy_model.write(tmp_path / "toy")
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    words = ["predict", str(model), str(tmp_path / "broken.png"), "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(main.app, words).exit_code == 1


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    model = toy_model.write(tmp_path / "toy")
    (tmp_path / "empty").mkdir()
    words = ["predict", str(model), str(tmp_path / "empty"), "--out", str(tmp_path / "out")]
    with pytest.raises(CloudcoreError, match="No image was found"):
        CliRunner().invoke(main.app, words, catch_exceptions=False)


def test_photographs_go_into_a_table(small_sky: Path, tmp_path: Path) -> None:
    model = toy_class_model.write(tmp_path / "toy")
    out = tmp_path / "out"
    done = CliRunner().invoke(main.app, ["predict", str(model), str(small_sky / "images"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    lines = (out / "predictions.csv").read_text().splitlines()
    assert lines[0].startswith("file,top1,p1") and len(lines) == 13
