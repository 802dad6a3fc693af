"""A label belongs to a picture: never laid over another one of its name, found again under another name."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from cloudcore.errors import LabelError
from cloudcore.labels import Conflict, LabelStore
from cloudcore.labels.names import UNKNOWN_PICTURE

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64
Mask = np.ndarray[Any, Any]
Old = Callable[[], LabelStore]

_TABLES_OF_0_3_0 = (
    "CREATE TABLE revisions (label_set TEXT NOT NULL, stem TEXT NOT NULL, revision INTEGER NOT NULL,"
    " operation_id TEXT NOT NULL, author TEXT NOT NULL, note TEXT NOT NULL, saved_at TIMESTAMP NOT NULL,"
    " height INTEGER NOT NULL, width INTEGER NOT NULL, cloud_px INTEGER NOT NULL, defined_px INTEGER NOT NULL,"
    " sha256 TEXT NOT NULL, png {bytes} NOT NULL, PRIMARY KEY (label_set, stem, revision),"
    " UNIQUE (label_set, stem, operation_id))",
    "CREATE TABLE drafts (label_set TEXT NOT NULL, stem TEXT NOT NULL, author TEXT NOT NULL,"
    " base_revision INTEGER NOT NULL, saved_at TIMESTAMP NOT NULL, png {bytes} NOT NULL,"
    " PRIMARY KEY (label_set, stem, author))",
    "CREATE TABLE flags (label_set TEXT NOT NULL, stem TEXT NOT NULL, flag TEXT NOT NULL, author TEXT NOT NULL,"
    " saved_at TIMESTAMP NOT NULL, PRIMARY KEY (label_set, stem))",
    "CREATE TABLE classes (label_set TEXT NOT NULL, stem TEXT NOT NULL, revision INTEGER NOT NULL,"
    " operation_id TEXT NOT NULL, name TEXT NOT NULL, author TEXT NOT NULL, saved_at TIMESTAMP NOT NULL,"
    " PRIMARY KEY (label_set, stem, revision), UNIQUE (label_set, stem, operation_id))",
)


def _mask(seed: int, shape_hw: tuple[int, int] = (20, 24)) -> Mask:
    return np.random.default_rng(seed).random(shape_hw) > 0.5


def _save(store: LabelStore, seed: int, base: int, picture: str = "", stem: str = "IMG_0001") -> int:
    operation = f"op-{seed}-{base}-{picture[:1]}"
    return store.save(
        "sky", stem, _mask(seed), base_revision=base, author="ann", operation_id=operation, picture=picture
    )


def _fill_as_0_3_0(engine: sa.Engine, source: LabelStore) -> None:
    """The rows of a store in the tables that 0.3.0 made, without their pictures."""
    kind = "BYTEA" if engine.dialect.name == "postgresql" else "BLOB"
    with engine.begin() as connection, source._engine.connect() as reading:
        for words in _TABLES_OF_0_3_0:
            connection.exec_driver_sql(words.format(bytes=kind))
        for table in ("revisions", "drafts", "flags", "classes"):
            for row in reading.execute(sa.text(f"SELECT * FROM {table}")).mappings():
                values = {name: value for name, value in row.items() if name != "picture"}
                names = ", ".join(values)
                marks = ", ".join(f":{name}" for name in values)
                connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)


@pytest.fixture
def old(tmp_path: Path, url: str | None) -> Old:
    """Opens a store whose tables are those of 0.3.0, with two revisions, a draft, a flag and a class in it."""
    source = LabelStore(tmp_path / "source")
    for base in (0, 1):
        _save(source, base, base)
    source.save_draft("sky", "IMG_0001", _mask(7), 2, "ben")
    source.set_flag("sky", "IMG_0001", "skip", "ann")
    source.save_class("genus", "a", "Cirrus", base_revision=0, author="ann", operation_id="c1")
    (tmp_path / "old").mkdir()
    engine = sa.create_engine(url or f"sqlite:///{tmp_path / 'old' / 'labels.sqlite3'}")
    _fill_as_0_3_0(engine, source)
    engine.dispose()
    source.close()
    return lambda: LabelStore(tmp_path / "old", url)


def test_row_72_two_pictures_of_one_name_have_each_their_own_history(store: LabelStore) -> None:
    assert [_save(store, 1, 0, ONE), _save(store, 2, 1, ONE), _save(store, 3, 0, TWO)] == [1, 2, 1]
    one, two = store.head("sky", "IMG_0001", ONE), store.head("sky", "IMG_0001", TWO)
    assert one is not None and two is not None
    assert (one.revision, one.picture, two.revision, two.picture) == (2, ONE, 1, TWO)
    np.testing.assert_array_equal(two.mask > 0, _mask(3))
    assert store.head("sky", "IMG_0001", THREE) is None and store.history("sky", "IMG_0001", THREE) == []
    assert [revision.revision for revision in store.history("sky", "IMG_0001", ONE)] == [2, 1]
    assert {name: head.revision for name, head in store.pictures("sky")["IMG_0001"].items()} == {ONE: 2, TWO: 1}
    assert store.fsck() == []


def test_two_pictures_of_one_name_may_differ_in_shape(store: LabelStore) -> None:
    _save(store, 1, 0, ONE)
    assert (
        store.save("sky", "IMG_0001", _mask(1, (30, 40)), base_revision=0, author="ann", operation_id="x", picture=TWO)
        == 1
    )


def test_without_a_picture_the_one_saved_last_is_meant(store: LabelStore) -> None:
    _save(store, 1, 0, ONE)
    _save(store, 2, 0, TWO)
    assert (store.heads("sky")["IMG_0001"].picture, store.heads("sky")["IMG_0001"].revision) == (TWO, 1)
    assert _save(store, 3, 1) == 2
    head = store.head("sky", "IMG_0001")
    assert head is not None and (head.picture, head.revision) == (TWO, 2)
    assert store.export_path("sky", "IMG_0001").is_file() and store.fsck() == []


def test_a_conflict_is_between_labels_of_one_picture(store: LabelStore) -> None:
    _save(store, 1, 0, ONE)
    with pytest.raises(Conflict) as caught:
        _save(store, 2, 0, ONE)
    assert caught.value.head is not None and caught.value.head.picture == ONE
    draft = store.draft("sky", "IMG_0001", "ann", ONE)
    assert draft is not None and draft.picture == ONE
    assert store.draft("sky", "IMG_0001", "ann", TWO) is None


def test_drafts_and_flags_belong_to_their_picture(store: LabelStore) -> None:
    store.save_draft("sky", "IMG_0001", _mask(1), 0, "ann", ONE)
    store.save_draft("sky", "IMG_0001", _mask(2), 0, "ann", TWO)
    store.drop_draft("sky", "IMG_0001", "ann", TWO)
    assert store.draft("sky", "IMG_0001", "ann", ONE) is not None
    assert store.draft("sky", "IMG_0001", "ann", TWO) is None
    store.set_flag("sky", "IMG_0001", "bad", "ann", ONE)
    store.set_flag("sky", "IMG_0001", "skip", "ann", TWO)
    assert store.picture_flags("sky") == {"IMG_0001": {ONE: "bad", TWO: "skip"}}
    store.set_flag("sky", "IMG_0001", None, "ann", TWO)
    assert store.flags("sky") == {"IMG_0001": "bad"}


def test_a_revision_of_one_picture_is_not_brought_back_to_another(store: LabelStore) -> None:
    _save(store, 1, 0, ONE)
    _save(store, 2, 1, ONE)
    _save(store, 3, 0, TWO)
    with pytest.raises(LabelError, match="has no revision 2"):
        store.bring_back("sky", "IMG_0001", 2, author="ann", operation_id="b1", picture=TWO)
    assert store.bring_back("sky", "IMG_0001", 1, author="ann", operation_id="b2", picture=ONE) == 3
    two = store.head("sky", "IMG_0001", TWO)
    assert two is not None and two.revision == 1


@pytest.mark.parametrize("picture", ["x", "A" * 64, "1" * 63, "1" * 65, "../" * 20])
def test_a_picture_is_a_sha256(store: LabelStore, picture: str) -> None:
    with pytest.raises(LabelError, match="is no sha256"):
        _save(store, 1, 0, picture)
    assert store.heads("sky") == {}


def test_an_operation_is_repeated_by_its_id_whatever_the_picture(store: LabelStore) -> None:
    for _ in range(2):
        revision = store.save(
            "sky", "IMG_0001", _mask(1), base_revision=0, author="ann", operation_id="same", picture=ONE
        )
        assert revision == 1
    assert store.draft("sky", "IMG_0001", "ann", ONE) is None


def test_row_73_a_picture_renamed_or_saved_anew_is_recognised(store: LabelStore, rng: np.random.Generator) -> None:
    look = rng.integers(0, 250, (16, 16, 3), np.uint8)
    other = rng.integers(0, 250, (16, 16, 3), np.uint8)
    _save(store, 1, 0, ONE)
    _save(store, 2, 0, TWO, "IMG_0002")
    store.remember_picture(ONE, look, (480, 640))
    store.remember_picture(TWO, other, (480, 640))
    renamed = store.look_alikes("sky", ONE, look, (480, 640))
    assert [(match.stem, match.picture, match.head.revision) for match in renamed] == [("IMG_0001", ONE, 1)]
    resaved = store.look_alikes("sky", THREE, look + np.uint8(2), (480, 640))
    assert [match.picture for match in resaved] == [ONE]
    assert store.look_alikes("sky", THREE, look, (240, 320)) == [], "another size is another picture"
    assert store.look_alikes("sky", THREE, np.full_like(look, 9), (480, 640)) == []
    assert store.look_alikes("patterns-Fish", THREE, look, (480, 640)) == []


def test_a_fingerprint_of_another_form_is_refused(store: LabelStore) -> None:
    with pytest.raises(LabelError, match="fingerprint"):
        store.remember_picture(ONE, np.zeros((8, 8, 3), np.uint8), (480, 640))


def test_a_store_of_0_3_0_opens_with_all_it_holds(old: Old) -> None:
    opened = old()
    assert [revision.revision for revision in opened.history("sky", "IMG_0001")] == [2, 1]
    head = opened.head("sky", "IMG_0001", ONE)
    assert head is not None and (head.revision, head.picture) == (2, "")
    np.testing.assert_array_equal(head.mask > 0, _mask(1))
    draft = opened.draft("sky", "IMG_0001", "ben")
    assert draft is not None and draft.base_revision == 2
    assert opened.flags("sky") == {"IMG_0001": "skip"}
    named = opened.class_of("genus", "a")
    assert named is not None and named.name == "Cirrus"
    assert opened.fsck() == []
    opened.close()
    again = old()
    assert again.fsck() == [] and len(again.history("sky", "IMG_0001")) == 2
    again.close()


def test_an_old_label_is_bound_to_the_picture_it_is_next_saved_on(old: Old) -> None:
    opened = old()
    assert _save(opened, 5, 2, ONE) == 3
    assert [revision.picture for revision in opened.history("sky", "IMG_0001", ONE)] == [ONE] * 3
    assert opened.head("sky", "IMG_0001", TWO) is None
    draft = opened.draft("sky", "IMG_0001", "ben", ONE)
    assert draft is not None and draft.picture == ONE
    assert opened.fsck() == []
    opened.close()


def test_an_old_label_of_another_picture_is_set_apart(old: Old) -> None:
    opened = old()
    with pytest.raises(Conflict):
        _save(opened, 5, 0, ONE)
    opened.set_apart("sky", "IMG_0001")
    assert _save(opened, 6, 0, ONE) == 1
    kept = {name: head.revision for name, head in opened.pictures("sky")["IMG_0001"].items()}
    assert kept == {UNKNOWN_PICTURE: 2, ONE: 1}
    assert len(opened.history("sky", "IMG_0001", UNKNOWN_PICTURE)) == 2 and opened.fsck() == []
    opened.close()


def test_an_old_label_that_went_on_meanwhile_is_a_conflict_and_binds_nothing(old: Old) -> None:
    opened = old()
    with pytest.raises(Conflict) as caught:
        _save(opened, 5, 1, ONE)
    assert caught.value.head is not None and (caught.value.head.revision, caught.value.head.picture) == (2, "")
    assert opened.draft("sky", "IMG_0001", "ann", ONE) is not None
    opened.close()


def test_drafts_of_the_picture_stand_while_an_old_label_is_bound(old: Old) -> None:
    opened = old()
    opened.save_draft("sky", "IMG_0001", _mask(8), 2, "ben", ONE)
    opened.set_flag("sky", "IMG_0001", "bad", "ben", ONE)
    assert _save(opened, 5, 2, ONE) == 3
    draft = opened.draft("sky", "IMG_0001", "ben", ONE)
    assert draft is not None and draft.picture == ONE
    np.testing.assert_array_equal(draft.mask > 0, _mask(8))
    assert opened.picture_flags("sky")["IMG_0001"][ONE] == "bad" and opened.fsck() == []
    opened.close()


def test_a_database_of_a_newer_version_is_refused(store: LabelStore, tmp_path: Path, url: str | None) -> None:
    with store._engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LabelError, match="is of version 9999"):
        LabelStore(tmp_path / "labels", url)


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "labels.sqlite3") as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(LabelError, match=r"another program \(songs\)"):
        LabelStore(tmp_path)


def test_a_migration_that_fails_leaves_the_old_store_as_it_was(
    old: Old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str | None
) -> None:
    from alembic.operations import Operations

    def fail(self: Operations, name: str) -> None:
        raise RuntimeError(f"stopped before {name} goes")

    with monkeypatch.context() as broken:
        broken.setattr("alembic.op.drop_table", lambda name: fail(None, name))  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="stopped before revisions_before goes"):
            old()
    opened = old()
    assert len(opened.history("sky", "IMG_0001")) == 2 and opened.fsck() == []
    opened.close()


def test_several_threads_may_open_an_old_store_at_once(old: Old) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: old(), range(4)))
    assert [len(store.history("sky", "IMG_0001")) for store in stores] == [2] * 4
    for store in stores:
        store.close()


def test_a_store_from_before_costs_no_look_into_a_frame(old: Old, tmp_path: Path) -> None:
    from cloudcore.frames.listing import Frame
    from cloudcore.labels import of_frames

    def never(path: Path) -> str:
        raise AssertionError(f"{path} was read")

    opened, frame = old(), Frame("IMG_0001", tmp_path / "IMG_0001.png", None, "", None)
    assert of_frames.heads(opened, "sky", [frame], never)["IMG_0001"].revision == 2
    assert of_frames.flags(opened, "sky", [frame], never) == {"IMG_0001": "skip"}
    opened.close()
