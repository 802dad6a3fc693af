"""Rows of the label database: what a transaction reads, appends and proves."""

import hashlib
import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, cast

import cv2
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from cloudcore import images
from cloudcore.errors import LabelError
from cloudcore.labels.names import Key, PictureKey, short, shown
from cloudcore.labels.revisions import ClassConflict, ClassRevision, Conflict, HeadInfo, LookAlike, Revision
from cloudcore.labels.schema import CLASSES, DRAFTS, FLAGS, PICTURES, REVISIONS
from cloudcore.masks.mask import CLOUD, SKY, UNDEFINED, Label, Mask

PRINT_SHAPE = (16, 16, 3)
LIKE = 2.5
"""Mean difference of two fingerprints, of 255, below which two pictures count as the same one saved anew."""


def checked(mask: Mask | NDArray[np.uint8]) -> Label:
    """The label (H, W) uint8 0/128/255 of a bool mask or of such a label. Raises LabelError otherwise."""
    wanted = "wanted bool, or uint8 of 0 sky, 128 undefined, 255 cloud"
    if not isinstance(mask, np.ndarray) or mask.ndim != 2 or mask.size == 0:
        shape = getattr(mask, "shape", type(mask).__name__)
        raise LabelError(f"The mask is {shape}, wanted an array (H, W). Give one value a pixel.")
    if mask.dtype == np.bool_:
        return mask.astype(np.uint8) * np.uint8(CLOUD)
    if mask.dtype != np.uint8:
        raise LabelError(f"The mask is of {mask.dtype}, {wanted}. Convert it first.")
    counts = np.bincount(mask.reshape(-1), minlength=256)
    if strange := [level for level in np.flatnonzero(counts).tolist() if level not in (SKY, UNDEFINED, CLOUD)]:
        raise LabelError(f"The mask holds the value {strange[0]}, {wanted}. Import it to say what each level means.")
    return np.ascontiguousarray(mask)


def pixel_values(label: Label) -> dict[str, Any]:
    png = images.encode_png(label)
    return {
        "height": label.shape[0],
        "width": label.shape[1],
        "cloud_px": int(np.count_nonzero(label == CLOUD)),
        "defined_px": int(np.count_nonzero(label != UNDEFINED)),
        "sha256": hashlib.sha256(png).hexdigest(),
        "png": png,
    }


def saved_values(author: str, operation_id: str) -> dict[str, Any]:
    if not operation_id:
        raise LabelError("The save has no operation_id. Give a new one for each save, the same when it is tried again.")
    return {
        "author": short(author, "author"),
        "operation_id": short(operation_id, "operation_id"),
        "saved_at": now(),
    }


def now() -> datetime:
    """UTC without a zone, as the tables keep it."""
    return datetime.now(UTC).replace(tzinfo=None)


def is_at(table: sa.Table, key: Key | PictureKey) -> sa.ColumnElement[bool]:
    """Rows of a label set and stem, and of one picture where the key names it."""
    columns = (table.c[name] for name in ("label_set", "stem", "picture")[: len(key)])
    return sa.and_(*(column == value for column, value in zip(columns, key, strict=True)))


def revisions_of(key: PictureKey, columns: Iterable["sa.Column[Any]"] = tuple(REVISIONS.c)) -> "sa.Select[Any]":
    """Some columns of a picture's revisions, newest first."""
    return sa.select(*columns).where(is_at(REVISIONS, key)).order_by(REVISIONS.c.revision.desc())


def picture_of(connection: sa.Connection, key: Key, picture: str) -> str:
    """The picture whose history is meant: the one named where it has a history, else that of no picture.

    Without a name it is the only picture of the stem, or the one saved last; "" where nothing was saved.
    """
    c = REVISIONS.c
    if picture:
        known = connection.execute(sa.select(c.revision).where(is_at(REVISIONS, (*key, picture))).limit(1)).first()
        return picture if known else ""
    last = sa.select(c.picture).where(is_at(REVISIONS, key)).order_by(c.saved_at.desc(), c.revision.desc()).limit(1)
    return connection.execute(last).scalar() or ""


def bind(connection: sa.Connection, key: Key, picture: str, base: int) -> str:
    """The picture under which a save goes on; the label of no picture becomes the one's it is painted on.

    That is so only where the picture has no history and base is the head of the label of no picture: any other base is
    a conflict with that label.
    """
    found = picture_of(connection, key, picture)
    if found or not picture:
        return found
    head = connection.execute(revisions_of((*key, ""), (REVISIONS.c.revision,)).limit(1)).scalar()
    if head is None:
        return picture
    if head != base:
        return ""
    give(connection, key, picture)
    return picture


