"""`make bench`: each measurement of this folder beside a baseline of the same run. Exit 1 when a bound is missed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from bench.rows import Row
from factory_tui.domain.plurals import count


def main(wanted: list[str]) -> int:
    known = sorted(path.stem.removesuffix("_bench") for path in Path(__file__).parent.glob("*_bench.py"))
    if unknown := [name for name in wanted if name not in known]:
        print(f"nothing was measured: there is no {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    missed = 0
    for name in wanted or known:
        print(f"-- {name}", flush=True)
        rows: list[Row] = importlib.import_module(f"bench.{name}_bench").run()
        for row in rows:
            print(row, flush=True)
            missed += not row.ok
    print(f"{count(missed, 'bound')} missed" if missed else "every bound held")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
