"""The label store on SQLite and, where its programs are found, PostgreSQL: what is painted is never lost."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from cloudcore.errors import CloudcoreError, LabelError
from cloudcore.labels import ClassConflict, Conflict, LabelStore, database
from cloudcore.labels.names import disk_name

ROOT = Path(__file__).parents[2]
Mask = np.ndarray[Any, Any]


def _mask(seed: int = 0, shape_hw: tuple[int, int] = (20, 24)) -> Mask:
    return np.random.default_rng(seed).random(shape_hw) > 0.5


def _three_levels(seed: int = 0) -> Mask:
    return np.random.default_rng(seed).choice(np.array([0, 128, 255], np.uint8), (20, 24))


def _save(store: LabelStore, mask: Mask, base: int = 0, stem: str = "n1/f1", who: str = "ann", op: str = "") -> int:
    operation_id = op or f"{who}-{base}-{np.random.default_rng().integers(1 << 60)}"
    return store.save("sky", stem, mask, base_revision=base, author=who, operation_id=operation_id)


def test_save_gives_gapless_revisions_and_the_same_pixels(store: LabelStore) -> None:
    first, second = _mask(1), _three_levels(2)
    assert store.head("sky", "n1/f1") is None
    assert _save(store, first, 0) == 1
    assert _save(store, second, 1, who="bob") == 2
    head, old = store.history("sky", "n1/f1")
    assert (head.revision, head.author, old.revision, old.author) == (2, "bob", 1, "ann")
    assert np.array_equal(head.mask, second) and np.array_equal(old.mask, first * np.uint8(255))
    assert head.saved_at.utcoffset() is not None and head.saved_at >= old.saved_at
    assert store.fsck() == []


def test_what_was_saved_is_there_for_the_next_store(tmp_path: Path, url: str | None) -> None:
    first = LabelStore(tmp_path / "labels", url)
    _save(first, _mask())
    first.close()
    again = LabelStore(tmp_path / "labels", url)
    head = again.head("sky", "n1/f1")
    assert head is not None and np.array_equal(head.mask > 0, _mask())
    again.close()


def test_repeated_operation_returns_its_revision(store: LabelStore) -> None:
    assert _save(store, _mask(1), 0, op="op-1") == 1
    assert _save(store, _mask(2), 1, op="op-2") == 2
    assert _save(store, _mask(1), 0, op="op-1") == 1
    assert _save(store, _mask(3), 0, stem="other", op="op-1") == 1
    assert len(store.history("sky", "n1/f1")) == 2 and store.fsck() == []


def test_repeated_operation_with_other_pixels_loses_nothing(store: LabelStore) -> None:
    assert _save(store, _mask(1), 0, op="op-1") == 1
    assert _save(store, _mask(2), 0, op="op-1") == 1
    head, draft = store.head("sky", "n1/f1"), store.draft("sky", "n1/f1", "ann")
    assert head is not None and np.array_equal(head.mask > 0, _mask(1)) and store.fsck() == []
    assert draft is not None and np.array_equal(draft.mask > 0, _mask(2))


@pytest.mark.parametrize("base", [0, 2, 7])
def test_conflict_brings_the_head_and_keeps_the_mask_as_a_draft(store: LabelStore, base: int) -> None:
    _save(store, _mask(1), 0)
    with pytest.raises(Conflict, match="Not saved.*revision 1, saved by ann.*kept as a draft") as caught:
        _save(store, _mask(2), base, who="bob")
    assert caught.value.head is not None and caught.value.head.revision == 1
    assert np.array_equal(caught.value.head.mask > 0, _mask(1))
    draft = store.draft("sky", "n1/f1", "bob")
    assert draft is not None and draft.base_revision == base and np.array_equal(draft.mask > 0, _mask(2))
    assert [one.revision for one in store.history("sky", "n1/f1")] == [1]
    assert _save(store, _mask(2), 1, who="bob") == 2


def test_conflict_without_a_head(store: LabelStore) -> None:
    with pytest.raises(Conflict, match="has no revision yet") as caught:
        _save(store, _mask(), 3)
    assert caught.value.head is None and store.draft("sky", "n1/f1", "ann") is not None


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((3, 4, 3), np.uint8), r"wanted an array \(H, W\)"),
        (np.zeros((0, 4), np.bool_), r"wanted an array \(H, W\)"),
        ([[True]], r"wanted an array \(H, W\)"),
        (np.zeros((3, 4), np.float32), "float32.*wanted bool"),
        (np.zeros((3, 4), np.int64), "int64.*wanted bool"),
        (np.full((3, 4), 1, np.uint8), "value 1, wanted"),
        (np.full((3, 4), 100, np.uint8), "value 100, wanted"),
    ],
)
def test_what_is_no_label_is_refused(local: LabelStore, mask: Any, words: str) -> None:
    with pytest.raises(LabelError, match=words):
        _save(local, mask)
    with pytest.raises(LabelError, match=words):
        local.save_draft("sky", "n1/f1", mask, 0, "ann")
    assert local.heads("sky") == {} and local.draft("sky", "n1/f1", "ann") is None


def test_another_shape_than_the_head_is_refused(local: LabelStore) -> None:
    _save(local, _mask())
    with pytest.raises(LabelError, match="10 × 24 .*label of 'n1/f1' 20 × 24.*never resized"):
        _save(local, _mask(0, (10, 24)), 1)
    assert len(local.history("sky", "n1/f1")) == 1


@pytest.mark.parametrize("base", [-1, True, 1.0, None])
def test_a_base_that_is_no_revision_is_refused(local: LabelStore, base: Any) -> None:
    with pytest.raises(LabelError, match="wanted 0 for a new label"):
        _save(local, _mask(), base, op="x")


@pytest.mark.parametrize("label_set", ["", "..", "../sky", "/sky", "a/b", "a b", "CON", "nul.x", "a\0", "x" * 101])
def test_label_sets_have_plain_names(local: LabelStore, label_set: str) -> None:
    with pytest.raises(LabelError, match="label set .* is not accepted"):
        local.save(label_set, "f", _mask(), base_revision=0, author="a", operation_id="1")


def test_an_operation_needs_an_id_and_short_texts(local: LabelStore) -> None:
    with pytest.raises(LabelError, match="no operation_id"):
        local.save("sky", "f", _mask(), base_revision=0, author="a", operation_id="")
    with pytest.raises(LabelError, match="author has 201 characters"):
        _save(local, _mask(), who="a" * 201, op="1")


def test_bring_back_makes_a_new_revision(store: LabelStore) -> None:
    _save(store, _mask(1), 0)
    _save(store, _mask(2), 1)
    assert store.bring_back("sky", "n1/f1", 1, author="bob", operation_id="back") == 3
    assert store.bring_back("sky", "n1/f1", 1, author="bob", operation_id="back") == 3
    head = store.head("sky", "n1/f1")
    assert head is not None and np.array_equal(head.mask > 0, _mask(1)) and "revision 1" in head.note
    with pytest.raises(LabelError, match="no revision 9"):
        store.bring_back("sky", "n1/f1", 9, author="bob", operation_id="no")


def test_drafts_are_kept_per_author_until_saved_or_dropped(store: LabelStore) -> None:
    for stroke in range(3):
        store.save_draft("sky", "n1/f1", _mask(stroke), 0, "ann")
    store.save_draft("sky", "n1/f1", _three_levels(), 0, "bob")
    draft, other = store.draft("sky", "n1/f1", "ann"), store.draft("sky", "n1/f1", "bob")
    assert draft is not None and np.array_equal(draft.mask > 0, _mask(2)) and draft.base_revision == 0
    assert other is not None and np.array_equal(other.mask, _three_levels())
    _save(store, _mask(2), 0)
    assert store.draft("sky", "n1/f1", "ann") is None and store.draft("sky", "n1/f1", "bob") is not None
    store.save_draft("sky", "n1/f1", _mask(4), 1, "ann")
    _save(store, _mask(3), 1)
    assert store.draft("sky", "n1/f1", "ann") is not None, "a draft with other pixels than the saved ones is not lost"
    store.drop_draft("sky", "n1/f1", "ann")
    store.drop_draft("sky", "n1/f1", "nobody")
    assert store.draft("sky", "n1/f1", "ann") is None


def test_heads_tell_of_every_label_without_pixels(store: LabelStore) -> None:
    cloud = np.zeros((20, 24), np.uint8)
    cloud[:5] = 255
    cloud[10:] = 128
    _save(store, _mask(), 0, stem="a")
    _save(store, cloud, 1, stem="a", who="bob")
    _save(store, np.full((20, 24), 128, np.uint8), 0, stem="b")
    store.save("patterns-Fish", "a", _mask(), base_revision=0, author="ann", operation_id="1")
    heads = store.heads("sky")
    assert list(heads) == ["a", "b"]
    assert (heads["a"].revision, heads["a"].author, heads["a"].shape_hw) == (2, "bob", (20, 24))
    assert heads["a"].cloud_fraction == 0.5 and np.isnan(heads["b"].cloud_fraction)
    assert store.label_sets() == ["patterns-Fish", "sky"]


def test_flags_come_and_go(store: LabelStore) -> None:
    store.set_flag("sky", "a", "bad", "ann")
    store.set_flag("sky", "a", "skip", "bob")
    store.set_flag("sky", "b", "bad", "ann")
    assert store.flags("sky") == {"a": "skip", "b": "bad"}
    store.set_flag("sky", "a", None, "ann")
    assert store.flags("sky") == {"b": "bad"} and store.flags("other") == {}
    with pytest.raises(LabelError, match="'blurry' is not known"):
        store.set_flag("sky", "a", "blurry", "ann")


def test_classes_follow_the_same_rules(store: LabelStore) -> None:
    def give(name: str, base: int, op: str) -> int:
        return store.save_class("genus", "p/1", name, base_revision=base, author="ann", operation_id=op)

    assert give("Cirrus", 0, "1") == 1 and give("Cirrus", 0, "1") == 1 and give("Stratus", 1, "2") == 2
    with pytest.raises(ClassConflict, match="revision 2, 'Stratus' by ann") as caught:
        give("Cumulus", 1, "3")
    assert caught.value.head is not None and caught.value.head.name == "Stratus"
    newest = store.class_of("genus", "p/1")
    assert newest is not None and (newest.revision, newest.name) == (2, "Stratus")
    assert {stem: one.name for stem, one in store.classes("genus").items()} == {"p/1": "Stratus"}
    assert store.class_of("genus", "p/2") is None and store.label_sets() == ["genus"] and store.fsck() == []
    with pytest.raises(LabelError, match="no name"):
        give("", 2, "4")


# Several writers


def _insist(store: LabelStore, who: str, saves: int, acknowledged: list[tuple[int, int]]) -> None:
    """Save on top of whatever is there, again after each conflict, and note (revision, seed) of every answer."""
    for number in range(saves):
        seed = hash((who, number)) % 10**6
        while True:
            head = store.heads("sky").get("n1/f1")
            try:
                revision = _save(store, _mask(seed), head.revision if head else 0, who=who, op=f"{who}-{number}")
            except Conflict:
                continue
            acknowledged.append((revision, seed))
            break


def _assert_all_there(store: LabelStore, acknowledged: list[tuple[int, int]]) -> None:
    history = {one.revision: one.mask for one in store.history("sky", "n1/f1")}
    assert sorted(history) == list(range(1, len(acknowledged) + 1)) == sorted(number for number, _ in acknowledged)
    for revision, seed in acknowledged:
        assert np.array_equal(history[revision] > 0, _mask(seed))
    assert store.fsck() == []


def test_threads_on_one_frame_lose_nothing(store: LabelStore) -> None:
    acknowledged: list[tuple[int, int]] = []
    writers = [threading.Thread(target=_insist, args=(store, f"w{n}", 6, acknowledged)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(acknowledged) == 24
    _assert_all_there(store, acknowledged)


_WRITER = """
import sys
from tests.labels.test_store import LabelStore, _insist
class Told(list):
    def append(self, one):
        print(*one, flush=True)
