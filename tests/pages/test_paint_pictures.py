"""Paint goes by picture: what is painted on one frame is never laid over another one of its name."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cloudcore import images
from cloudcore.errors import LabelError
from cloudcore.files.opening import sha256_of
from cloudcore.frames import chosen_folder
from cloudcore.labels import LabelStore
from cloudcore.labels.names import UNKNOWN_PICTURE
from cloudcore.settings import Settings
from cloudcore.ui.paint import paint_session
from tests.pages.conftest import open_page

NAME = "IMG_0001"
ONE, OTHER = "camera1_2017-08-17T09-56-06", "camera1_2017-08-17T03-20-11"


@pytest.fixture
def folders(samples: Path, tmp_path: Path) -> dict[str, Path]:
    """Two folders with different frames of the same name."""
    found = {}
    for stem in (ONE, OTHER):
        found[stem] = tmp_path / stem / f"{NAME}.png"
        found[stem].parent.mkdir()
        shutil.copy(samples / "sky" / "images" / f"{stem}.png", found[stem])
    return found


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    return LabelStore(tmp_path / "labels")


def _open(folder: Path, tmp_path: Path, stem: str = NAME) -> AppTest:
    chosen_folder.remember_folder(Settings(tmp_path / "workspace", tmp_path / "labels"), folder)
    return open_page("paint", frame=stem)


def _session(app: AppTest) -> paint_session.PaintSession:
    found: paint_session.PaintSession = app.session_state[paint_session.SESSION]
    return found


def _all_cloud(app: AppTest) -> "np.ndarray[Any, Any]":
    return np.where(_session(app).valid, np.uint8(255), np.uint8(128))


def _texts(app: AppTest) -> str:
    return " ".join(item.value for kind in (app.info, app.markdown, app.caption) for item in kind)


def test_row_72_the_label_of_another_picture_of_the_name_is_not_shown(
    folders: dict[str, Path], store: LabelStore, tmp_path: Path
) -> None:
    label = _all_cloud(_open(folders[ONE].parent, tmp_path))
    store.save("sky", NAME, label, base_revision=0, author="ann", operation_id="a", picture=sha256_of(folders[ONE]))
    app = _open(folders[OTHER].parent, tmp_path)
    assert _session(app).base == 0 and not _session(app).cloud.any()
    assert "Another picture of this name has a label, the newest by ann" in _texts(app)
    app.button(key="paint_save").click().run()
    assert {head.revision for head in store.pictures("sky")[NAME].values()} == {1}
    again = _open(folders[ONE].parent, tmp_path)
    assert _session(again).base == 1 and _session(again).cloud.any()


def test_row_73_a_renamed_picture_is_offered_its_label(
    folders: dict[str, Path], store: LabelStore, tmp_path: Path
) -> None:
    app = _open(folders[ONE].parent, tmp_path)
    session = _session(app)
    store.save("sky", NAME, _all_cloud(app), base_revision=0, author="ann", operation_id="a", picture=session.picture)
    store.remember_picture(session.picture, *paint_session.look_of(session.image))
    renamed = tmp_path / "renamed" / "night7.png"
    renamed.parent.mkdir()
    shutil.copy(folders[ONE], renamed)
    app = _open(renamed.parent, tmp_path, "night7")
    assert "is the same picture, with a label of ann" in _texts(app) and not _session(app).cloud.any()
    app.button(key="paint_look_alike").click().run()
    assert _session(app).cloud.any()
    saved_anew = tmp_path / "anew" / "night8.jpg"
    saved_anew.parent.mkdir()
    saved_anew.write_bytes(images.encode_jpeg(images.read(folders[ONE]), 95))
    app = _open(saved_anew.parent, tmp_path, "night8")
    assert "is a picture that looks like this one, with a label of ann" in _texts(app)


def test_an_old_label_is_shown_with_a_sentence_and_can_be_set_apart(
    folders: dict[str, Path], store: LabelStore, tmp_path: Path
) -> None:
    label = _all_cloud(_open(folders[ONE].parent, tmp_path))
    store.save("sky", NAME, label, base_revision=0, author="ann", operation_id="a")
    app = _open(folders[ONE].parent, tmp_path)
    assert _session(app).cloud.any() and "saved before labels knew their picture" in _texts(app)
    app.button(key="paint_set_apart").click().run()
    assert not _session(app).cloud.any() and "Another picture of this name has a label" in _texts(app)
    assert list(store.pictures("sky")[NAME]) == [UNKNOWN_PICTURE]


def test_the_next_save_binds_an_old_label(folders: dict[str, Path], store: LabelStore, tmp_path: Path) -> None:
    label = _all_cloud(_open(folders[ONE].parent, tmp_path))
    store.save("sky", NAME, label, base_revision=0, author="ann", operation_id="a")
    app = _open(folders[ONE].parent, tmp_path)
    app.button(key="paint_save").click().run()
    assert {picture: head.revision for picture, head in store.pictures("sky")[NAME].items()} == {
        sha256_of(folders[ONE]): 2
    }


def test_a_save_that_was_made_is_never_told_as_failed(
    folders: dict[str, Path], store: LabelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the look of a picture cannot be kept, nothing was saved yet, and that is what is said."""

    def refuse(self: LabelStore, *given: object) -> None:
        raise LabelError("Picture not kept: disk full.")

    app = _open(folders[ONE].parent, tmp_path)
    monkeypatch.setattr(LabelStore, "remember_picture", refuse)
    app.button(key="paint_save").click().run()
    assert "disk full" in _session(app).problem and store.heads("sky") == {}
