"""Model folders (model.onnx, weights.safetensors and model.json): found by name, listed, named, given thresholds."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cloudcore import runs
from cloudcore import settings as settings_module
from cloudcore.errors import ModelError
from cloudcore.files import atomic
from cloudcore.models.model_info import ModelInfo
from cloudcore.settings import Settings

ZOO = Path(__file__).parents[1] / "zoo"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}")
_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".bin")


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be loaded: its name, folder and model.json; shipped ones come with the package."""

    name: str
    title: str
    folder: Path
    task: str
    kind: str
    shipped: bool
    info: ModelInfo


def find_folder(name_or_folder: str | Path, settings: Settings | None = None) -> Path:
    """The model folder of a shipped name, a named model, a run (id, name or folder) or a folder. Raises ModelError."""
    chosen = settings or settings_module.load()
    text, path = str(name_or_folder), Path(name_or_folder)
    if path.suffix.lower() in _PICKLES:
        raise ModelError(
            f"{path.name} is a pickle and is not opened: opening one runs what is written in it. "
            "Export ONNX where it was trained, and give the folder with model.onnx and model.json."
        )
    if path.is_file():
        raise ModelError(f"{path.name} is a file. Give the model's folder, with model.onnx and model.json in it.")
    candidates = [path, path / "model"]
    if _NAME.fullmatch(text) and ".." not in text:
        candidates += [ZOO / text, chosen.models / text, chosen.runs / text / "model"]
    for folder in candidates:
        if (folder / "model.json").is_file():
            return folder
    for run in runs.list_runs(chosen.runs):
        if run.name == text and (run.model_folder / "model.json").is_file():
            return run.model_folder
    names = ", ".join(entry.name for entry in available(chosen)) or "none yet: train one"
    raise ModelError(f"There is no model {text!r}. Those there are: {names}.")


def available(settings: Settings | None = None) -> list[ModelEntry]:
    """Every model there is: shipped, named by a person, or left by a run; damaged ones are passed over."""
    chosen = settings or settings_module.load()
    found = [(path.parent.name, path.parent, True) for path in sorted(ZOO.glob("*/model.json"))]
    found += [(path.parent.name, path.parent, False) for path in sorted(chosen.models.glob("*/model.json"))]
    found += [
        (run.name, run.model_folder, False)
        for run in runs.list_runs(chosen.runs)
        if (run.model_folder / "model.json").is_file()
    ]
    entries = []
    for name, folder, shipped in found:
        try:
            info = ModelInfo.read(folder)
        except ModelError:
            continue
        entries.append(ModelEntry(name, info.title or name, folder, info.task, info.kind, shipped, info))
    return entries


def write_threshold(
    folder: Path,
    threshold: Sequence[float],
    min_size: Sequence[int],
    grid_hw: tuple[int, int] | None = None,
    data_note: str = "",
) -> None:
    """Store thresholds (0..1) and smallest sizes (px), one a class, in model.json; data_note says from what data."""
    info = ModelInfo.read(folder)
    if len(threshold) != len(info.classes) or len(min_size) != len(info.classes):
        raise ModelError(f"{folder.name} has {len(info.classes)} classes. Give one threshold and min_size for each.")
    if not all(0 <= value <= 1 for value in threshold) or not all(value >= 0 for value in min_size):
        raise ModelError("A threshold lies between 0 and 1, a smallest size is 0 px or more. Correct it.")
    replace(
        info,
        threshold=tuple(float(value) for value in threshold),
        min_size=tuple(int(value) for value in min_size),
        grid_hw=grid_hw,
        threshold_from=data_note,
    ).write(folder)


def save_run_as(run: runs.Run, name: str, settings: Settings | None = None) -> Path:
    """Copy a run's model under a name of one's own. Raises ModelError for a bad or taken name or a run without one."""
    chosen = settings or settings_module.load()
    if not _NAME.fullmatch(name) or ".." in name:
        raise ModelError(f"{name!r} cannot name a model. Use up to 64 letters, digits, spaces, dots, dashes.")
    if not (run.model_folder / "model.json").is_file():
        raise ModelError(f"{run.name} has left no model yet. Let it finish first.")
    target = chosen.models / name
    if target.exists() or (ZOO / name).exists():
        raise ModelError(f"There is a model {name!r} already. Choose another name.")
    with atomic.new_folder(target) as part:
        shutil.copytree(run.model_folder, part, dirs_exist_ok=True)
    return target
