"""The rule of the house: a package imports from packages above it, never in a circle; heavy libraries load late."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cloudcore"
PAGES = sorted((ROOT / "pages").glob("*.py"))

FLOORS = [
    "errors",
    "settings",
    "files",
    "images",
    "masks",
    "frames",
    "views",
    "sky",
    "satellite",
    "labels",
    "photographs",
    "radar",
    "samples",
    "runs",
    "models",
    "learning",
    "inside",
    "night",
    "commands",
    "ui",
]
"""The packages of cloudcore from the ground up; a package imports from those before it."""

ROOMS = {
    "labels": ["", "exchange"],
    "ui": ["brush", "lens", "shared"],
}
"""The order within a package that has folders: "" is its own files. Folders not named come last and side by side."""

HEAVY = {"torch", "fastai", "torchvision", "timm", "segmentation_models_pytorch"}
MAY_BE_HEAVY = ("learning.networks", "learning.fit", "learning.batches", "inside")
MOST_MODULES, MOST_LINES = 16, 400

Trees = Mapping[str, ast.Module]
"""Dotted name of each module of cloudcore ("masks.rle", "masks" for an __init__) -> its syntax tree."""


def _read_all() -> dict[str, ast.Module]:
    trees = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name not in ("", "__main__"):
            trees[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return trees


TREES = _read_all()


def _all_imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names of everything imported below a node; `from a import b` gives a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute in this house"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module_level(tree: ast.Module) -> Iterator[str]:
    """The same for what runs at import: not inside functions, not under `if TYPE_CHECKING`."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _all_imports(node)
        waiting.extend(ast.iter_child_nodes(node))


def _inside(names: Iterator[str], trees: Trees) -> set[str]:
    """The modules of cloudcore among imported names: the longest part of each that is a module."""
    found = set()
    for name in names:
        parts = name.split(".")[1:] if name.startswith("cloudcore.") else []
        while parts and ".".join(parts) not in trees:
            parts.pop()
        if parts:
            found.add(".".join(parts))
    return found


def _floor(module: str) -> tuple[int, int]:
    """Where a module stands: its package, and its folder where the package orders those."""
    package, *rest = module.split(".")
    order = ROOMS.get(package)
    if order is None:
        return FLOORS.index(package), 0
    folder = rest[0] if rest and f"{package}.{rest[0]}" in FOLDERS else ""
    return FLOORS.index(package), order.index(folder) if folder in order else len(order)


FOLDERS = {path.relative_to(PACKAGE).as_posix().replace("/", ".") for path in PACKAGE.rglob("*") if path.is_dir()}


def upward(trees: Trees) -> list[str]:
    """Imports, wherever they stand, of what lies higher than the importer; and of another page's folder."""
    found = []
    for module, tree in trees.items():
        for target in _inside(_all_imports(tree), trees):
            mine, theirs = module.split("."), target.split(".")
            another_page = mine[0] == theirs[0] == "ui" and len(mine) > 1 and mine[1:2] != theirs[1:2]
            another_page = another_page and theirs[1] not in ROOMS["ui"]
            if _floor(target) > _floor(module) or another_page:
                found.append(f"{module} imports {target}")
    return sorted(found)


def circles(trees: Trees) -> list[str]:
    """Modules that import each other round and round while they load."""
    edges = {name: _inside(_module_level(tree), trees) - {name} for name, tree in trees.items()}
    resolved: set[str] = set()
    while free := {name for name, targets in edges.items() if targets <= resolved} - resolved:
        resolved |= free
    return sorted(edges.keys() - resolved)


def heavy_early(trees: Trees) -> list[str]:
    """Modules outside the heavy rooms that load a heavy library, or a module that does, when they are imported."""
    direct = {name for name, tree in trees.items() if {n.split(".")[0] for n in _module_level(tree)} & HEAVY}
    edges = {name: _inside(_module_level(tree), trees) for name, tree in trees.items()}
    heavy = set(direct)
    while more := {name for name, targets in edges.items() if targets & heavy} - heavy:
        heavy |= more
    return sorted(name for name in heavy if not any(f"{name}.".startswith(f"{room}.") for room in MAY_BE_HEAVY))


