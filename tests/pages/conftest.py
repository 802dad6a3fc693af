"""Pages are tested through the entry file, as a person sees them."""

from typing import Any

import pytest
from streamlit.runtime.pages_manager import PagesManager


@pytest.fixture(autouse=True)
def _entry_file_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest makes every run a fresh server's first visit, whose cure (widgets.enter) would swallow each click."""
    plain = PagesManager.__init__

    def later_visit(self: PagesManager, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", later_visit)
