"""python -m benchmarks.one_file MODULE [CASE ...] --json FILE --threads N: the cases of one file, in this process."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import harness


def main(argv: Sequence[str] | None = None) -> None:
    """Measure the named cases of a module, all where none is named; a row is kept as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.one_file", description=__doc__)
    parser.add_argument("module", help="dotted name of the file, such as benchmarks.rle")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args(argv)
    harness.set_threads(arguments.threads)  # before the cases load numpy, whose BLAS reads it once
    rows = []
    for case in harness.cases_of(arguments.module):
        if not arguments.cases or case.name in arguments.cases:
            result = harness.measure(case, arguments.threads)
            print(result.line(), flush=True)
            rows.append(asdict(result))
            arguments.json.write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
