"""What the runs of level 2 mean: pure comparison, no run is started here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import re2

from factory_tui.adapters.inventory import Inventory
from factory_tui.adapters.smoke import SmokeRun
from factory_tui.adapters.test_reports import Case
from factory_tui.domain.globs import matches
from factory_tui.domain.terms import Change, Finding

BY = "level 2"
_SHOWN = 3000


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The candidate's own run against the base."""

    new_red: tuple[Case, ...]
    """Red, and green or unknown on the base."""
    known_red: tuple[str, ...]
    wavering: tuple[str, ...]
    """Known flaky and red at first, green when run once more alone."""
    lost: tuple[str, ...]
    """Green on the base, and here skipped, expected to fail, or not there."""


def compare(
    run: SmokeRun, again: SmokeRun | None, inventory: Inventory, red: Iterable[str], flaky: Iterable[str]
) -> Reading:
    """`again` is the second run, made when a known flaky test was red; `red` and `flaky` come from the settings."""
    known_red = reds(inventory, red)
    known_flaky = set(flaky) | set(inventory.flaky)
    by_id = run.report.by_id
    failed = [case for case in run.report.cases if case.outcome == "failed"]
    second = set(again.report.ids("passed")) if again is not None and not again.unusable else set()
    wavering = {case.id for case in failed if case.id in known_flaky and case.id in second}
    lost = [
        test
        for test in inventory.passed
        if test not in known_red and (test not in by_id or by_id[test].outcome == "skipped")
    ]
    return Reading(
        new_red=tuple(case for case in failed if case.id not in known_red and case.id not in wavering),
        known_red=tuple(case.id for case in failed if case.id in known_red),
        wavering=tuple(sorted(wavering)),
        lost=tuple(lost),
    )


def reds(inventory: Inventory, known: Iterable[str]) -> set[str]:
    """Red on the base. A test that the settings call red and that has been green there since is not."""
    return (set(known) - set(inventory.passed)) | set(inventory.red)


def red_findings(reading: Reading, flaky: Iterable[str]) -> list[Finding]:
    """One finding per red test. A known flaky one that was red twice does not block; level 3 must answer it."""
    known = set(flaky)
    found = []
    for case in reading.new_red:
        may_be_chance = case.id in known
        found.append(
            Finding(
                severity="note" if may_be_chance else "blocks",
                title=f"{case.id} (known flaky, red twice)" if may_be_chance else case.id,
                detail=case.detail[-_SHOWN:] or "the test failed and its runner says no more",
                path=case.path,
                line=case.line,
                by=BY,
                must_answer=may_be_chance,
            )
        )
    if reading.known_red:
        found.append(note(f"red on the base too: {named(reading.known_red)}"))
    if reading.wavering:
        found.append(note(f"flaky, red at first and green when run again: {named(reading.wavering)}"))
    return found


def lost_findings(reading: Reading, run: SmokeRun, old: dict[str, Case | None]) -> list[Finding]:
    """One finding per lost test, each to be answered by level 3. `old` holds base's tests that are red here."""
    found = []
    by_id = run.report.by_id
    for test in reading.lost:
        case = by_id.get(test)
        how = f"is skipped or expected to fail ({case.detail.strip()[:200]})" if case else "is not there any more"
        detail = f"`{test}` passes on the base; in the candidate it {how}."
        if test in old:
            base_case = old[test]
            told = base_case.detail[-_SHOWN:] if base_case else "it did not run"
            detail += f"\nBase's own copy of it is red against the candidate's source:\n{told}"
        found.append(must_answer(f"lost test: {test}", detail, case.path if case else "", case.line if case else 0))
    return found


def base_test_findings(reading: Reading, old: dict[str, Case | None]) -> list[Finding]:
    """Base's tests that are red against the candidate's source, but for those that are told of already."""
    told = set(reading.lost) | {case.id for case in reading.new_red}
    found = []
    for test, case in old.items():
        if test in told:
            continue
        why = case.detail[-_SHOWN:] if case is not None else "base's copy of it did not run"
        detail = (
            "The candidate's own tests pass; the same test as the base has it, with base's test configuration, is red"
            f" against the candidate's source.\n{why}"
        )
        found.append(
            must_answer(f"base's test is red: {test}", detail, case.path if case else "", case.line if case else 0)
        )
    return found


def red_base_tests(
    run: SmokeRun, inventory: Inventory, red: Iterable[str], flaky: Iterable[str]
) -> dict[str, Case | None]:
    """Tests that were green on the base and are not in this run; None = it did not run or was skipped."""
    by_id = run.report.by_id
    spared = reds(inventory, red) | set(flaky) | set(inventory.flaky)
    out: dict[str, Case | None] = {}
    for test in inventory.passed:
        case = by_id.get(test)
        if test not in spared and (case is None or case.outcome != "passed"):
            out[test] = case if case is not None and case.outcome == "failed" else None
    return out


_KNOWS_OF_TESTS = re2.compile(
    r"sys\.modules.{0,80}\b(pytest|unittest|_pytest|nose)\b|\b(pytest|unittest|_pytest)\b.{0,80}sys\.modules"
    r"|sys\.argv.{0,80}\b(pytest|unittest)\b"
    r"|PYTEST_(CURRENT_TEST|VERSION|ADDOPTS|XDIST)|NODE_TEST_CONTEXT|JEST_WORKER_ID|process\.env\.VITEST\b"
    r"|NODE_ENV.{0,40}[\"']test[\"']|testing\.Testing\(\)|\bcfg!\(test\)|FACTORY_(REPORT|RUN)"
)


def knows_of_tests(change: Change, harness: tuple[str, ...]) -> list[Finding]:
    """Added lines of product code that ask whether a test runs them: no run can show what they do without one."""
    return [
        must_answer(
            "product code asks whether it is being tested",
            f"No test run can show what this does outside of one:\n{line.text[:400]}",
            file.path,
            line.number,
        )
        for file in change.files
        if not matches(file.path, harness)
        for line in file.added
        if len(line.text) <= 2000 and _KNOWS_OF_TESTS.search(line.text)
    ]


_RUNNERS_OWN = re2.compile(
    r"^(src/|lib/)?(pytest|_pytest|unittest|pluggy|nose|sitecustomize|usercustomize)(\.py$|/)|\.pth$"
)


def stands_in_for_the_runner(change: Change) -> list[Finding]:
    """New files that Python would load in place of the test runner, or before it."""
    return [
        must_answer(
            "a file of the tree stands in for the test runner", "Python loads it in place of its own.", file.path
        )
        for file in change.files
        if file.new_mode and _RUNNERS_OWN.search(file.path)
    ]


def must_answer(title: str, detail: str, path: str = "", line: int = 0) -> Finding:
    return Finding(severity="note", title=title, detail=detail, path=path, line=line, by=BY, must_answer=True)


def blocks(title: str, detail: str = "", path: str = "", line: int = 0) -> Finding:
    return Finding(title=title, detail=detail, path=path, line=line, by=BY)


def note(title: str, detail: str = "") -> Finding:
    return Finding(severity="note", title=title, detail=detail, by=BY)


def named(names: Sequence[str], most: int = 5) -> str:
    """The first few, and how many more."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def tail(output: bytes) -> str:
    return output[-_SHOWN:].decode("utf-8", "replace").strip()
