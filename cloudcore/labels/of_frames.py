"""Labels and flags of frames, picture by picture: never those of another picture of the same name."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from cloudcore.frames.listing import Frame
from cloudcore.labels.revisions import HeadInfo
from cloudcore.labels.store import LabelStore

Hash = Callable[[Path], str]
"""The sha256 of a file's bytes; raises OSError where it cannot be read."""
_Kept = TypeVar("_Kept")


def heads(store: LabelStore, label_set: str, frames: Sequence[Frame], hash_of: Hash) -> dict[str, HeadInfo]:
    """Stem -> newest revision of each frame that has a label; HeadInfo.picture is "" where it was saved without one.

    Only frames whose name has a label of some picture are read: neither a folder without labels nor a store from before
    pictures were kept costs a look into a file.
    """
    return _own(store.pictures(label_set), frames, hash_of)


def flags(store: LabelStore, label_set: str, frames: Sequence[Frame], hash_of: Hash) -> dict[str, str]:
    """Stem -> flag of each frame that is flagged."""
    return _own(store.picture_flags(label_set), frames, hash_of)


def of_other_pictures(store: LabelStore, label_set: str, stem: str, picture: str) -> list[HeadInfo]:
    """Newest revisions of the other pictures that share a name, the one saved last at the end."""
    kept = store.pictures(label_set, stem).get(stem, {})
    return [head for other, head in kept.items() if other not in ("", picture)]


def _own(kept: Mapping[str, Mapping[str, _Kept]], frames: Sequence[Frame], hash_of: Hash) -> dict[str, _Kept]:
    found = {}
    for frame in frames:
        if frame.stem not in kept:
            continue
        by_picture = kept[frame.stem]
        if by_picture.keys() == {""}:  # whatever the picture is, this is what it gets
            found[frame.stem] = by_picture[""]
            continue
        try:
            one = by_picture.get(hash_of(frame.path), by_picture.get(""))
        except OSError:  # a frame that cannot be read has no picture, so no label of its own
            continue
        if one is not None:
            found[frame.stem] = one
    return found
