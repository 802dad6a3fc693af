"""Train: empty, loaded, clicked; one run from a double click."""

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cloudcore import images, models, runs
from cloudcore.files import atomic
from cloudcore.frames import chosen_folder, labelled, listing
from cloudcore.labels import LabelStore
from cloudcore.learning import hardware, jobs, trial
from cloudcore.learning.options import make_config
from cloudcore.learning.tasks import find_tasks
from cloudcore.settings import Settings
from cloudcore.ui.train import data, new_run, notes, progress, table, trial_form
from tests.pages.conftest import open_page, texts

ROW = {"train_loss": 0.5, "valid_loss": 0.6, "learning_rate": 0.001, "miou": 0.7, "accuracy": 0.8, "base_rate": 0.5}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What jobs.start was called with; each call makes a queued run and no process."""
    calls: list[dict[str, Any]] = []

    def start(task: str, options: dict[str, Any], folder: Path, settings: Settings, **more: Any) -> runs.Run:
        calls.append({"task": task, "options": options, "folder": folder, **more})
        return runs.create(settings.runs, task, folder, options)

    monkeypatch.setattr(jobs, "start", start)
    yield calls


def _finished(settings: Settings, name: str, **status: Any) -> runs.Run:
    run = runs.create(settings.runs, "sky", settings.samples / "sky", {"network": "unet"}, name=name)
    run.write_history([{"epoch": epoch, **ROW} for epoch in (1, 2, 3)])
    (run.folder / "samples").mkdir()
    images.write_png(run.folder / "samples" / "w.png", np.zeros((32, 32, 3), np.uint8))
    listed = [{"file": "w.png", "stem": "a", "score": 0.4, "epoch": 3, "kind": "worst"}]
    atomic.write_json(run.folder / "samples" / "samples.json", {"samples": listed})
    with runs.Reporter(run) as reporter:
        reporter.tell(**{"state": "done", "epoch": 3, "epochs": 3, "metric": 0.7, "metric_name": "miou", **status})
    return run


def test_empty(settings: Settings) -> None:
    app = open_page("train")
    assert "No run yet. Paint a frame or use the samples, then start." in texts(app)
    assert "24 frames, cloud base rate" in texts(app)
    assert not app.button(key="start").disabled


def test_the_form_is_the_config(settings: Settings) -> None:
    app = open_page("train")
    told = dataclasses.fields(find_tasks()[0].Config)
    widgets = [*app.selectbox, *app.number_input, *app.checkbox, *app.text_input]
    labels = {widget.label.split(",")[0].lower().replace(" ", "_") for widget in widgets}
    assert {item.name for item in told} <= labels
    by_label = {widget.label: widget for widget in app.number_input}
    assert (by_label["Epochs"].min, by_label["Epochs"].max) == (1, 2000)


def test_a_preset_fills_the_form(settings: Settings, started: list[dict[str, Any]]) -> None:
    app = open_page("train")
    next(box for box in app.selectbox if box.label == "Preset").select("CloudNet, as published").run()
    app.button(key="start").click().run()
    assert started[0]["options"]["form"] == "patch"
    assert started[0]["options"]["optimiser"] == "sgd"


def test_start_passes_what_the_form_says(settings: Settings, started: list[dict[str, Any]]) -> None:
    app = open_page("train")
    next(number for number in app.number_input if number.label == "Epochs").set_value(1).run()
    app.button(key="start").click().run()
    assert not app.exception and not app.error
    assert (started[0]["task"], started[0]["options"]["epochs"]) == ("sky", 1)
    assert started[0]["folder"] == settings.samples / "sky"
    assert app.query_params["run"] == runs.list_runs(settings.runs)[0].id
    assert app.button(key="stop") and not app.button(key="start").disabled, "another run may wait its turn"


def test_a_hundred_launches_at_once_start_one_run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    spawned: list[str] = []
    monkeypatch.setattr(jobs, "_spawn", lambda run, settings: spawned.append(run.id))
    task = find_tasks()[0]
    wish = new_run.Wish(task, make_config(task, {}), settings.samples / "sky", None, None)
    clicks = [threading.Thread(target=new_run.start, args=(wish, settings)) for _ in range(100)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert len(spawned) == len(runs.list_runs(settings.runs)) == 1
    other = dataclasses.replace(wish, config=make_config(task, {"seed": 1}))
    new_run.start(other, settings)
    assert len(spawned) == 2, "another run is another wish: it waits in the queue"


def test_several_gpus_are_offered_where_there_are_several(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(jobs, "_spawn", lambda run, settings: started.append(jobs._launcher(run)))
    app = open_page("train")
    assert "train-gpus" not in {field.key for field in app.number_input}
    monkeypatch.setattr(trial_form, "_cards", lambda: ([hardware.Gpu("A", 8000, 7000)] * 3, True))
    app.run()
    app.number_input(key="train-gpus").set_value(2).run()
    app.button(key="start").click().run()
    assert started[0][1:3] == ["-m", "accelerate.commands.launch"] and "--num_processes=2" in started[0]


def test_a_folder_that_cannot_be_learnt_from(settings: Settings, tmp_path: Path) -> None:
    app = open_page("train")
    app.segmented_control(key="train-data").set_value("Folder").run()
    assert app.button(key="start").disabled
    app.text_input(key="train-folder").set_value(str(tmp_path)).run()
    assert "has no folder images" in app.error[0].value
    assert app.button(key="start").disabled


def test_painted_labels_are_the_data(settings: Settings, started: list[dict[str, Any]]) -> None:
    frame = listing.list_frames(chosen_folder.sample_frames(settings))[0]
    mask = np.zeros(images.shape_hw(frame.path), np.uint8)
    mask[:200] = 255
    LabelStore(settings.labels).save("sky", frame.stem, mask, base_revision=0, author="ann", operation_id="1")
    app = open_page("train")
    assert "1 frames, cloud base rate" in texts(app) and "No validation" in texts(app)
    app.button(key="start").click().run()
    folder = started[0]["folder"]
    assert folder.parent == settings.workspace / "data"
    assert [pair.stem for pair in labelled.pairs(folder)] == [frame.stem]
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_loaded_shows_a_finished_run(settings: Settings) -> None:
    run = _finished(settings, "first")
    app = open_page("train")
    assert "Validation, last epoch: mIoU 0.700" in texts(app) and "base rate 0.500" in texts(app)
    assert "worst · 0.400" in texts(app)
    assert app.dataframe[0].value["Run"].tolist() == [run.name]
    assert "See what it got wrong" in str([link.proto for link in app.get("page_link")])


def test_the_address_chooses_the_run(settings: Settings) -> None:
    first = _finished(settings, "first")
    _finished(settings, "second")
    assert "**first**" in [text.value for text in open_page("train", run=first.id).markdown]


def test_two_runs_compare(settings: Settings) -> None:
    _finished(settings, "first")
    _finished(settings, "second")
    app = open_page("train")
    plots = len(app.get("plotly_chart"))
    app.session_state["runs-table"] = {"selection": {"rows": [0, 1], "columns": [], "cells": []}}
    app.run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == plots + 2


def test_a_failed_run_says_why_and_resumes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    resumed: list[str] = []
    monkeypatch.setattr(jobs, "resume", lambda run, settings: resumed.append(run.id))
    sentence = "Stopped at epoch 7: loss is NaN. Lower the learning rate."
    run = _finished(settings, "first", state="failed", error=sentence)
    app = open_page("train")
    assert sentence in texts(app)
    app.button(key="resume").click().run()
    assert resumed == [run.id]


def test_a_run_becomes_a_named_model(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[tuple[str, str]] = []
    monkeypatch.setattr(models, "save_run_as", lambda run, name, settings: saved.append((run.id, name)))
    run = _finished(settings, "first")
    app = open_page("train")
    app.text_input(key="model-name").set_value("sky-kpno")
    app.button(key="FormSubmitter:name-model-Save as model").click().run()
    assert saved == [(run.id, "sky-kpno")]


def test_a_model_that_cannot_be_saved_is_said(settings: Settings) -> None:
    _finished(settings, "first")
    app = open_page("train")
    app.text_input(key="model-name").set_value("../x")
    app.button(key="FormSubmitter:name-model-Save as model").click().run()
    assert "cannot name a model" in app.error[0].value


def test_exports_that_no_run_uses_are_removed_in_time(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LabelStore(settings.labels)
    frame = listing.list_frames(chosen_folder.frames_folder(settings))[0]
    label = np.zeros(images.shape_hw(frame.path), np.uint8)
    exports = settings.workspace / "data"
    for number, keep in enumerate(("used", "unused", "newest")):
        label[number] = 255
        store.save("sky", frame.stem, label, base_revision=number, author="me", operation_id=keep)
        open_page("train")
        if keep == "used":
            run = runs.create(settings.runs, "sky", next(exports.iterdir()), {"network": "unet"})
            with runs.Reporter(run) as reporter:
                reporter.tell(state="done", epoch=1, epochs=1)
    assert len(list(exports.iterdir())) == 3, "young exports stay: somebody may be about to start"
    monkeypatch.setattr(data, "STALE_S", -1)
    label[9] = 255
    store.save("sky", frame.stem, label, base_revision=3, author="me", operation_id="last")
    open_page("train")
    assert len(list(exports.iterdir())) == 2, "the newest, and the one a run learns from"
    store.close()


def test_a_run_is_renamed_starred_noted_and_binned(settings: Settings) -> None:
    run = _finished(settings, "first")
    _finished(settings, "second")
    app = open_page("train", run=run.id)
    field = {widget.label: widget for widget in app.text_input}
    field["Run name"].set_value("the good one")
    field["Note"].set_value("moon in half of them")
    next(box for box in app.checkbox if box.label.startswith("Star")).check()
    next(button for button in app.button if button.label == "Keep").click().run()
    assert run.keeping() == runs.Keeping("the good one", True, "moon in half of them")
    assert app.dataframe[0].value["Run"][0] == "★ the good one", "starred first"
    app.button(key=f"bin-{run.id}").click().run()
    assert [each.name for each in runs.list_runs(settings.runs)] == ["second"]
    assert (settings.workspace / "bin" / "runs" / run.id / "config.json").is_file(), "nothing is deleted"


def test_what_differs_between_runs() -> None:
    first = {"task": "sky", "data": "/a", "options": {"epochs": 3, "seed": 0, "loss": "bce"}}
    second = {"task": "sky", "data": "/a", "start": "sky", "options": {"epochs": 9, "seed": 0, "loss": "bce"}}
    rows = table.differences({"one": first, "two": second})
    assert rows == [
        {"Setting": "start from", "one": "nothing", "two": "sky"},
        {"Setting": "epochs", "one": "3", "two": "9"},
    ]


def test_a_model_card_says_what_was_measured() -> None:
    lines = notes.card(models.ModelInfo.read(models.ZOO / "sky"))
    assert any("mIoU 0.8" in line and "n = 61" in line and "[" in line for line in lines)
    assert any(line.startswith("Terms of the data: ") and len(line) > 40 for line in lines)


def test_the_finder_s_suggestion_becomes_the_rate_and_its_speed_the_cost(settings: Settings) -> None:
    app = open_page("train")
    next(box for box in app.selectbox if box.label == "Start from").select_index(1).run()
    config = make_config(find_tasks()[0], {})
    path = trial.answer_path(trial.Trial("sky", dataclasses.asdict(config), settings.samples / "sky"), settings)
    path.parent.mkdir(parents=True)
    curve = {"rates": [1e-4, 1e-3, 1e-2], "losses": [1.0, 0.7, 0.9]}
    found = {"suggestions": {"valley": 0.0042, "steep": 0.001, "minimum": 0.0001}, "images_per_second": 20.0}
    atomic.write_json(path, {"state": "done", "device": "cpu", **curve, **found})
    app.run()
    assert "24 images × 3 epochs, about 4 s of learning at 20.0 images/s on cpu, as timed." in texts(app)
    app.button(key="rate-valley").click().run()
    assert next(field.value for field in app.number_input if field.label == "Learning rate") == 0.0042


def test_radar_shows_its_classes_and_nine_variants(settings: Settings) -> None:
    app = open_page("train")
    next(box for box in app.selectbox if box.label == "Task").set_value("radar").run()
    assert not app.exception and "180 pictures, the commonest class 17 %" in texts(app)
    assert "Nine variants as the settings draw them" in [item.value for item in app.subheader]
    assert not app.button(key="start").disabled


def _trial(settings: Settings, **more: Any) -> Path:
    """The place of a timing with the form's own settings, from nothing."""
    config = make_config(find_tasks()[0], more)
    path = trial.answer_path(
        trial.Trial("sky", dataclasses.asdict(config), settings.samples / "sky", only_speed=True), settings
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _from_nothing() -> AppTest:
    app = open_page("train")
    return next(box for box in app.selectbox if box.label == "Start from").select_index(1).run()


def test_one_press_times_the_settings_and_the_answer_stands_by_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[trial.Trial] = []
    monkeypatch.setattr(trial, "start", lambda given, settings: asked.append(given))
    app = _from_nothing()
    assert "24 images × 3 epochs. Time it to see how long that takes here." in texts(app)
    assert "Runs on CPU, " in texts(app) and " memory free of " in texts(app)
    app.button(key="time-it").click().run()
    assert [given.only_speed for given in asked] == [True], "the short one, without the learning rates"
    told = {"images_per_second": 8.0, "epoch_images": 400, "valid_images": 24, "memory_mib": 1536, "device": "cpu"}
    atomic.write_json(_trial(settings), {"state": "done", **told})
    app.run()
    assert "about 3 min of learning at 8.0 images/s on cpu, 1.5 GiB held, as timed." in texts(app), (
        "3 × (400 + 24 / 3) / 8 s"
    )
    assert "about 3 min of learning" in [caption.value for caption in app.caption], "by Start, in short"


def test_a_trial_shows_its_steps_and_why_it_failed(settings: Settings) -> None:
    app = _from_nothing()
    path = _trial(settings)
    atomic.write_json(path, {"state": "running", "doing": "data", "done": 3, "of": 24, "beat": runs.now()})
    app.run()
    assert "Loading the data: 3 of 24" in str([bar.proto for bar in app.get("progress")])
    atomic.write_json(path, {"state": "failed", "error": "Out of memory. Lower batch."})
    app.run()
    assert "Out of memory. Lower batch." in texts(app)
    assert app.button(key="time-it"), "it may be tried again"


def test_a_gpu_is_named_with_its_memory(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    trial_form._cards.clear()
    monkeypatch.setattr(hardware, "gpus", lambda: [hardware.Gpu("NVIDIA H200", 143771, 142000)])
    monkeypatch.setattr(hardware, "torch_uses_gpus", lambda: True)
    assert "Runs on GPU: NVIDIA H200, 139 GiB memory free of 140 GiB." in texts(open_page("train"))
    trial_form._cards.clear()


def test_a_running_run_counts_down_to_its_early_stop(settings: Settings) -> None:
    run = runs.create(settings.runs, "patterns", settings.samples / "patterns", {"stop_after": 4}, name="patient")
    losses = (0.6, 0.52, 0.55)
    run.write_history([{"epoch": n, "train_loss": 0.5, "valid_loss": loss} for n, loss in enumerate(losses, 1)])
    (run.folder / "tensorboard").mkdir()
    with runs.Reporter(run) as reporter:
        reporter.tell(state="running", epoch=3, epochs=50, message="Learning.")
        app = open_page("train", run=run.id)
    assert "Stops in 3 epochs unless the validation loss falls below 0.5199." in texts(app)
    assert f"tensorboard --logdir {settings.runs}" in [code.value for code in app.code]
    with runs.Reporter(run) as reporter:
        reporter.tell(state="done", epoch=3, epochs=50)
    assert "Stopped early: the validation loss has not fallen below" in texts(open_page("train", run=run.id))


def test_a_damaged_run_is_set_apart_and_binned(settings: Settings) -> None:
    sound, broken = _finished(settings, "sound"), _finished(settings, "broken")
    (broken.folder / "status.json").write_text('{"state": "do', encoding="utf-8")
    app = open_page("train")
    assert not app.error and app.dataframe[0].value["Run"].tolist() == [sound.name]
    assert any("status.json of" in text.value and "cannot be read" in text.value for text in app.markdown)
    assert "1 run folder is damaged: see Train" in str([link.proto for link in open_page().get("page_link")])
    assert not open_page("compare").error
    app.button(key=f"bin-damaged-{broken.id}").click().run()
    assert not app.error and runs.damaged(settings.runs) == []
    assert (settings.workspace / "bin" / "runs" / broken.id / "config.json").is_file()


def test_a_page_of_damaged_runs_alone_still_starts_one(settings: Settings) -> None:
    run = _finished(settings, "broken")
    (run.folder / "config.json").unlink()
    app = open_page("train")
    assert not app.error and not app.button(key="start").disabled
    assert any("has no config.json" in text.value for text in app.markdown)


def test_a_run_of_a_task_nobody_knows_is_shown_all_the_same(settings: Settings) -> None:
    run = runs.create(settings.runs, "aurora", settings.samples / "sky", {})
    with runs.Reporter(run) as reporter:
        reporter.tell(state="done", epoch=1, epochs=1)
    assert "This version knows no task 'aurora'" in texts(open_page("train"))


def test_a_part_of_the_page_that_fails_leaves_the_rest(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    _finished(settings, "first")

    def fail(*given: Any) -> None:
        raise ValueError("an accident")

    monkeypatch.setattr(progress, "show_learning", fail)
    app = open_page("train")
    assert "Something failed here" in texts(app)
    assert app.dataframe[0].value["Run"].tolist() == ["first"] and not app.button(key="start").disabled


def test_the_last_run_with_the_same_settings_tells_the_cost(settings: Settings) -> None:
    same = dataclasses.asdict(make_config(find_tasks()[0], {"epochs": 9, "seed": 4}))
    for options in (same, {**same, "size": 64}):
        run = runs.create(settings.runs, "sky", settings.samples / "sky", options)
        with runs.Reporter(run) as reporter:
            reporter.tell(state="done", epoch=9, epochs=9, images_per_second=0.5 if options is same else 90.0)
    assert "about 2 min of learning at the 0.5 images/s of the last such run. Time it to be sure." in texts(
        _from_nothing()
    )


def test_what_a_run_starts_from_is_kept_when_one_leaves_the_page(settings: Settings) -> None:
    app = _from_nothing()
    app.switch_page("pages/overview.py").run()
    app.switch_page("pages/train.py").run()
    assert next(box for box in app.selectbox if box.label == "Start from").value is None
