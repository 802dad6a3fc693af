"""The documents agree with the code: floors, version, files that they name."""

import re
from pathlib import Path

import pytest

from cloudcore import __version__
from tests.test_layers import FLOORS

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/models.md")


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_map_names_the_packages_in_the_order_of_the_floors() -> None:
    rows = re.findall(
        r"^\| ((?:`\w+`(?:, )?)+) \|", _text("docs/architecture.md").split("## The rule")[0], re.MULTILINE
    )
    assert [name for row in rows for name in re.findall(r"\w+", row)] == FLOORS


def test_the_citation_is_of_this_version() -> None:
    assert f"\nversion: {__version__}\n" in _text("CITATION.cff")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_that_a_document_names_are_there(name: str) -> None:
    """Paths in backticks or links that end like a file of this checkout and name a folder."""
    named = re.findall(r"[`(]((?:docs|tests|labels|cloudcore|benchmarks)/[\w./]+\.(?:md|py|png))[`)]", _text(name))
    assert not [path for path in named if not (ROOT / path).is_file()]


def test_the_licence_is_there_and_speaks_of_weights() -> None:
    text = _text("LICENSE")
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text and "model.json" in text
