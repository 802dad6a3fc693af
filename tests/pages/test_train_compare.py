"""Runs compared on Train: the same held-out images answered by each, for masks, patterns and classes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cloudcore import images, models, runs
from cloudcore.files import atomic
from cloudcore.frames import labelled
from cloudcore.models import mask_evaluation
from cloudcore.photographs import folders
from cloudcore.satellite import table as satellite_table
from cloudcore.settings import Settings
from tests import toy_class_model, toy_model
from tests.pages.conftest import open_page, texts


def _run(settings: Settings, task: str, name: str, held: Sequence[str], folder: Path | None = None) -> runs.Run:
    """A finished run with a model that held some images out."""
    run = runs.create(
        settings.runs, task, folder or settings.samples / task, {"network": "toy", f"{task}_only": 1}, name=name
    )
    if task == "sky":
        toy_model.write(run.model_folder, threshold=0.5 if name == "one" else 0.6)
    elif task == "patterns":
        toy_model.write_patterns(run.model_folder, threshold=0.5 if name == "one" else 0.7)
    else:
        classes = folders.list_classes(settings.samples / task)
        toy_class_model.write(run.model_folder, classes if name == "one" else classes[::-1], task=task)
    path = run.model_folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "validated_on": list(held)}))
    with runs.Reporter(run) as reporter:
        reporter.tell(state="done", epoch=1, epochs=1)
    return run


def _compared(view: str | None = None) -> AppTest:
    app = open_page("train")
    app.session_state["runs-table"] = {"selection": {"rows": [0, 1], "columns": [], "cells": []}}
    app.run()
    if view:
        app.segmented_control(key="runs-pattern").set_value(view).run()
    assert not app.exception and not app.error
    return app


def test_sky_frames_that_both_hold_out(settings: Settings) -> None:
    stems = [pair.stem for pair in labelled.pairs(settings.samples / "sky")]
    _run(settings, "sky", "one", stems[:6])
    _run(settings, "sky", "two", stems[4:])
    said = texts(_compared())
    assert "2 of the 2 that both hold out." in said and said.count("mIoU 0.") == 4


def test_patterns_show_their_labels_and_each_run_s_outlines_and_dice(settings: Settings) -> None:
    path, place = satellite_table.find(settings.samples / "patterns")
    table = satellite_table.read(path)
    names = list(table.images[:5])
    one = _run(settings, "patterns", "one", names)
    _run(settings, "patterns", "two", names)
    app = _compared()
    said = texts(app)
    assert "4 of the 5 that both hold out." in said and "Labels" in said and said.count("Dice ") == 8
    image = images.read(place / names[0])
    found = models.load(one.model_folder).mask(image, out_hw=satellite_table.GRID_HW)
    rows = mask_evaluation.dice_rows(found, np.asarray(table.masks(names[0], satellite_table.GRID_HW), np.bool_))
    assert f"Dice {rows.mean():.3f}" in said
    gravel = texts(_compared("Gravel"))
    assert f"Dice {rows[2]:.3f}" in gravel and "Labels" not in gravel


@pytest.mark.parametrize("task", ["genus", "radar"])
def test_classes_show_the_top_three_right_or_wrong(settings: Settings, task: str) -> None:
    folder = settings.samples / task
    classes = folders.list_classes(folder)
    photos = {photo.stem: photo for photo in folders.list_photos(folder, classes)}
    one = _run(settings, task, "one", list(photos))
    _run(settings, task, "two", list(photos))
    app = _compared()
    said, shown = texts(app), [item.proto.body for item in app.get("html") if "font-size:12.5px" in item.proto.body]
    assert f"5 of the {len(photos)} that both hold out." in said and len(shown) == 10
    answers = models.load(one.model_folder)
    stems = [list(photos)[index * len(photos) // 5] for index in range(5)]
    tops = [answers.classes[int(answers(images.read(photos[stem].path)).argmax())] for stem in stems]
    right = [top == classes[photos[stem].label] for top, stem in zip(tops, stems, strict=True)]
    assert f"one · {sum(right)} of 5 right" in said
    rows = shown[:5] if said.index("one · ") < said.index("two · ") else shown[5:]
    assert [">right<" in row for row in rows] == right and all(top in row for top, row in zip(tops, rows, strict=True))


def test_why_there_is_nothing_to_see(settings: Settings, tmp_path: Path) -> None:
    stems = [pair.stem for pair in labelled.pairs(settings.samples / "sky")]
    one = _run(settings, "sky", "one", stems[:3])
    two = _run(settings, "sky", "two", stems[3:])
    assert "hold out none of the same frames" in texts(_compared())
    runs.remove(two)
    third = _run(settings, "radar", "two", [])
    app = _compared()
    assert "These runs learnt different tasks" in texts(app)
    (told,) = [table.value for table in app.table if "Setting" in table.value]
    assert told["Setting"].tolist() == ["task", "data"], "settings of one task alone are left out"
    runs.remove(third)
    gone: dict[str, Any] = {**one.config(), "data": str(tmp_path / "gone")}
    atomic.write_json(one.folder / "config.json", gone)
    _run(settings, "sky", "two", stems[:3])
    assert "gone" in texts(_compared()), "the data went away: said, nothing stops"


def test_the_same_name_with_another_picture_is_not_the_same_image(settings: Settings, tmp_path: Path) -> None:
    first = labelled.pairs(settings.samples / "sky")[:2]
    for number, pair in enumerate(first):
        for part, path in (("images", pair.image), ("masks", pair.mask)):
            target = tmp_path / "other" / part / f"{pair.stem}{path.suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        if number:
            images.write_png(tmp_path / "other" / "images" / f"{pair.stem}.png", images.read(pair.image)[::-1].copy())
    _run(settings, "sky", "one", [pair.stem for pair in first])
    _run(settings, "sky", "two", [pair.stem for pair in first], tmp_path / "other")
    assert "1 of the 1 that both hold out." in texts(_compared())
