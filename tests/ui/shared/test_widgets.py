"""What every page begins with: libraries out of the collector's sight, and words for times and scores."""

import gc
import sys

import pytest

from cloudcore.ui.shared import widgets


def test_libraries_are_set_aside_once_for_what_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widgets, "_ASIDE", {"modules": 0})
    gc.unfreeze()
    widgets._set_libraries_aside()
    aside = gc.get_freeze_count()
    assert aside > 10_000, "a full collection would walk all of these after each run"
    kept = [[] for _ in range(100)]  # what a page makes is no library: it stays in the collector's sight
    widgets._set_libraries_aside()
    assert gc.get_freeze_count() == aside and len(kept) == 100
    for number in range(11):
        monkeypatch.setitem(sys.modules, f"made_up_{number}", sys)
    widgets._set_libraries_aside()
    assert gc.get_freeze_count() > aside
    gc.unfreeze()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (float("nan"), "–"), (-1, "–"), (40, "40 s left"), (250, "4 min left"), (7200, "2.0 h left")],
)
def test_time_left_in_words(seconds: float | None, words: str) -> None:
    assert widgets.time_left(seconds) == words