_insist(LabelStore(sys.argv[1], sys.argv[3] or None), sys.argv[2], int(sys.argv[4]), Told())
"""


def _start_writer(root: Path, who: str, url: str | None, saves: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _WRITER, str(root), who, url or "", str(saves)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _told(text: str) -> list[tuple[int, int]]:
    """Acknowledgements a writer printed in whole lines."""
    return [(int(line.split()[0]), int(line.split()[1])) for line in text.splitlines(keepends=True) if line[-1] == "\n"]


def test_processes_on_one_frame_lose_nothing(tmp_path: Path, url: str | None) -> None:
    writers = [_start_writer(tmp_path / "labels", f"w{n}", url, 10) for n in range(2)]
    acknowledged = [one for writer in writers for one in _told(writer.communicate()[0])]
    assert [writer.returncode for writer in writers] == [0, 0]
    store = LabelStore(tmp_path / "labels", url)
    assert len(acknowledged) == 20
    _assert_all_there(store, acknowledged)
    store.close()


def test_a_killed_writer_loses_no_acknowledged_save(tmp_path: Path, url: str | None) -> None:
    acknowledged: list[tuple[int, int]] = []
    for round_number in range(3):
        writer = _start_writer(tmp_path / "labels", f"w{round_number}", url, 10_000)
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(5 + 3 * round_number)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += _told("".join(lines) + writer.communicate()[0])
    store = LabelStore(tmp_path / "labels", url)
    history = {one.revision: one.mask for one in store.history("sky", "n1/f1")}
    # a save may be committed whose acknowledgement died with its writer; never the other way round
    assert sorted(history) == list(range(1, len(history) + 1)) and len(acknowledged) >= 24
    for revision, seed in acknowledged:
        assert np.array_equal(history[revision] > 0, _mask(seed))
    assert store.fsck() == []
    store.close()


def _save_in_child(store: LabelStore, answer: Any) -> None:
    answer.put(_save(store, _mask(2), 1, who="child"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_may_use_the_store(store: LabelStore) -> None:
    _save(store, _mask(1))
    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    child = context.Process(target=_save_in_child, args=(store, answer))
    child.start()
    assert answer.get(timeout=60) == 2
    child.join()
    assert _save(store, _mask(3), 2) == 3 and store.fsck() == []


# Refusals of the disk and the database


def test_a_locked_database_is_waited_for(local: LabelStore, tmp_path: Path) -> None:
    _save(local, _mask(1))
    other = sqlite3.connect(tmp_path / "labels" / "labels.sqlite3", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.7, lambda: other.execute("COMMIT"))
    release.start()
    assert _save(local, _mask(2), 1) == 2
    release.join()
    other.close()


def test_a_database_locked_for_good_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.2)
    store = LabelStore(tmp_path / "labels")
    other = sqlite3.connect(tmp_path / "labels" / "labels.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LabelError, match="Not saved: another program kept the label database locked.*save again"):
        _save(store, _mask())
    assert store.head("sky", "n1/f1") is None, "reading goes on meanwhile"
    other.close()
    store.close()


def test_a_full_disk_is_named(local: LabelStore) -> None:
    _save(local, _mask())

    def fill(connection: Any, record: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    local.close()
    sa.event.listen(local._engine, "connect", fill)
    big = _mask(1, (300, 300))
    words = r"^Not saved: disk full\. Your draft is kept; free space, save again\.$"
    with pytest.raises(LabelError, match=words):
        _save(local, big, stem="big")
    assert local.head("sky", "big") is None and list(local.heads("sky")) == ["n1/f1"]


def test_a_missing_root_is_made_and_an_impossible_one_is_named(tmp_path: Path) -> None:
    LabelStore(tmp_path / "not" / "yet" / "there ?#%").close()
    assert (tmp_path / "not" / "yet" / "there ?#%" / "labels.sqlite3").is_file()
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(LabelError, match="cannot be opened: a file stands where the label folder should be"):
            LabelStore(root)


@pytest.fixture
def not_root(tmp_path: Path) -> Iterator[None]:
    """Root may write anywhere, so the test steps down to an ordinary user."""
    if os.geteuid() != 0:
        yield
        return
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_a_read_only_root_is_named(tmp_path: Path, not_root: None) -> None:
    root = tmp_path / "labels"
    with_root = os.geteuid() == tmp_path.stat().st_uid
    if with_root:
        root.mkdir(mode=0o500)
    with pytest.raises(LabelError, match="cannot be opened: the label folder cannot be written"):
        LabelStore(root)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.sqlite3").write_bytes(b"not a database, long enough to be looked at" * 100)
    with pytest.raises(LabelError, match="the label database is damaged"):
        LabelStore(tmp_path)


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "sqlite:///:memory:", "oracle+what://x/y"])
def test_an_address_nobody_can_use_is_named(tmp_path: Path, url: str) -> None:
    with pytest.raises(LabelError, match="Name a file|Write postgresql://"):
        LabelStore(tmp_path / "labels", url)


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(LabelError, match="the label database does not answer"):
        LabelStore(tmp_path / "labels", f"postgresql+psycopg://x@/y?host={tmp_path}")


# Exports and fsck


def _export(store: LabelStore) -> Path:
    return store.export_path("sky", "n1/f1")


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"edited outside")])
def test_a_lost_or_edited_export_is_repaired(store: LabelStore, harm: Callable[[Path], Any], url: str | None) -> None:
    _save(store, _three_levels())
    good = _export(store).read_bytes()
    harm(_export(store))
    LabelStore(store.root, url).close()
    assert _export(store).read_bytes() == good
    harm(_export(store))
    (sentence,) = store.fsck()
    assert "export of 'n1/f1' in sky" in sentence and "written anew" in sentence
    assert _export(store).read_bytes() == good and store.fsck() == []


def test_the_export_is_the_head(local: LabelStore) -> None:
    cv2 = pytest.importorskip("cv2")
    for base in range(3):
        _save(local, _three_levels(base), base)
        assert np.array_equal(cv2.imread(str(_export(local)), cv2.IMREAD_UNCHANGED), _three_levels(base))
    assert _export(local) == local.root / "sky" / "masks" / "n1" / "f1.png"
    assert [path.name for path in _export(local).parent.iterdir()] == ["f1.png"]


def test_an_export_that_cannot_be_written_fails_no_save(local: LabelStore) -> None:
    _export(local).mkdir(parents=True)
    assert _save(local, _mask()) == 1
    (sentence,) = local.fsck()
    assert "cannot be written" in sentence and "'n1/f1'" in sentence
    _export(local).rmdir()
    assert len(local.fsck()) == 1 and local.fsck() == []


def test_no_export_leaves_the_store_by_a_link(local: LabelStore, tmp_path: Path) -> None:
    (local.root / "sky" / "masks").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (local.root / "sky" / "masks" / "n1").symlink_to(tmp_path / "elsewhere")
    assert _save(local, _mask()) == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert "leads out of the label store" in local.fsck()[0]


def _sql(store: LabelStore, text: str, **values: Any) -> None:
    with store._engine.begin() as connection:
        connection.execute(sa.text(text), values)


def test_fsck_finds_changed_bytes(store: LabelStore) -> None:
    _save(store, _mask(1), 0)
    _save(store, _mask(2), 1)
    good = _export(store).read_bytes()
    _sql(store, "UPDATE revisions SET png = :png WHERE revision = 2", png=b"\x89PNG and nothing more")
    assert any("Revision 2 of 'n1/f1' in sky is damaged" in sentence for sentence in store.fsck())
    with pytest.raises(LabelError, match="is damaged"):
        store.head("sky", "n1/f1")
    assert _export(store).read_bytes() == good, "a good export is not replaced by damaged bytes"


def test_fsck_finds_a_gap(store: LabelStore) -> None:
    for base in range(4):
        _save(store, _mask(base), base)
    _sql(store, "DELETE FROM revisions WHERE revision IN (1, 3)")
    first, second = store.fsck()
    assert "revision 1 is missing before 2" in first and "revision 3 is missing before 4" in second


def test_fsck_finds_an_unreadable_draft(store: LabelStore) -> None:
    store.save_draft("sky", "n1/f1", _mask(), 0, "ann")
    _sql(store, "UPDATE drafts SET png = :png", png=b"")
    assert store.fsck() == [
        "The pixels of the draft of 'n1/f1' by ann in sky are damaged. "
        "Bring an older revision back, and run labels fsck."
    ]


# Names (rows 52 to 54 of the bad inputs)


@pytest.mark.parametrize(
    "stem",
    ["../x", "/etc/x", "..", ".", "", "a/../b", "a//b", "a/", "./a", "\\x", "..\\x", "C:\\x", "C:/x", "a" * 2001, "/"],
)
def test_row_52_a_stem_that_leads_elsewhere_is_refused(local: LabelStore, stem: str) -> None:
    for call in (
        lambda: _save(local, _mask(), stem=stem),
        lambda: local.save_draft("sky", stem, _mask(), 0, "ann"),
        lambda: local.set_flag("sky", stem, "bad", "ann"),
        lambda: local.head("sky", stem),
        lambda: local.export_path("sky", stem),
    ):
        with pytest.raises(CloudcoreError, match="The name .*Rename the image"):
            call()
    assert not list(local.root.glob("**/*.png")) and not list(local.root.parent.glob("*.png"))


@pytest.mark.parametrize(
    "stem",
    ["x" * 300, "é" * 200, "night/" + "y" * 256, "a\0b", "CON", "con.x/f", "nul", "lpt1", "line\nbreak", "end.", " x"]
    + ["~x", ".hidden", "a\\b", "C:x", "a.png/b", "not utf-8 \udcff"],
)
def test_row_53_a_stem_no_disk_likes_gets_its_own_id(store: LabelStore, stem: str) -> None:
    assert _save(store, _mask(), stem=stem) == 1
    head, path = store.head("sky", stem), store.export_path("sky", stem)
    assert head is not None and list(store.heads("sky")) == [stem]
    below = path.relative_to(store.root / "sky" / "masks")
    assert path.is_file() and "~" in str(below) and all(len(part) < 60 for part in below.parts)
    assert store.fsck() == []


def test_own_ids_never_meet() -> None:
    stems = ["CON", "con", "NUL", disk_name("CON"), "x" * 300, "x" * 301, "a.png/b", "a", "a.png", "a\\b"]
    assert len({disk_name(stem) for stem in stems}) == len(stems)
    assert disk_name("night 1/cam_2017-08-17T09:56:06.5") == "night 1/cam_2017-08-17T09:56:06.5"


_WIDE = ["Zürich/né", unicodedata.normalize("NFD", "Zürich/né"), "\u202eabc", "雲/空", "غيم", "🌥"]


@pytest.mark.parametrize("stem", _WIDE)
def test_row_54_unicode_names_are_kept_as_they_are(store: LabelStore, stem: str) -> None:
    _save(store, _mask(), stem=stem)
    assert list(store.heads("sky")) == [stem] and store.export_path("sky", stem).is_file()
    with pytest.raises(Conflict) as caught:
        _save(store, _mask(1), stem=stem)
    assert unicodedata.is_normalized("NFC", str(caught.value))


def test_percent_signs_survive(store: LabelStore) -> None:
    for stem in ("100%", "%0041", "A", "%", "%%0025"):
        assert _save(store, _mask(), stem=stem) == 1
    assert set(store.heads("sky")) == {"100%", "%0041", "A", "%", "%%0025"}
