"""Which frames to label next, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from cloudcore.frames.listing import Frame


@dataclass(frozen=True)
class Next:
    """A frame to label next and the reason in a few words."""

    frame: Frame
    reason: str


def next_to_label(frames: Sequence[Frame], labelled: set[str], flagged: set[str]) -> list[Next]:
    """Frames without a label, none of them flagged: first one of each night (or camera) that has no label at all.

    A night without any label teaches more than one more frame of a night that has some, and validation needs two.
    """
    group = {frame.stem: frame.night or frame.camera for frame in frames}
    known = {group[stem] for stem in labelled if stem in group}
    first: list[Next] = []
    rest: list[Next] = []
    for frame in frames:
        if frame.stem in labelled or frame.stem in flagged:
            continue
        night = group[frame.stem]
        if night in known:
            rest.append(Next(frame, "no label yet"))
        else:
            known.add(night)
            first.append(Next(frame, "no label from this date" if frame.night else "no label of this camera"))
    return first + rest
