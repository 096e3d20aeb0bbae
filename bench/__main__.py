"""`make bench`: each measurement of this folder beside a baseline of the same run. Exit 1 when a bound is missed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from bench.rows import Row


def main(wanted: list[str]) -> int:
    missed = 0
    for path in sorted(Path(__file__).parent.glob("*_bench.py")):
        if wanted and path.stem.removesuffix("_bench") not in wanted:
            continue
        print(f"-- {path.stem.removesuffix('_bench')}", flush=True)
        rows: list[Row] = importlib.import_module(f"bench.{path.stem}").run()
        for row in rows:
            print(row, flush=True)
            missed += not row.ok
    print(f"{missed} bound(s) missed" if missed else "every bound held")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