def test_a_package_imports_from_those_above_it_in_the_list() -> None:
    assert upward(TREES) == []


def test_no_circles() -> None:
    assert circles(TREES) == []


def test_heavy_libraries_load_late() -> None:
    assert heavy_early(TREES) == []


def test_the_rules_can_fail() -> None:
    up = {**TREES, "masks.rle": ast.parse("def late():\n    from cloudcore.night import series")}
    assert upward(up) == ["masks.rle imports night.series"]
    beside = {**TREES, "ui.paint.shapes": ast.parse("from cloudcore.ui.train import notes")}
    assert upward(beside) == ["ui.paint.shapes imports ui.train.notes"]
    round_about = {
        **TREES,
        "masks.mask": ast.parse("from cloudcore.masks import sweep"),
        "masks.sweep": ast.parse("from cloudcore.masks.mask import clean"),
    }
    assert {"masks.mask", "masks.sweep"} <= set(circles(round_about))
    early = {**TREES, "runs.status": ast.parse("from cloudcore.learning.fit import loop")}
    assert "runs.status" in heavy_early(early)


def test_every_package_stands_on_a_floor() -> None:
    assert {name.split(".")[0] for name in TREES} == set(FLOORS)


@pytest.mark.parametrize("module", sorted(TREES))
def test_streamlit_stays_upstairs(module: str) -> None:
    if module.split(".")[0] != "ui":
        assert "streamlit" not in {name.split(".")[0] for name in _all_imports(TREES[module])}


@pytest.mark.parametrize("page", PAGES, ids=[path.stem for path in PAGES])
def test_a_page_has_no_def(page: Path) -> None:
    tree = ast.parse(page.read_text(encoding="utf-8"))
    assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.walk(tree))
    assert not {name.split(".")[0] for name in _all_imports(tree)} & HEAVY


def test_folders_and_files_keep_a_size() -> None:
    for folder in [PACKAGE, *(PACKAGE / name.replace(".", "/") for name in FOLDERS)]:
        assert len([*folder.glob("*.py")]) <= MOST_MODULES, folder
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, path


def _exported(package: str) -> list[str]:
    return list(importlib.import_module(f"cloudcore.{package}").__all__)


OPEN = sorted(name for name in TREES if name in FOLDERS)


@pytest.mark.parametrize("package", OPEN)
def test_exports_are_there_in_order_and_told(package: str) -> None:
    module = importlib.import_module(f"cloudcore.{package}")
    if package != "ui":
        assert module.__all__ == sorted(module.__all__)
        for name in module.__all__:
            assert hasattr(module, name) or f"{package}.{name}" in TREES, f"{package} exports {name}, which is nowhere"
    assert module.__doc__


def test_other_packages_and_tests_import_what_is_exported() -> None:
    others = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py"), *PAGES]
    files = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in others}
    wrong = []
    for importer, tree in {**TREES, **files}.items():
        for name in _all_imports(tree):
            parts = name.split(".")[1:] if name.startswith("cloudcore.") else []
            for depth in range(1, len(parts)):
                package = ".".join(parts[:depth])
                if package not in FOLDERS or package == "ui" or importer.split(".")[0] == parts[0]:
                    continue
                if parts[depth] not in _exported(package):
                    wrong.append(f"{importer}: {package}.{parts[depth]}")
    assert sorted(set(wrong)) == []


def _loaded(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after some code."""
    told = f"import sys\n{code}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return set(done.stdout.split("\n")[-2].split())


def test_import_and_find_tasks_are_light() -> None:
    assert not _loaded("import cloudcore") & HEAVY
    assert not _loaded("from cloudcore.learning import find_tasks\nassert find_tasks()") & HEAVY


@pytest.mark.parametrize("page", [path.stem for path in PAGES])
def test_first_view_is_light(page: str, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "samples").symlink_to(samples, target_is_directory=True)
    view = (
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('streamlit_app.py', default_timeout=60).run()\n"
        f"app.switch_page('pages/{page}.py').run()\n"
        "assert not app.exception and not app.error, (app.exception, app.error)"
    )
    assert not _loaded(view) & HEAVY
