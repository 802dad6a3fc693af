"""python -m benchmarks [NAME ...] [--json FILE] [--threads N]: print the ratios, and write them where asked.

Each file runs in a process of its own: what one leaves behind (an event loop, threads, a full cache) reaches no other.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import harness


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a benchmark file or a case; all when none is named")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write [{name, ours, other, ratio, goal, threads}]")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser.add_argument("--threads", type=int, default=cores, metavar="N", help="threads to use; default: every core")
    return parser.parse_args(argv)


def _run_file(module: str, cases: Sequence[str], threads: int) -> tuple[list[dict[str, Any]], int]:
    """The rows of one file, measured in a process of its own that prints them, and its exit code."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        rows = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "benchmarks.one_file", module, *cases]
        code = subprocess.run([*command, "--json", str(rows), "--threads", str(threads)], check=False).returncode
        return (json.loads(rows.read_text(encoding="utf-8")) if rows.is_file() else []), code


def _threads_line(rows: Sequence[dict[str, Any]]) -> str:
    """The thread count of each library; "not loaded" where no case loaded it."""
    told = {name: row["threads"][name] for row in rows for name in row["threads"] if row["threads"][name] is not None}
    names = sorted({name for row in rows for name in row["threads"]})
    return "threads: " + ", ".join(f"{name} {told.get(name, 'not loaded')}" for name in names)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the named cases; 0 when they ran (met or missed), 1 when a file failed, 2 for an unknown name."""
    arguments = _arguments(argv)
    try:
        wanted = harness.plan(arguments.names)
    except LookupError as error:
        print(error, file=sys.stderr)
        return 2
    rows: list[dict[str, Any]] = []
    failed = []
    print(harness.HEADER, flush=True)
    for module, cases in wanted.items():
        found, code = _run_file(module, cases, arguments.threads)
        rows += found
        if code:
            failed.append(module)
            print(f"{module} failed with exit code {code}; its error stands above", file=sys.stderr, flush=True)
    print(_threads_line(rows))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
