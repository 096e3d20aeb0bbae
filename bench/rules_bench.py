"""One action through all rules, and eight kilobytes of hostile text, beside the same patterns one by one in `re`."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable

from bench.rows import Row
from factory_tui.domain.rule_cases import patterns_of
from factory_tui.domain.rules import DenyCommand
from factory_tui.domain.terms import Action
from tests.rule_library import ACTING, shipped_rules, whole_book

USUAL = (
    "pytest -q tests/test_routes.py",
    "git add -A && git commit -m 'Show the total of each page'",
    "grep -rn 'def handler' src | head -20",
    "sed -n 1,80p src/app.py",
    "npm run build -- --mode production",
    "python -m pip install --no-deps -e . && python -c 'import app; print(app.__version__)'",
    "docker compose up -d db; sleep 1; curl -fsS http://127.0.0.1:8000/health",
)

HOSTILE = tuple(
    (text * 8_192).encode()[:8_190].decode(errors="ignore")
    for text in (
        "git ",
        "rm -rf a ",
        "'",
        '"$(',
        "a\\",
        "curl x | ",
        "docker compose -f prod.yml ",
        "git push -",
        "psql update a set b ",
        "<<A\n",
        "a;",
        "aA0_-" * 50 + " ",
        "\u00e4" * 9 + " ",
    )
)


def _milliseconds(work: Callable[[], object], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1_000)
    return taken


def _one_by_one(command: str) -> int:
    return sum(pattern.search(command) is not None for pattern in _PATTERNS)


_PATTERNS: list[re.Pattern[str]] = []


def run() -> list[Row]:
    """Median of usual actions; the slowest kind of hostile text."""
    book = whole_book()
    _PATTERNS[:] = [
        re.compile(text, re.MULTILINE)
        for rule in shipped_rules()
        if isinstance(rule.check, DenyCommand)
        for _, text in patterns_of(rule)
    ]
    actions = [Action(kind="run", command=command) for command in USUAL]
    actions += [Action(kind="edit", path="src/app.py", content="x"), Action(kind="read", path="docs/guide.md")]
    usual = [
        statistics.median(_milliseconds(lambda one=one: book.judge_action(one, "builder", ACTING), 60))
        for one in actions
    ]
    baseline = [statistics.median(_milliseconds(lambda one=one: _one_by_one(one), 60)) for one in USUAL]
    slowest = max(
        min(_milliseconds(lambda one=one: book.judge_action(Action(kind="run", command=one), "builder", ACTING), 4))
        for one in HOSTILE
    )
    slowest_plain = max(min(_milliseconds(lambda one=one: _one_by_one(one), 2)) for one in HOSTILE)
    return [
        Row(
            name="one action through all rules, median",
            value=statistics.median(usual),
            unit="ms",
            baseline_name="the command patterns one by one in re",
            baseline_value=statistics.median(baseline),
            bound=1.0,
        ),
        Row(
            name="8 kB of hostile text, slowest kind",
            value=slowest,
            unit="ms",
            baseline_name="the command patterns one by one in re",
            baseline_value=slowest_plain,
            bound=20.0,
        ),
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
