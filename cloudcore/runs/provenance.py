"""What a result depends on beside its settings: versions and code."""

import contextlib
import hashlib
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    names = ("torch", "fastai", "segmentation-models-pytorch", "timm", "numpy", "onnxruntime")
    found = {"python": platform.python_version()}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def provenance() -> dict[str, Any]:
    """What a result depends on beside its settings: versions, and the code: git commit and whether it was changed.

    Where there is no git, the code's own sha256 tells it apart; it stands beside the commit in any case.
    """
    package = Path(__file__).parents[1]
    whole = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        whole.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return {"versions": versions(), "code": {"sha256": whole.hexdigest(), **_git_state(package.parent)}}


def _git_state(root: Path) -> dict[str, Any]:
    if not (root / ".git").exists():
        return {}
    told = []
    for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no")):
        try:
            done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=5)
        except (OSError, subprocess.TimeoutExpired):
            return {}
        if done.returncode:
            return {}
        told.append(done.stdout.strip())
    return {"commit": told[0], "changed": bool(told[1])}
