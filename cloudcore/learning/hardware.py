"""What a training would run on, found without torch: the GPUs its driver lists, cores, free and total memory."""

import csv
import io
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ASK = ("--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")
TIMEOUT_S = 15
"""How long a driver may take to answer, s; one in a power-saving state takes several."""
_MEMORY = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Gpu:
    """A graphics card: its name, and its memory in MiB, in all and free when it was asked."""

    name: str
    total_mib: int
    free_mib: int


@dataclass(frozen=True)
class Memory:
    """Main memory of this machine, or of the container it runs in, MiB."""

    total_mib: int
    free_mib: int


def gpus() -> list[Gpu]:
    """Cards a run may use, as nvidia-smi names them and CUDA_VISIBLE_DEVICES allows; none where it does not answer."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    try:
        done = subprocess.run([command, *ASK], capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return _allowed(read_gpus(done.stdout), os.environ.get("CUDA_VISIBLE_DEVICES")) if done.returncode == 0 else []


def read_gpus(answer: str) -> list[Gpu]:
    """Rows "name, MiB in all, MiB free" of nvidia-smi's CSV; a row of any other form is passed over."""
    found = []
    for row in csv.reader(io.StringIO(answer), skipinitialspace=True):
        if len(row) == 3 and row[1].strip().isdigit() and row[2].strip().isdigit():
            found.append(Gpu(row[0].strip(), int(row[1]), int(row[2])))
    return found


def _allowed(found: list[Gpu], visible: str | None) -> list[Gpu]:
    """Those that CUDA_VISIBLE_DEVICES lists by number, in its order; a number nobody has ends the list, as in CUDA."""
    if visible is None or "-" in visible.replace("-1", ""):  # unset, or cards named by their long ids
        return found
    chosen: list[Gpu] = []
    for part in visible.split(","):
        if not part.strip().isdigit() or int(part) >= len(found):
            break
        chosen.append(found[int(part)])
    return chosen


def torch_uses_gpus() -> bool:
    """Whether the installed torch was built for CUDA, read from its version file: importing it takes seconds."""
    spec = find_spec("torch")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        try:
            told = (Path(place) / "version.py").read_text(encoding="utf-8")
        except OSError:
            continue
        return re.search(r"^cuda\b[^=\n]*=\s*['\"]\d", told, re.MULTILINE) is not None
    return False


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> Memory | None:
    """Main memory now; the limit of a container counts where there is one. None where the system does not tell."""
    try:
        lines = _MEMORY.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    told = {name: int(rest.split()[0]) >> 10 for name, _, rest in (line.partition(":") for line in lines) if rest}
    if "MemTotal" not in told or "MemAvailable" not in told:
        return None
    total, free = told["MemTotal"], told["MemAvailable"]
    limit, used = _group("memory.max"), _group("memory.current")
    if limit is not None and used is not None and limit < total:
        # the memory of a container counts cached files, which the kernel drops when memory is asked for
        cached = _group_part("inactive_file")
        return Memory(limit, max(0, min(free, limit - used + cached)))
    return Memory(total, free)


def _group(name: str) -> int | None:
    """A number of the control group, MiB; None where there is no limit or no group."""
    try:
        text = (_GROUP / name).read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) >> 20 if text.isdigit() else None


def _group_part(name: str) -> int:
    try:
        lines = (_GROUP / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) >> 20 for line in lines if line.split()[0] == name), 0)


def gib(mib: float) -> str:
    """MiB in words: '7.8 GiB'."""
    return f"{mib / 1024:.0f} GiB" if mib >= 100 * 1024 else f"{mib / 1024:.1f} GiB"


def words(cards: list[Gpu], with_cuda: bool, main: Memory | None) -> str:
    """The device a run will take, with its memory, in a sentence; for the CPU, why it is not a card."""
    parts = [f"CPU, {cores()} {'core' if cores() == 1 else 'cores'}"]
    if main is not None:
        parts.append(f"{gib(main.free_mib)} memory free of {gib(main.total_mib)}")
    cpu = ", ".join(parts)
    if not cards:
        return f"{cpu}. No GPU was found."
    first = f"{cards[0].name}, {gib(cards[0].free_mib)} memory free of {gib(cards[0].total_mib)}"
    if not with_cuda:
        return f"{cpu}. There is a GPU ({cards[0].name}), but the installed torch is for the CPU alone."
    more = f", the first of {len(cards)}" if len(cards) > 1 else ""
    return f"GPU: {first}{more}."
