"""Cloud type: empty, loaded, clicked; bad files in words; decisions of the cleaner that stay."""

import json
import pickle
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cloudcore import settings as environment
from cloudcore.labels import LabelStore
from cloudcore.models import folder as models_folder
from cloudcore.photographs import decisions
from cloudcore.settings import Settings
from tests import toy_class_model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A workspace with the samples, and no shipped model."""
    here = environment.load()
    here.workspace.mkdir(parents=True)
    here.samples.symlink_to(samples, target_is_directory=True)
    monkeypatch.setattr(models_folder, "ZOO", tmp_path / "zoo")
    return here


@pytest.fixture
def toy(settings: Settings) -> Path:
    """The only model there is."""
    return toy_class_model.write(settings.models / "toy")


def _open() -> AppTest:
    app = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=120).run()
    app.switch_page("pages/cloud_type.py").run()
    assert not app.exception
    return app


def _texts(app: AppTest) -> str:
    kinds = (app.caption, app.info, app.error, app.subheader, app.markdown)
    return " ".join([item.value for kind in kinds for item in kind] + [item.value for item in app.get("html")])


def _use_samples(app: AppTest) -> AppTest:
    app.button(key="genus_samples").click().run()
    assert not app.exception
    return app


def _upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.get("file_uploader")[0].set_value([(name, content, "image/jpeg") for name, content in files]).run()
    assert not app.exception
    return app


def test_without_a_model(settings: Settings) -> None:
    assert "No model yet. Train one." in _texts(_open())


def test_empty(toy: Path) -> None:
    text = _texts(_open())
    assert "Drop photographs here, JPEG or PNG, to 50 MB." in text and "model toy, not scored" in text
    assert "HEIC" in text and "export.pkl" in text


def test_loaded_and_labelled(settings: Settings, toy: Path) -> None:
    app = _use_samples(_open())
    text = _texts(app)
    assert "Looks like" in text and "Mistaken for" in text and "Weather" in text and "base" in text
    assert len([b for b in app.button if b.key and b.key.startswith("genus-show-")]) == 3
    right = next(b for b in app.button if b.key and b.key.startswith("genus-right-"))
    stem = str(right.key).removeprefix("genus-right-")
    right.click().run()
    store = LabelStore(settings.labels)
    head = store.class_of("genus", stem)
    assert head is not None and head.revision == 1 and head.name in toy_class_model.GENERA
    assert list((settings.workspace / "photographs").glob(f"{head.name}/{stem}.jpg"))
    app.selectbox(key=f"genus-is-{stem}-1").select("Cumulonimbus").run()
    again = store.class_of("genus", stem)
    assert again is not None and (again.name, again.revision) == ("Cumulonimbus", 2)
    assert [p.parent.name for p in (settings.workspace / "photographs").glob(f"*/{stem}.jpg")] == ["Cumulonimbus"]
    app.button(key=f"genus-wrong-{stem}").click().run()
    assert not list((settings.workspace / "photographs").glob(f"*/{stem}.jpg"))
    assert "Your label: not" in _texts(app)


def test_another_photograph_and_where_it_looked(toy: Path) -> None:
    app = _use_samples(_open())
    before = _texts(app)
    keys = [str(b.key) for b in app.button if b.key and b.key.startswith("genus-show-")]
    app.button(key=keys[-1]).click().run()
    assert _texts(app) != before
    app.segmented_control(key="genus_shows").set_value("Where it looked").run()
    assert not app.exception and "cannot tell where it looked" not in _texts(app)


def test_a_picture_the_model_does_not_know(settings: Settings) -> None:
    toy_class_model.write(settings.models / "strict", energy=1e9)
    app = _use_samples(_open())
    assert "Not a cloud photograph" in _texts(app) and "Looks like" not in _texts(app)


def test_confidence_is_told_with_its_count(settings: Settings) -> None:
    bins = [{"low": k / 10, "high": (k + 1) / 10, "confidence": 0.5, "accuracy": 0.5, "n": 40} for k in range(10)]
    metrics = {"macro_f1": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 400}}
    scores = {"part": "test", "reliability": bins, "metrics": metrics}
    toy_class_model.write(settings.models / "toy", more={"scores": scores})
    app = _use_samples(_open())
    assert "Of 40 held-out photographs answered at" in _texts(app) and ", 20 were right." in _texts(app)
    assert "macro F1 0.50 [0.40, 0.60] on 400 held-out photographs" in _texts(app)


def test_bad_files_are_refused_in_words(settings: Settings, toy: Path, samples: Path) -> None:
    good = (samples / "genus" / "Cumulus" / "Cu-1.jpg").read_bytes()
    app = _upload(
        _open(),
        ("export.pkl", pickle.dumps({"a": 1})),
        ("model.jpg", pickle.dumps([1])),
        ("cut.jpg", good[:200]),
        ("page.jpg", b"<html><script>alert(1)</script></html>"),
        ("good.jpg", good),
    )
    errors = [item.value for item in app.error]
    assert len(errors) == 4
    assert all("not opened" in words for words in errors[:2]) and "torch.onnx.export" in errors[0]
    assert "cut.jpg" in errors[2] and "page.jpg" in errors[3]
    assert "Looks like" in _texts(app)


def test_the_cleaner_keeps_its_decisions(settings: Settings, toy: Path) -> None:
    app = _open()
    app.segmented_control(key="genus_view").set_value("Clean and train").run()
    assert not app.exception and "highest loss first" in _texts(app) and "answered as filed" in _texts(app)
    box = next(s for s in app.selectbox if s.key and s.key.startswith("decide-"))
    stem = str(box.key).removeprefix("decide-").removesuffix("-")
    box.select("bin").run()
    assert "1 in the bin" in _texts(app)
    app.switch_page("pages/overview.py").run()
    app.switch_page("pages/cloud_type.py").run()
    assert "1 in the bin" in _texts(app)
    folder = settings.samples / "genus"
    assert decisions.standing(folder)[stem].what == "bin"
    restarted = _open()
    restarted.segmented_control(key="genus_view").set_value("Clean and train").run()
    assert "1 in the bin" in _texts(restarted)
    restarted.button(key=f"undo-{stem}").click().run()
    assert not decisions.standing(folder) and "None yet" in _texts(restarted)


def test_memory_of_many_photographs_is_bounded(settings: Settings, toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cloudcore.ui.cloud_type import photographs

    monkeypatch.setattr(photographs, "SHOWN", 2)
    app = _use_samples(_open())
    kept = app.session_state[photographs.ALL]
    assert len(kept) == 3 and [bool(photo.picture) for photo in kept] == [False, True, True]
    assert json.loads((toy / "model.json").read_text())["task"] == "genus"


def test_a_link_chooses_the_model(settings: Settings, toy: Path) -> None:
    toy_class_model.write(settings.models / "second")
    app = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=120).run()
    app.query_params["model"] = "toy"
    app.switch_page("pages/cloud_type.py").run()
    assert "model toy, not scored" in _texts(app)
    app.selectbox(key="genus_model").select_index(0).run()
    assert "model second, not scored" in _texts(app)
