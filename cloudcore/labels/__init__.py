"""The label store: what a person paints is never lost and never silently overwritten.

In: masks by label set and stem; out: revisions.
"""

from cloudcore.labels.revisions import ClassConflict, ClassRevision, Conflict, Draft, HeadInfo, LookAlike, Revision
from cloudcore.labels.store import DATABASE, FLAG_NAMES, LabelStore

__all__ = [
    "ClassConflict",
    "ClassRevision",
    "Conflict",
    "DATABASE",
    "Draft",
    "FLAG_NAMES",
    "HeadInfo",
    "LabelStore",
    "LookAlike",
    "Revision",
    "database",
    "exchange",
    "names",
    "of_frames",
]
