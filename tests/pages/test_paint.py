"""The Paint page: empty, loaded, clicked; queue, initial masks, camera, conflict, and its words where one fails."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cloudcore import images, settings
from cloudcore.errors import ImageError
from cloudcore.frames import listing
from cloudcore.labels import LabelStore, Revision
from cloudcore.masks import rle
from cloudcore.sky import cameras, initial_masks
from cloudcore.sky.cameras import Camera
from cloudcore.sky.dome import Dome
from cloudcore.ui.paint import camera_panel, initial_mask, paint_session, shapes
from cloudcore.ui.paint import queue as paint_queue
from tests.pages.conftest import open_page

NIGHT = "camera1_2017-08-17T09-56-06"
DAY = "camera2_2018-06-03T12-10-00"


@pytest.fixture
def workspace(samples: Path, tmp_path: Path) -> Path:
    """A workspace with three sample frames as its own images."""
    folder = tmp_path / "workspace" / "images"
    folder.mkdir(parents=True)
    for stem in (NIGHT, DAY, "camera1_2017-08-17T03-20-11"):
        shutil.copy(samples / "sky" / "images" / f"{stem}.png", folder)
    return tmp_path / "workspace"


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    """The label store the app uses in this test."""
    return LabelStore(tmp_path / "labels")


def _session(app: AppTest) -> paint_session.PaintSession:
    found: paint_session.PaintSession = app.session_state[paint_session.SESSION]
    return found


def _stroke(app: AppTest, mask: "np.ndarray[Any, Any]", rev: int = 1) -> AppTest:
    told = {"doc": _session(app).sheet.doc, "rev": rev, "strokes": rev, "cloud": rle.encode(mask), "undefined": ""}
    app.session_state[paint_session.CANVAS] = {"label": told}
    return app


def _spot(row: int = 250, column: int = 250) -> "np.ndarray[Any, Any]":
    mask = np.zeros((512, 512), np.bool_)
    mask[row : row + 20, column : column + 20] = True
    return mask


def test_empty(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    chosen = tmp_path / "workspace"
    chosen.mkdir()
    (chosen / "frames.json").write_text(json.dumps({"folder": str(nothing)}))
    app = open_page("paint")
    assert any("No frames yet" in item.value for item in app.info)


def test_loaded(workspace: Path) -> None:
    app = open_page("paint", frame=NIGHT)
    session = _session(app)
    assert session.frame.stem == NIGHT
    assert session.night
    assert session.valid[256, 256] and not session.valid[0, 0]
    assert [metric.value for metric in app.metric] == ["0.000", "0 of 8"]
    assert NIGHT in app.query_params["frame"]
    assert {"Save and next", "Skip", "Bad frame", "Lay coat"} <= {button.label for button in app.button}


def test_day_and_night_have_their_own_colour(workspace: Path) -> None:
    assert _session(open_page("paint", frame=NIGHT)).sheet.payload["colour"] == "#3BD6F0"
    assert _session(open_page("paint", frame=DAY)).sheet.payload["colour"] == "#FFC21F"


def test_an_unknown_frame_is_said(workspace: Path) -> None:
    app = open_page("paint", frame="elsewhere")
    assert any("elsewhere" in item.value for item in app.warning)
    assert _session(app).frame.stem in (NIGHT, DAY, "camera1_2017-08-17T03-20-11")


def test_a_broken_frame_is_refused_in_words_and_the_next_works(workspace: Path) -> None:
    (workspace / "images" / "a_broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    app = open_page("paint", frame="a_broken")
    assert app.error
    app.button(key="paint_next").click().run()
    assert not app.exception
    assert _session(app).frame.stem != "a_broken"


def test_save_makes_a_revision_and_opens_the_next_frame(workspace: Path, store: LabelStore) -> None:
    app = open_page("paint", frame=NIGHT)
    _stroke(app, _spot())
    app.button(key="paint_save").click().run()
    assert not app.exception
    head = store.head("sky", NIGHT)
    assert head is not None
    assert np.array_equal(head.mask == 255, _spot())
    assert head.mask[0, 0] == 128
    assert store.draft("sky", NIGHT, "me") is None
    assert any("Saved, revision 1" in toast.value for toast in app.toast)
    assert _session(app).frame.stem != NIGHT


def test_skip_and_bad_frame_leave_the_queue(workspace: Path, store: LabelStore) -> None:
    app = open_page("paint", frame=NIGHT)
    app.button(key="paint_skip").click().run()
    second = _session(app).frame.stem
    assert second != NIGHT
    app.button(key="paint_bad").click().run()
    assert store.flags("sky") == {NIGHT: "skip", second: "bad"}
    assert _session(app).frame.stem not in (NIGHT, second)


def test_model_of_the_address_is_laid_once(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initial_mask, "compute", lambda session, kind, model, settings: _spot())
    app = open_page("paint", frame=DAY, coat="sky")
    assert np.array_equal(_session(app).cloud, _spot())
    assert "coat" not in app.query_params
    assert _session(app).sheet.laid == 1
    assert _session(app.run()).sheet.laid == 1


def test_missing_model_of_the_address_is_said(workspace: Path) -> None:
    app = open_page("paint", frame=DAY, coat="nobody")
    assert any("No coat laid" in error.value for error in app.error)
    assert not _session(app).cloud.any()


def test_ratio_mask_is_laid_by_the_button(workspace: Path, store: LabelStore) -> None:
    app = open_page("paint", frame=DAY)
    app.session_state["paint_coat"] = "Red/blue"
    app.run()
    app.button(key="paint_lay").click().run()
    session = _session(app)
    assert np.array_equal(session.cloud, initial_masks.from_ratio(session.image, session.valid))
    draft = store.draft("sky", DAY, "me")
    assert draft is not None and np.array_equal(draft.mask, session.label)


def test_draft_comes_back_with_a_notice_and_can_be_dropped(workspace: Path, store: LabelStore) -> None:
    valid = _session(open_page("paint", frame=NIGHT)).valid
    store.save_draft("sky", NIGHT, np.where(valid, _spot() * np.uint8(255), np.uint8(128)), 0, "me")
    app = open_page("paint", frame=NIGHT)
    assert np.array_equal(_session(app).cloud, _spot())
    assert any("Draft of" in item.value for item in app.markdown)
    app.button(key="paint_drop_draft").click().run()
    assert not _session(app).cloud.any()
    assert store.draft("sky", NIGHT, "me") is None


def test_each_author_has_a_draft_of_their_own(workspace: Path, store: LabelStore) -> None:
    _stroke(open_page("paint", frame=NIGHT, author="Ada"), _spot()).button(key="paint_next").click().run()
    assert store.draft("sky", NIGHT, "Ada") is not None
    assert not _session(open_page("paint", frame=NIGHT, author="Ben")).cloud.any()


def test_conflict_keeps_both_until_the_person_chooses(workspace: Path, store: LabelStore) -> None:
    app = open_page("paint", frame=NIGHT)
    theirs = np.where(_session(app).valid, np.uint8(0), np.uint8(128))
    store.save("sky", NIGHT, theirs, base_revision=0, author="Ben", operation_id="ben-1")
    _stroke(app, _spot())
    app.button(key="paint_save").click().run()
    conflict = _session(app).conflict
    assert isinstance(conflict, Revision) and conflict.author == "Ben"
    draft = store.draft("sky", NIGHT, "me")
    assert draft is not None and (draft.mask[255, 255], draft.base_revision) == (255, 0)
    app.button(key="paint_keep_mine").click().run()
    head = store.head("sky", NIGHT)
    assert head is not None and (head.revision, head.author) == (2, "me")
    assert np.array_equal(head.mask == 255, _spot())


def test_queue_orders() -> None:
    frames = [listing.Frame(f"f{i}", Path(f"f{i}.png"), None, "c", None) for i in range(4)]
    turns = [paint_queue.Turn(frame, "no label yet") for frame in frames]
    queue = paint_queue.Queue(paint_queue.UNLABELLED, None, turns, frames)
    assert (queue.step("f0", 1), queue.step("f3", 1), queue.step("f0", -1)) == ("f1", "f3", "f0")
    assert queue.next_open("f1", {"f2"}) == "f3"
    assert queue.next_open("f3", {"f0", "f3"}) == "f1"
    assert queue.next_open("f3", {"f0", "f1", "f2", "f3"}) == "f3"
    assert queue.place("g") == -1


def test_most_uncertain_first_says_why(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unsure = {NIGHT: 0.7, DAY: 0.2}
    monkeypatch.setattr(paint_queue, "uncertainty", lambda frame, model, settings: unsure.get(frame.stem, 0.5))
    monkeypatch.setattr(initial_mask, "sky_models", lambda settings: ["sky"])
    app = open_page("paint")
    app.session_state[paint_queue.KEPT_ORDER] = paint_queue.UNCERTAIN
    app.session_state["paint_order_model"] = "sky"
    app.run()
    queue: paint_queue.Queue = app.session_state[paint_queue.QUEUE]
    assert [turn.frame.stem for turn in queue.turns][::2] == [NIGHT, DAY]
    assert queue.turns[0].reason == "sky is unsure, 0.70"


@pytest.mark.parametrize(
    ("name", "night", "exposure"),
    [("kp_r1_6s", True, "6 s"), ("cam-0.3s_001", True, "0.3 s"), ("cam_2017", True, "night"), ("sas_1", False, "day")],
)
def test_exposure_of_a_name(name: str, night: bool, exposure: str) -> None:
    frame = listing.Frame(name, Path(f"{name}.png"), datetime(2017, 8, 17, tzinfo=UTC), "c", None)
    assert paint_session.exposure_of(frame, night) == exposure


def test_camera_kept_for_an_exposure_is_used(workspace: Path) -> None:
    horizon = np.zeros((512, 512), np.bool_)
    horizon[400:] = True
    kept = Camera("camera1", "night", (512, 512), Dome((250.0, 250.0), 200.0), horizon, "sky")
    cameras.save_camera(settings.load().cameras, kept)
    session = _session(open_page("paint", frame=NIGHT))
    assert np.array_equal(session.valid, kept.valid((512, 512)))
    assert session.camera.model == "sky"
    assert "radius 200 px" in camera_panel.words(session.camera)


def test_horizon_from_a_mask_file_and_from_pink_paint() -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[30:] = 255
    assert np.array_equal(camera_panel.horizon_of_file(images.encode_png(mask), (40, 60)), mask > 0)
    painted = np.full((40, 60, 3), 40, np.uint8)
    painted[:5] = (255, 0, 255)
    assert np.array_equal(camera_panel.horizon_of_file(images.encode_png(painted), (40, 60)), painted[..., 0] > 200)
    with pytest.raises(ImageError, match="Draw it on this frame"):
        camera_panel.horizon_of_file(images.encode_png(mask), (41, 60))


def test_shapes_are_cut_at_half_their_opacity() -> None:
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[1, 1, 3], rgba[2, 2, 3] = shapes.FILL_ALPHA, shapes.FILL_ALPHA // 2 - 1
    drawn = shapes.drawn_mask(rgba, (8, 8))
    assert np.argwhere(drawn).tolist() == [[2, 2], [2, 3], [3, 2], [3, 3]]
    assert not shapes.drawn_mask(None, (8, 8)).any()
    label = np.full((8, 8), 255, np.uint8)
    assert (shapes.applied(label, drawn, 0) == 0).sum() == 4
    assert shapes.display_wh((512, 512)) == (512, 512)
    assert shapes.display_wh((3456, 5184)) == (660, 440)