def give(connection: sa.Connection, key: Key, picture: str) -> None:
    """Make what is kept of no picture under a name that picture's: revisions, drafts and flags.

    A draft or flag stays where it is while the picture has one of the same author, or a flag, already.
    """
    d = DRAFTS.c
    drafting = sa.select(d.author).where(is_at(DRAFTS, (*key, picture)))
    stays = {DRAFTS: d.author.in_(drafting), FLAGS: sa.exists().where(is_at(FLAGS, (*key, picture)))}
    for table in (REVISIONS, DRAFTS, FLAGS):
        moves = sa.and_(is_at(table, (*key, "")), sa.not_(stays.get(table, sa.false())))
        connection.execute(sa.update(table).where(moves).values(picture=picture))


def newest(
    columns: Iterable["sa.Column[Any]"], where: sa.ColumnElement[bool] | None = None, table: sa.Table = REVISIONS
) -> "sa.Select[Any]":
    """Some columns of the newest revision of each picture (of each stem of CLASSES), by name, the last saved last."""
    c = table.c
    names = [name for name in ("label_set", "stem", "picture") if name in c]
    keys = [c[name] for name in names]
    latest = sa.select(*keys, sa.func.max(c.revision).label("revision")).group_by(*keys)
    top = (latest if where is None else latest.where(where)).subquery()
    same = sa.and_(*(c[name] == top.c[name] for name in (*names, "revision")))
    order = (c.label_set, c.stem, c.saved_at, c.revision)
    return sa.select(*columns).join_from(top, table, same).order_by(*order)


def append(
    connection: sa.Connection, name: Key, picture: str, values: dict[str, Any], base: int
) -> tuple[int, bool] | Conflict:
    """Within a transaction: the revision and whether it was made now, or what stands against it."""
    if earlier := made_by(connection, REVISIONS, name, values["operation_id"]):
        key = (*name, picture_of(connection, name, picture))
        same = sa.and_(is_at(REVISIONS, name), REVISIONS.c.operation_id == values["operation_id"])
        if connection.execute(sa.select(REVISIONS.c.sha256).where(same)).scalar() != values["sha256"]:
            # not what the operation saved: the caller is mistaken, and the pixels are not to be lost for it
            put_draft(connection, key, values["author"], base, values["png"])
        return earlier, False
    key = (*name, bind(connection, name, picture, base))
    c = REVISIONS.c
    columns = (c.revision, c.author, c.height, c.width)
    head = connection.execute(revisions_of(key, columns).limit(1)).first()
    if head is not None and (head.height, head.width) != (values["height"], values["width"]):
        raise LabelError(
            f"The mask is {values['height']} × {values['width']} (h × w), the label of {shown(key[1])} "
            f"{head.height} × {head.width}. Give a mask of the image's size; masks are never resized."
        )
    number = 0 if head is None else head.revision
    if number != base:
        put_draft(connection, (*name, picture or key[2]), values["author"], base, values["png"])
        newest = connection.execute(revisions_of(key).limit(1)).first()
        return Conflict(conflict_words(key, head, base), None if newest is None else revision_of(newest))
    where = {"label_set": key[0], "stem": key[1], "picture": key[2]}
    connection.execute(sa.insert(REVISIONS).values(**where, revision=base + 1, **values))
    saved = sa.and_(is_at(DRAFTS, key), DRAFTS.c.author == values["author"], DRAFTS.c.png == values["png"])
    connection.execute(sa.delete(DRAFTS).where(saved))
    return base + 1, True


def append_class(connection: sa.Connection, key: Key, values: dict[str, Any], base: int) -> int | ClassConflict:
    if earlier := made_by(connection, CLASSES, key, values["operation_id"]):
        return earlier
    head = connection.execute(newest(tuple(CLASSES.c), is_at(CLASSES, key), CLASSES)).first()
    if (0 if head is None else head.revision) != base:
        now = "there is none yet" if head is None else f"it is revision {head.revision}, {head.name!r} by {head.author}"
        message = f"Not saved: the class of {shown(key[1])} was chosen on revision {base}, but {now}. Look, save again."
        return ClassConflict(message, None if head is None else class_revision(head))
    connection.execute(sa.insert(CLASSES).values(label_set=key[0], stem=key[1], revision=base + 1, **values))
    return base + 1


def made_by(connection: sa.Connection, table: sa.Table, key: Key, operation_id: str) -> int | None:
    query = sa.select(table.c.revision).where(is_at(table, key), table.c.operation_id == operation_id)
    return connection.execute(query).scalar()


def conflict_words(key: Key | PictureKey, head: "sa.Row[Any] | None", base: int) -> str:
    now = "has no revision yet" if head is None else f"is at revision {head.revision}, saved by {head.author}"
    kept = "Your mask is kept as a draft: compare the two and choose."
    return f"Not saved: {shown(key[1])} was painted on revision {base}, but {now}. {kept}"


def put_draft(connection: sa.Connection, key: PictureKey, author: str, base: int, png: bytes) -> None:
    """Keep a draft in place of the author's draft of the same picture."""
    connection.execute(sa.delete(DRAFTS).where(is_at(DRAFTS, key), DRAFTS.c.author == author))
    where = {"label_set": key[0], "stem": key[1], "picture": key[2]}
    row = {**where, "author": author, "base_revision": base, "saved_at": now(), "png": png}
    connection.execute(sa.insert(DRAFTS).values(row))


