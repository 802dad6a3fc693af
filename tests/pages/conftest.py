"""Pages are tested through the entry file, as a person sees them."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from cloudcore import settings as environment
from cloudcore.settings import Settings

ENTRY = Path(__file__).parents[2] / "streamlit_app.py"


def open_page(name: str = "", **query: str) -> AppTest:
    """The app on its page of a name (Overview without one), the address carrying the query; it ran without failing."""
    app = AppTest.from_file(ENTRY, default_timeout=120).run()
    for key, value in query.items():
        app.query_params[key] = value
    if name:
        app = app.switch_page(f"pages/{name}.py").run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    """Everything the page says in captions and boxes."""
    return " ".join(item.value for kind in (app.caption, app.info, app.error, app.success) for item in kind)


@pytest.fixture
def settings(samples: Path) -> Settings:
    """Settings of a workspace whose samples are there already."""
    here = environment.load()
    here.workspace.mkdir(parents=True)
    here.samples.symlink_to(samples, target_is_directory=True)
    return here


@pytest.fixture(autouse=True)
def _entry_file_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest makes every run a fresh server's first visit, whose cure (entry.enter) would swallow each click."""
    plain = PagesManager.__init__

    def later_visit(self: PagesManager, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", later_visit)
