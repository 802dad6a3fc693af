"""The rule of the house: a file imports from its own layer or a lower one; heavy libraries load when needed."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cloudcore"
PAGES = sorted((ROOT / "pages").glob("*.py"))
LAYERS = {
    0: "errors settings",
    1: "images rle mask metrics sweep dome render charts coats",
    2: "samples labels pattern_table data runs models",
    3: "exchange evaluate night task",
    4: "networks training explain",
    5: "tasks",
    6: "jobs cli __main__",
    7: "ui",
}
"""Layer -> modules of the plan; a module that was split off one of them names it in PARTS."""

PARTS = {
    "sample_sky": "samples",
    "sample_light": "samples",
    "sample_patterns": "samples",
    "sample_textures": "samples",
    "label_database": "labels",
    "label_names": "labels",
    "pattern_charts": "charts",
    "pattern_csv": "pattern_table",
    "pattern_boxes": "pattern_table",
    "pattern_statistics": "pattern_table",
    "archives": "exchange",
    "coco": "exchange",
    "kaggle": "exchange",
    "incoming": "exchange",
    "meaning": "exchange",
    "evaluate_masks": "evaluate",
    "rate_finder": "training",
    "sharing": "runs",
    "board": "runs",
    "rehearsal": "jobs",
    "patience": "runs",
    "machine": "runs",
    "run_check": "runs",
    "pattern_data": "data",
    "genus_light": "render",
    "genera": "render",
    "heat": "render",
    "picture_statistics": "render",
    "class_charts": "charts",
    "photo_review": "evaluate",
    "genus_data": "data",
    "photo_decisions": "data",
    "sample_genus": "samples",
    "sample_radar": "samples",
    "radar_data": "data",
    "radar_variants": "render",
    "svrimg": "exchange",
    "class_scorer": "task",
    "neuron": "metrics",
    "inside_charts": "charts",
    "map_pictures": "render",
    "evaluate_class": "evaluate",
    "gather": "exchange",
    "joining": "jobs",
    "predict_class": "evaluate",
    "fits_frames": "images",
    "cloud_amount": "dome",
    "night_charts": "charts",
    "keogram": "render",
    "frame_times": "night",
    "night_plan": "night",
    "night_series": "night",
    "night_store": "night",
    "night_tables": "night",
    "night_export": "night",
    "sun_moon": "night",
    "camera_sites": "night",
    "night_command": "cli",
}
"""Module -> the module of the plan whose layer it shares."""

HEAVY = {"torch", "fastai", "torchvision", "timm", "segmentation_models_pytorch"}
MAY_BE_HEAVY = {"networks", "training", "explain"}
UPWARD = {("task", "tasks")}
"""The one upward look: find_tasks() imports tasks/* inside the function."""

LAYER = {name: number for number, names in LAYERS.items() for name in names.split()}
LAYER |= {part: LAYER[whole] for part, whole in PARTS.items()}


def _top(path: Path) -> str:
    """The module or subpackage of cloudcore that a file belongs to; "" for the package's own __init__."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def _imports(tree: ast.AST) -> Iterator[str]:
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
            yield from _imports(node)
        waiting.extend(ast.iter_child_nodes(node))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


FILES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)
IDS = [path.relative_to(ROOT).as_posix() for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_imports_look_down(path: Path) -> None:
    own = _top(path)
    assert not own or own in LAYER, f"{own} stands in no layer: name it in LAYERS or PARTS"
    for name in _imports(_tree(path)):
        first, *rest = name.split(".")
        if first != "cloudcore" or not rest or rest[0] not in LAYER or (own, rest[0]) in UPWARD:
            continue
        assert LAYER[rest[0]] <= LAYER.get(own, 0), f"{own} (layer {LAYER.get(own, 0)}) imports {name}"


def test_no_circles() -> None:
    edges: dict[str, set[str]] = {}
    for path in FILES:
        targets = {name.split(".")[1] for name in _module_level(_tree(path)) if name.startswith("cloudcore.")}
        edges.setdefault(_top(path), set()).update(targets & LAYER.keys() - {_top(path)})
    resolved: set[str] = set()
    while free := {name for name, targets in edges.items() if targets <= resolved} - resolved:
        resolved |= free
    assert not edges.keys() - resolved


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_heavy_libraries_load_late(path: Path) -> None:
    own, tree = _top(path), _tree(path)
    if own not in MAY_BE_HEAVY:
        assert not {name.split(".")[0] for name in _module_level(tree)} & HEAVY
        late = {name for name in _module_level(tree) if name.startswith("cloudcore.")}
        assert not {name.split(".")[1] for name in late} & MAY_BE_HEAVY, (
            "import these inside the function that needs them"
        )
    if own != "ui":
        assert "streamlit" not in {name.split(".")[0] for name in _imports(tree)}


@pytest.mark.parametrize("path", PAGES, ids=[path.stem for path in PAGES])
def test_a_page_has_no_def(path: Path) -> None:
    assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.walk(_tree(path)))
    assert not {name.split(".")[0] for name in _imports(_tree(path))} & HEAVY


def _loaded(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after some code."""
    told = f"import sys\n{code}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return set(done.stdout.split("\n")[-2].split())


def test_import_and_find_tasks_are_light() -> None:
    assert not _loaded("import cloudcore") & HEAVY
    assert not _loaded("from cloudcore.task import find_tasks\nassert find_tasks()") & HEAVY


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
