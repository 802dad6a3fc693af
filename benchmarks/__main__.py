"""python -m benchmarks [NAME ...] [--json FILE] [--threads N]: print the ratios, and write them where asked."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import harness


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a benchmark file or a case; all when none is named")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write [{name, ours, other, ratio, goal, threads}]")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser.add_argument("--threads", type=int, default=cores, metavar="N", help="threads to use; default: every core")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the named cases; 0 when they ran (met or missed), 2 for an unknown name."""
    arguments = _arguments(argv)
    harness.set_threads(arguments.threads)  # before the cases load numpy, whose BLAS reads it once
    try:
        cases = harness.collect(arguments.names)
    except LookupError as error:
        print(error, file=sys.stderr)
        return 2
    results = []
    print(harness.HEADER)
    for case in cases:
        results.append(harness.measure(case, arguments.threads))
        print(results[-1].line(), flush=True)
    print("threads:", ", ".join(f"{name} {count}" for name, count in harness.threads().items()))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
