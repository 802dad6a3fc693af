"""pyproject.toml declares what the package imports, and requirements.txt pins versions that it allows."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cloudcore.commands.main import EXTRAS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements} - {"cloudcore"}


BASE = _names(PROJECT["dependencies"])
OPTIONAL = {extra: _names(texts) for extra, texts in PROJECT["optional-dependencies"].items()}
DECLARED = BASE.union(*OPTIONAL.values())


def _imported() -> set[str]:
    """Top-level modules of other people that anything in the package imports."""
    found = set()
    for path in [*(ROOT / "cloudcore").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "streamlit_app.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - {"cloudcore"}


DISTRIBUTIONS = metadata.packages_distributions()


def _distributions(module: str) -> set[str]:
    return {canonicalize_name(name) for name in DISTRIBUTIONS.get(module, [])}


def test_what_is_imported_is_declared() -> None:
    assert not [module for module in sorted(_imported()) if not _distributions(module) & DECLARED]


def test_a_command_names_the_extra_that_brings_its_library() -> None:
    for module, extra in EXTRAS.items():
        assert _distributions(module) & OPTIONAL[extra], module


def test_the_pinned_versions_are_allowed() -> None:
    lines = re.split(r"\s*(?:#.*)?\n", (ROOT / "requirements.txt").read_text(encoding="utf-8"))
    pinned = {canonicalize_name(wanted.name): wanted for wanted in map(Requirement, filter(None, lines))}
    texts = [*PROJECT["dependencies"], *(text for extra in PROJECT["optional-dependencies"].values() for text in extra)]
    allowed = {canonicalize_name(Requirement(text).name): Requirement(text).specifier for text in texts}
    for name, wanted in pinned.items():
        (exact,) = wanted.specifier
        assert exact.operator == "==" and exact.version in allowed[name], f"{name}: {exact.version}"
    assert DECLARED - pinned.keys() <= {"timm"}, "timm comes with segmentation-models-pytorch; the others are pinned"


HEAVIER = ("torch", "streamlit", "plotly", "sqlalchemy", "numba", "pandas", "astropy", "onnx")


@pytest.mark.parametrize("code", ["import cloudcore.commands.main", "from cloudcore import models; models.load('sky')"])
def test_a_reader_of_models_loads_its_own_libraries_only(code: str) -> None:
    told = f"import sys\n{code}\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & set(HEAVIER)