def picture_values(picture: str, fingerprint: NDArray[np.uint8], shape_hw: tuple[int, int]) -> dict[str, Any]:
    """A row of PICTURES. Raises LabelError for a fingerprint that is not uint8 (16, 16, 3)."""
    if not picture or fingerprint.shape != PRINT_SHAPE or fingerprint.dtype != np.uint8:
        raise LabelError(f"A picture needs its hash and a fingerprint uint8 {PRINT_SHAPE}, got {fingerprint.shape}.")
    return {"picture": picture, "height": shape_hw[0], "width": shape_hw[1], "print": fingerprint.tobytes()}


def put_picture(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Keep how a picture looks, once."""
    if connection.execute(sa.select(PICTURES.c.picture).where(PICTURES.c.picture == values["picture"])).first() is None:
        connection.execute(sa.insert(PICTURES).values(values))


def look_alikes(
    connection: sa.Connection, label_set: str, picture: str, fingerprint: NDArray[np.uint8], shape_hw: tuple[int, int]
) -> list[LookAlike]:
    """Newest revisions painted on this picture or on one of its size that differs by less than LIKE, closest first."""
    c = PICTURES.c
    same_size = sa.select(c.picture, c.print).where(c.height == shape_hw[0], c.width == shape_hw[1])
    known = connection.execute(same_size).all()
    prints = np.frombuffer(b"".join(row.print for row in known), np.uint8).reshape(len(known), math.prod(PRINT_SHAPE))
    apart = np.abs(prints - fingerprint.reshape(1, -1).astype(np.float32)).mean(axis=1)
    distance = {picture: 0.0}
    for row, value in zip(known, apart.tolist(), strict=True):
        if value < LIKE:
            distance.setdefault(row.picture, value)
    r = REVISIONS.c
    columns = (r.stem, r.picture, r.revision, r.author, r.saved_at, r.cloud_px, r.defined_px, r.height, r.width)
    where = sa.and_(r.label_set == label_set, r.picture.in_(list(distance)))
    rows = sorted(connection.execute(newest(columns, where)), key=lambda row: distance[row.picture])
    return [LookAlike(row.stem, row.picture, head_info(row)) for row in rows]


def decoded(png: bytes, what: str) -> Label:
    """The label (H, W) of a canonical PNG. Raises LabelError naming `what` where it is damaged."""
    raw = np.frombuffer(png, np.uint8)
    pixels = cv2.imdecode(raw, cv2.IMREAD_UNCHANGED) if raw.size else None
    if pixels is None or pixels.ndim != 2 or pixels.dtype != np.uint8:
        raise LabelError(f"The pixels of {what} are damaged. Bring an older revision back, and run labels fsck.")
    return cast(Label, pixels)


def revision_of(row: "sa.Row[Any]") -> Revision:
    if problem := revision_problem(row):
        raise LabelError(problem)
    pixels = decoded(row.png, f"revision {row.revision} of {shown(row.stem)}")
    return Revision(row.revision, pixels, row.author, row.saved_at.replace(tzinfo=UTC), row.note, row.picture)


def class_revision(row: "sa.Row[Any]") -> ClassRevision:
    return ClassRevision(row.revision, row.name, row.author, row.saved_at.replace(tzinfo=UTC))


def head_info(row: "sa.Row[Any]") -> HeadInfo:
    fraction = row.cloud_px / row.defined_px if row.defined_px else math.nan
    shape_hw, saved_at = (row.height, row.width), row.saved_at.replace(tzinfo=UTC)
    return HeadInfo(row.revision, row.author, saved_at, fraction, shape_hw, row.picture)


def revision_problem(row: "sa.Row[Any]") -> str | None:
    """A sentence where the bytes of a revision are not those that were acknowledged."""
    if hashlib.sha256(row.png).hexdigest() == row.sha256:
        return None
    where = f"Revision {row.revision} of {shown(row.stem)} in {row.label_set}"
    return f"{where} is damaged: its bytes differ from those saved. Restore the database or bring an older one back."


def check_numbers(rows: Iterable["sa.Row[Any]"], problem_of: Callable[["sa.Row[Any]"], str | None]) -> list[str]:
    """Sentences about rows, ordered by key, whose revisions do not run 1, 2, 3, ... or that have a problem."""
    found = []
    key, expected = ("", "", ""), 1
    for row in rows:
        here = (row.label_set, row.stem, getattr(row, "picture", ""))
        key, expected = (here, 1) if key != here else (key, expected)
        if row.revision != expected:
            missing = f"revision {expected} is missing before {row.revision}"
            found.append(f"{shown(row.stem)} in {row.label_set}: {missing}. Restore the database from a copy.")
        expected = row.revision + 1
        if problem := problem_of(row):
            found.append(problem)
    return found
