"""Saving the open frame: a new revision, the choice where two people painted it, and the way back in its history."""

from cloudcore.errors import LabelError
from cloudcore.labels import Conflict, Revision
from cloudcore.ui.paint import paint_session, strokes
from cloudcore.ui.paint.paint_session import PaintSession, current_session, fitting, reopen
from cloudcore.ui.shared import notices
from cloudcore.ui.shared.library import LABEL_SET, open_library


def save() -> bool:
    """Save the session's label as a revision; False where it was not saved: the session holds the reason."""
    strokes.keep_stroke()
    session = current_session()
    if session is None:
        return False
    return _save(session, session.base, f"{session.sheet.doc}-{session.rev}-{session.sheet.laid}")


def _save(session: PaintSession, base: int, operation: str) -> bool:
    store = open_library().store
    try:
        if session.picture:  # before the save: nothing that fails after it may say that it was not saved
            store.remember_picture(session.picture, *paint_session.look_of(session.image))
        revision = store.save(
            LABEL_SET,
            session.frame.stem,
            session.label,
            base_revision=base,
            author=session.author,
            operation_id=operation,
            picture=session.picture,
        )
        store.drop_draft(LABEL_SET, session.frame.stem, session.author, session.picture)
    except Conflict as conflict:
        session.conflict = conflict.head
        session.problem = "" if conflict.head else str(conflict)
        return False
    except LabelError as error:
        session.problem = f"{error} Your draft is kept."
        return False
    session.base, session.saved, session.is_unbound = revision, session.label, False
    session.problem, session.restored, session.conflict = "", None, None
    session.note = f"saved, revision {revision}"
    notices.tell(f"Saved, revision {revision}")
    return True


def put_conflict_off() -> None:
    """Close the dialog without a choice: the draft stays, and the next save asks again."""
    session = current_session()
    if session is not None:
        session.conflict = None


def keep_mine() -> bool:
    """Save the session's label on top of the revision that came in between."""
    session = current_session()
    if session is None or session.conflict is None:
        return False
    head = session.conflict.revision
    return _save(session, head, f"{session.sheet.doc}-{session.rev}-over-{head}")


def take_theirs() -> None:
    """Open the other's revision and drop the own draft."""
    session = current_session()
    if session is None or session.conflict is None:
        return
    open_library().store.drop_draft(LABEL_SET, session.frame.stem, session.author, session.picture)
    notices.tell(f"Taken: revision {session.conflict.revision} by {session.conflict.author}")
    reopen()


def drop_draft() -> None:
    """Drop the draft and start from the newest revision, or from bare sky."""
    session = current_session()
    if session is not None:
        open_library().store.drop_draft(LABEL_SET, session.frame.stem, session.author, session.picture)
        reopen()


def bring_back(revision: Revision) -> None:
    """Save an old revision again as the newest; one undo brings the paint back."""
    session = current_session()
    if session is None:
        return
    strokes.keep_stroke()
    operation = f"{session.sheet.doc}-{session.rev}-back-{revision.revision}-{session.base}"
    try:
        number = open_library().store.bring_back(
            LABEL_SET,
            session.frame.stem,
            revision.revision,
            author=session.author,
            operation_id=operation,
            picture=session.picture,
        )
    except LabelError as error:
        session.problem = str(error)
        return
    session.base, session.saved = number, fitting(revision.mask, session.valid, "label")
    strokes.lay(session, session.saved)
    session.note = f"saved, revision {number}"
    notices.tell(f"Revision {revision.revision} is back. Saved, revision {number}")


def lay_look_alike() -> None:
    """Lay the label that this picture has under another name; saving makes it a label of this frame."""
    session = current_session()
    if session is None or session.look_alike is None:
        return
    strokes.keep_stroke()
    found = session.look_alike
    head = open_library().store.head(LABEL_SET, found.stem, found.picture)
    if head is not None:
        strokes.lay(session, fitting(head.mask, session.valid, "label"))
    session.look_alike = None


def set_apart() -> None:
    """Take the label of no picture for that of another picture of this name, and begin with bare sky."""
    session = current_session()
    if session is None:
        return
    try:
        open_library().store.set_apart(LABEL_SET, session.frame.stem)
    except LabelError as error:
        session.problem = str(error)
        return
    reopen()
