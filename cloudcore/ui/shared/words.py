"""Times, scores, runs and names in the words of a page."""

import re

from cloudcore import runs
from cloudcore.frames import listing


def when(frame: listing.Frame) -> str:
    """A frame's time as '2017-08-17 09:56 UTC', or its file name without a time."""
    return f"{frame.time:%Y-%m-%d %H:%M} UTC" if frame.time is not None else frame.path.name


SCORES = {
    "miou": "mIoU",
    "f1": "F1",
    "iou": "IoU",
    "fraction_error": "fraction error",
    "base_rate": "base rate",
    "dice": "Dice",
    "dice_nonempty": "Dice, non-empty",
    "all_empty": "all empty",
    "macro_f1": "macro F1",
    "top3": "top-3",
    "ece": "ECE",
}
"""How scores are written where their key is not a word."""


def title(name: str, task: str) -> str:
    """A name as a person gave it; where it is a run's id, the task and the start: 'sky, 2026-11-21 02:43 UTC'."""
    started = listing.time_of(name)
    return f"{task}, {started:%Y-%m-%d %H:%M} UTC" if started and f"-{task}-" in name else name


def run_title(run: runs.Run) -> str:
    """A run's name on a page."""
    return title(run.name, run.task())


def run_title_of(run_id: str) -> str:
    """The name of a run that is no longer there: its task and start, from the id alone."""
    parts = run_id.split("-")
    return title(run_id, parts[-2]) if len(parts) > 2 else run_id


def score_text(status: runs.Status) -> str:
    """A run's score with its name, 'mIoU 0.873', or '–' before the first epoch."""
    if status.metric is None:
        return "–"
    return f"{SCORES.get(status.metric_name, status.metric_name)} {status.metric:.3f}"


def time_left(seconds: float | None) -> str:
    """Time to go in words: '4 min left', '40 s left', '2 h left'; '–' when unknown."""
    if seconds is None or seconds != seconds or seconds < 0:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"


def plain(text: str) -> str:
    """Text with Markdown's signs escaped: names and messages are data."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~$:-])", r"\\\1", text)
