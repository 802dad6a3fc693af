"""What a model may be scored on: the files of a data folder that it did not learn from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from cloudcore.errors import DataError
from cloudcore.files import opening

T = TypeVar("T")


@dataclass(frozen=True)
class HeldOut(Generic[T]):
    """Items a model may be scored on, and how many were left out because it was trained on them."""

    items: tuple[T, ...]
    left_out: int


def held_out(
    items: Sequence[T], file_of: Callable[[T], Path], seen: frozenset[str], of: str, others: str
) -> HeldOut[T]:
    """The items whose file's sha256 is not among `seen`; without any seen, all.

    of names the items and their folder ("frames of DIR"), others what to give instead. Raises DataError where nothing
    is left.
    """
    if not seen:
        return HeldOut(tuple(items), 0)
    kept = tuple(item for item in items if opening.sha256_of(file_of(item)) not in seen)
    if not kept:
        raise DataError(
            f"All {len(items)} {of} were trained on, so a score would mean nothing. Give {others}, "
            "or add --all to see it all the same."
        )
    return HeldOut(kept, len(items) - len(kept))
