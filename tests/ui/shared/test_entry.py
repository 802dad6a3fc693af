"""What every page begins with: libraries out of the collector's sight."""

import gc
import sys

import pytest

from cloudcore.ui.shared import entry


def test_libraries_are_set_aside_once_for_what_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "_ASIDE", {"modules": 0})
    gc.unfreeze()
    entry._set_libraries_aside()
    aside = gc.get_freeze_count()
    assert aside > 10_000, "a full collection would walk all of these after each run"
    kept = [[] for _ in range(100)]  # what a page makes is no library: it stays in the collector's sight
    entry._set_libraries_aside()
    assert gc.get_freeze_count() == aside and len(kept) == 100
    for number in range(11):
        monkeypatch.setitem(sys.modules, f"made_up_{number}", sys)
    entry._set_libraries_aside()
    assert gc.get_freeze_count() > aside
    gc.unfreeze()
