"""The label store: one transaction is one save, every revision is kept, exports are written after the commit."""

import hashlib
import logging
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.errors import LabelError
from cloudcore.files import atomic
from cloudcore.labels import proof, queries, schema
from cloudcore.labels.database import connect, in_words
from cloudcore.labels.names import UNKNOWN_PICTURE, Key, checked_key, checked_picture, disk_name, short, shown
from cloudcore.labels.revisions import ClassRevision, Conflict, Draft, HeadInfo, LookAlike, Revision
from cloudcore.labels.schema import CLASSES, DRAFTS, FLAGS, REVISIONS
from cloudcore.masks.mask import Mask

DATABASE = "labels.sqlite3"
FLAG_NAMES = ("bad", "skip")
SETTLE_SECONDS = 0.5
_ATTEMPTS = 50
_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


class LabelStore:
    """What people painted: revisions, drafts, flags and classes in one database, exports in root/<label_set>/masks.

    root is created; url names a shared database (SQLAlchemy's form), else SQLite lies under root. One store serves any
    number of threads. Every method raises LabelError in words where the database or the disk refuses.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = LabelStore(folder)
    ...     mask = np.eye(32, dtype=bool)
    ...     first = store.save("sky", "a/1", mask, base_revision=0, author="Ada", operation_id="stroke-1")
    ...     head = store.head("sky", "a/1")
    ...     problems = store.fsck()
    ...     store.close()
    >>> first, head.revision, head.author, np.unique(head.mask).tolist(), problems
    (1, 1, 'Ada', [0, 255], [])
    """

    def __init__(self, root: Path | str, url: str | None = None) -> None:
        self.root = Path(root).absolute()
        with in_words("The label store cannot be opened"):
            self.root.mkdir(parents=True, exist_ok=True)
            self._engine = connect(url or sa.URL.create("sqlite", database=str(self.root / DATABASE)))
            self._writing = self._engine.execution_options(writes=True)
            schema.prepare(self._engine, self._writing)
        for sentence in proof.found_by(lambda: self._repair_exports(settle=0.0)):
            _log.warning(sentence)

    def close(self) -> None:
        """Give the database connections back."""
        self._engine.dispose()

    # Saving

    def save(
        self,
        label_set: str,
        stem: str,
        mask: Mask | NDArray[np.uint8],
        *,
        base_revision: int,
        author: str,
        operation_id: str,
        note: str = "",
        picture: str = "",
    ) -> int:
        """Save a mask (H, W), bool or uint8 of 0/128/255, as the revision after base_revision (0: the first).

        picture is the sha256 of the frame's file: each picture has a history of its own, whatever its name. A label
        saved before pictures were kept becomes that of the picture it is next saved on, with its head as base_revision.
        Without a picture the save goes on with the only or newest of that name.
        Returns the revision once it is committed. A repeated operation_id of the frame returns the revision it made;
        other pixels than that revision's are then kept as the author's draft.
        Raises Conflict where the head is another than base_revision, LabelError for a mask, a name or a shape that
        cannot be; after both, nothing is lost: a Conflict keeps the mask as the author's draft.
        """
        key = checked_key(label_set, stem)
        label = queries.checked(mask)
        values = (
            queries.saved_values(author, operation_id) | {"note": short(note, "note")} | queries.pixel_values(label)
        )
        base = _checked_base(base_revision)
        known = checked_picture(picture)
        outcome = self._write("Not saved", lambda connection: queries.append(connection, key, known, values, base))
        if isinstance(outcome, Conflict):
            raise outcome
        revision, is_new = outcome
        if problem := self._export(key, values["sha256"] if is_new else None, values["png"]):
            _log.warning(problem)
        return revision

    def bring_back(
        self, label_set: str, stem: str, revision: int, *, author: str, operation_id: str, picture: str = ""
    ) -> int:
        """Save the mask of an old revision again, as a new one on top of the head; returns the new revision."""
        history = self._history(label_set, stem, picture)
        rows = [row for row in history if row.revision == revision]
        if not rows:
            raise LabelError(f"{shown(stem)} has no revision {revision} in {label_set}. Choose one of its history.")
        return self.save(
            label_set,
            stem,
            queries.revision_of(rows[0]).mask,
            base_revision=history[0].revision,
            author=author,
            operation_id=operation_id,
            note=f"brought back from revision {revision}",
            picture=picture,
        )

    # Reading

    def head(self, label_set: str, stem: str, picture: str = "") -> Revision | None:
        """The newest revision of a picture, or None.

        Where that picture has none, it is the label of that name saved before pictures were kept, whose .picture is "".
        Without a picture it is the newest of the only picture of that name, or of the one saved last.
        """
        rows = self._history(label_set, stem, picture, 1)
        return queries.revision_of(rows[0]) if rows else None

    def history(self, label_set: str, stem: str, picture: str = "") -> list[Revision]:
        """All revisions of the picture that head() speaks of, newest first."""
        return [queries.revision_of(row) for row in self._history(label_set, stem, picture)]

    def heads(self, label_set: str) -> dict[str, HeadInfo]:
        """Every labelled stem of a label set with its newest revision, that of the picture saved last; no pixels."""
        return {stem: list(pictures.values())[-1] for stem, pictures in self.pictures(label_set).items()}

    def pictures(self, label_set: str, stem: str | None = None) -> dict[str, dict[str, HeadInfo]]:
        """Every labelled stem, and for each picture of that name its newest revision, the one saved last at the end.

        The picture "" is that of labels saved before pictures were kept. With a stem, that one alone is looked up. No
        pixels are read.
        """
        c = REVISIONS.c
        columns = (c.stem, c.picture, c.revision, c.author, c.saved_at, c.cloud_px, c.defined_px, c.height, c.width)
        found: dict[str, dict[str, HeadInfo]] = {}
        where = c.label_set == label_set if stem is None else queries.is_at(REVISIONS, (label_set, stem))
        for row in self._rows(queries.newest(columns, where)):
            found.setdefault(row.stem, {})[row.picture] = queries.head_info(row)
        return found

    def set_apart(self, label_set: str, stem: str) -> None:
        """Say that the label saved under a name before pictures were kept is of a picture that is not known.

        It stays in the store with its history, as UNKNOWN_PICTURE's; a frame of that name begins anew.
        """
        key = checked_key(label_set, stem)
        self._write("Not set apart", lambda connection: queries.give(connection, key, UNKNOWN_PICTURE))

    def remember_picture(self, picture: str, fingerprint: NDArray[np.uint8], shape_hw: tuple[int, int]) -> None:
        """Keep how a picture looks, uint8 (16, 16, 3), and its size, so that a copy saved anew is recognised."""
        values = queries.picture_values(checked_picture(picture), fingerprint, shape_hw)
        self._write("Picture not kept", lambda connection: queries.put_picture(connection, values))

    def look_alikes(
        self, label_set: str, picture: str, fingerprint: NDArray[np.uint8], shape_hw: tuple[int, int]
    ) -> list[LookAlike]:
        """Labels of the same picture under other names, and of pictures that look like it, the closest first."""
        with in_words("Labels cannot be read"), self._engine.connect() as connection:
            return queries.look_alikes(connection, label_set, checked_picture(picture), fingerprint, shape_hw)

    def label_sets(self) -> list[str]:
        """Names of the label sets that hold a mask or a class, sorted."""
        parts = (sa.select(table.c.label_set).distinct() for table in (REVISIONS, CLASSES))
        return sorted({row.label_set for part in parts for row in self._rows(part)})

    # Drafts

    def save_draft(
        self,
        label_set: str,
        stem: str,
        mask: Mask | NDArray[np.uint8],
        base_revision: int,
        author: str,
        picture: str = "",
    ) -> None:
        """Keep an unsaved mask (H, W) as the author's draft of the picture, in place of the one before."""
        key, png = checked_key(label_set, stem), images.encode_png(queries.checked(mask))
        base, name, known = _checked_base(base_revision), short(author, "author"), checked_picture(picture)
        self._write("Draft not kept", lambda connection: queries.put_draft(connection, (*key, known), name, base, png))

    def draft(self, label_set: str, stem: str, author: str, picture: str = "") -> Draft | None:
        """The author's draft of the picture, or None; without a picture the newest draft of that name.

        A draft of no picture is given too where the picture has none of its own.
        """
        row = self._draft_row(label_set, stem, author, picture)
        if row is None:
            return None
        pixels, saved_at = queries.decoded(row.png, "the draft"), row.saved_at.replace(tzinfo=UTC)
        return Draft(pixels, row.base_revision, row.author, saved_at, row.picture)

    def drop_draft(self, label_set: str, stem: str, author: str, picture: str = "") -> None:
        """Forget the draft that draft() gives; nothing happens where there is none."""
        row = self._draft_row(label_set, stem, author, picture)
        if row is None:
            return
        key = (*checked_key(label_set, stem), row.picture)
        where = sa.and_(queries.is_at(DRAFTS, key), DRAFTS.c.author == author)
        self._write("Draft not dropped", lambda connection: connection.execute(sa.delete(DRAFTS).where(where)))

    def _draft_row(self, label_set: str, stem: str, author: str, picture: str) -> "sa.Row[Any] | None":
        c, key = DRAFTS.c, checked_key(label_set, stem)
        query = sa.select(DRAFTS).where(queries.is_at(DRAFTS, key), c.author == author).order_by(c.saved_at.desc())
        rows = self._rows(query if not picture else query.where(c.picture.in_(("", checked_picture(picture)))))
        return next((row for row in rows if row.picture == picture), rows[0] if rows else None)

    # Flags and classes

    def set_flag(self, label_set: str, stem: str, flag: str | None, author: str, picture: str = "") -> None:
        """Flag a frame as 'bad' or 'skip'; None takes the flag away. A flag of no picture of that name goes with it."""
        if flag is not None and flag not in FLAG_NAMES:
            raise LabelError(f"The flag {flag!r} is not known. Use {' or '.join(FLAG_NAMES)}, or None to take it away.")
        key = checked_key(label_set, stem)
        values = {"flag": flag, "author": short(author, "author"), "saved_at": queries.now()}
        known = checked_picture(picture)

        def work(connection: sa.Connection) -> None:
            replaced = FLAGS.c.picture.in_(("", known)) if known else sa.true()
            connection.execute(sa.delete(FLAGS).where(queries.is_at(FLAGS, key), replaced))
            if flag is not None:
                where = {"label_set": key[0], "stem": key[1], "picture": known}
                connection.execute(sa.insert(FLAGS).values(**where, **values))

        self._write("Flag not saved", work)

    def flags(self, label_set: str) -> dict[str, str]:
        """Flagged stems of a label set and their flags, that of the picture flagged last."""
        return {stem: list(pictures.values())[-1] for stem, pictures in self.picture_flags(label_set).items()}

    def picture_flags(self, label_set: str) -> dict[str, dict[str, str]]:
        """Flagged stems of a label set, with the flag of each picture of that name, the one flagged last at the end."""
        found: dict[str, dict[str, str]] = {}
        query = sa.select(FLAGS).where(FLAGS.c.label_set == label_set).order_by(FLAGS.c.stem, FLAGS.c.saved_at)
        for row in self._rows(query):
            found.setdefault(row.stem, {})[row.picture] = row.flag
        return found

    def save_class(
        self, label_set: str, stem: str, name: str, *, base_revision: int, author: str, operation_id: str
    ) -> int:
        """Save the class of a photograph as the revision after base_revision (0: the first); returns the revision.

        A repeated operation_id of the photograph returns its revision; another head raises ClassConflict.
        """
        key, base = checked_key(label_set, stem), _checked_base(base_revision)
        if not name:
            raise LabelError("The class has no name. Give one.")
        values = queries.saved_values(author, operation_id) | {"name": short(name, "class")}
        outcome = self._write("Not saved", lambda connection: queries.append_class(connection, key, values, base))
        if isinstance(outcome, Conflict):
            raise outcome
        return outcome

    def class_of(self, label_set: str, stem: str) -> ClassRevision | None:
        """The newest class of a photograph, or None."""
        rows = self._rows(
            queries.newest(tuple(CLASSES.c), queries.is_at(CLASSES, checked_key(label_set, stem)), CLASSES)
        )
        return queries.class_revision(rows[0]) if rows else None

    def classes(self, label_set: str) -> dict[str, ClassRevision]:
        """Every stem of a label set that has a class, with the newest."""
        rows = self._rows(queries.newest(tuple(CLASSES.c), CLASSES.c.label_set == label_set, CLASSES))
        return {row.stem: queries.class_revision(row) for row in rows}

    # Exports and proof

    def export_path(self, label_set: str, stem: str) -> Path:
        """Where the export of a frame's head lies: root/<label_set>/masks/<stem>.png, odd stems under an own id."""
        checked_key(label_set, stem)
        return self.root / label_set / "masks" / f"{disk_name(stem)}.png"

    def fsck(self) -> list[str]:
        """Sentences about every broken promise, none where all hold; exports that differ from their heads are repaired.

        Every revision must be readable and byte for byte as it was acknowledged, revisions must be gapless from 1,
        drafts readable, and exports equal to their heads.
        """
        return proof.broken_promises(self._engine) + proof.found_by(lambda: self._repair_exports(SETTLE_SECONDS))

    def _repair_exports(self, settle: float) -> list[str]:
        """Write every export that differs from its head; a sentence for each.

        settle is the time in seconds a writer is given to finish an export whose revision it has just committed.
        """
        if wrong := self._wrong_exports():
            time.sleep(settle)
            wrong = {key: state for key, state in self._wrong_exports().items() if key in wrong} if settle else wrong
        found = []
        for (label_set, stem), state in wrong.items():
            problem = self._export((label_set, stem))
            done = f"The export of {shown(stem)} in {label_set} {state}: it was written anew from the head."
            found.append(problem or done)
        return found

    def _wrong_exports(self) -> dict[Key, str]:
        """Frames whose export is not the head byte for byte, with what is wrong."""
        c = REVISIONS.c
        rows = self._rows(queries.newest((c.label_set, c.stem, c.sha256)))
        wrong = {}
        for (label_set, stem), wanted in {(row.label_set, row.stem): row.sha256 for row in rows}.items():
            try:
                data = self.export_path(label_set, stem).read_bytes()
            except OSError:
                wrong[(label_set, stem)] = "was missing"
                continue
            if hashlib.sha256(data).hexdigest() != wanted:
                wrong[(label_set, stem)] = "differed from it"
        return wrong

    def _export(self, key: Key, sha256: str | None = None, png: bytes = b"") -> str | None:
        """Replace a stem's export by its head, that of the picture saved last; a sentence where that fails.

        sha256 and png are of the label the caller has just saved, None where it does not know. Repeats until the head
        is still the one it wrote: the last of several writers thus leaves the newest.
        """
        path = self.export_path(*key)
        try:
            if sha256 is not None:
                self._replace(path, png)
            while (row := self._history(*key, "", 1)[0]).sha256 != sha256:
                if problem := queries.revision_problem(row):
                    return problem
                self._replace(path, row.png)
                sha256 = row.sha256
        except (OSError, LabelError) as problem:
            return f"The export of {shown(key[1])} in {key[0]} cannot be written ({problem}). Run labels fsck later."
        return None

    def _replace(self, path: Path, png: bytes) -> None:
        """Replace an export whole. Raises LabelError where a link leads out of the store.

        It is not forced to the disk, since the database has it: after a power cut the next opening repairs it.
        """
        folder = path.parent
        folder.mkdir(parents=True, exist_ok=True)
        if not folder.resolve().is_relative_to(self.root.resolve()):
            raise LabelError(f"{folder} is a link that leads out of the label store: remove it")
        atomic.replace_file(path, png, durable=False)

    # The database

    def _write(self, action: str, work: Callable[[sa.Connection], _Answer]) -> _Answer:
        """Run work in one transaction; where another writer took the same key meanwhile, look again from the start."""
        attempt = 0
        with in_words(action):
            while True:
                attempt += 1
                try:
                    with self._writing.begin() as connection:
                        return work(connection)
                except sa.exc.IntegrityError:
                    if attempt == _ATTEMPTS:
                        raise

    def _history(self, label_set: str, stem: str, picture: str, most: int | None = None) -> list["sa.Row[Any]"]:
        """Rows of the revisions of one picture, newest first, at most so many."""
        name, known = checked_key(label_set, stem), checked_picture(picture)
        with in_words("Labels cannot be read"), self._engine.connect() as connection:
            key = (*name, queries.picture_of(connection, name, known))
            return list(connection.execute(queries.revisions_of(key).limit(most)))

    def _rows(self, query: "sa.Select[Any]") -> list["sa.Row[Any]"]:
        with in_words("Labels cannot be read"), self._engine.connect() as connection:
            return list(connection.execute(query))


def _checked_base(base_revision: int) -> int:
    if isinstance(base_revision, bool) or not isinstance(base_revision, int | np.integer) or base_revision < 0:
        raise LabelError(f"The base revision is {base_revision!r}, wanted 0 for a new label or the head's number.")
    return int(base_revision)
