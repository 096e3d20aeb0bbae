"""Reading what a test run did, test by test. Pure: bytes in, cases out.

An exit code is no reading. A report that is cut, malformed or has no end is unreadable, and says why; a reading that
knows only counts says that it is weak.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

Outcome = Literal["passed", "failed", "skipped"]
_WEIGHT: dict[str, int] = {"passed": 0, "skipped": 1, "failed": 2}
MOST_CASES = 200_000
MOST_DETAIL = 2500
"""Characters of one failure; where the message stands first, its beginning is kept."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One test of one run."""

    id: str
    outcome: Outcome
    detail: str = ""
    """The failing output, or why it was skipped."""
    path: str = ""
    """The test's file below the root; empty = the runner does not say."""
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Report:
    """All tests of one run, each id once, in the order they ended."""

    cases: tuple[Case, ...] = ()
    unreadable: str = ""
    """Why this reading cannot be trusted; empty = it can."""
    weak: str = ""
    """What a reading by counts cannot know; empty = every test has its own id."""

    def ids(self, outcome: Outcome) -> tuple[str, ...]:
        return tuple(case.id for case in self.cases if case.outcome == outcome)

    @property
    def by_id(self) -> dict[str, Case]:
        return {case.id: case for case in self.cases}

    @property
    def executed(self) -> int:
        """Tests whose body ran to an end; a skipped one did not."""
        return sum(case.outcome != "skipped" for case in self.cases)


def merged(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Each id once; of several outcomes the worst stands, so a passing repeat cannot cover a failure."""
    kept: dict[str, Case] = {}
    for case in cases:
        before = kept.get(case.id)
        if before is None or _WEIGHT[case.outcome] > _WEIGHT[before.outcome]:
            kept[case.id] = case
    return tuple(kept.values())


def joined(reports: Sequence[Report]) -> Report:
    """Several readings of one run as one; what made any of them unreadable stands."""
    return Report(
        cases=merged(case for report in reports for case in report.cases),
        unreadable="; ".join(dict.fromkeys(report.unreadable for report in reports if report.unreadable)),
        weak="; ".join(dict.fromkeys(report.weak for report in reports if report.weak)),
    )


def read_probe_lines(data: bytes, name: str) -> Report:
    """The JSON lines of our own probes. Without an `end` line the runner died on the way."""
    cases: list[Case] = []
    ended = False
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise TypeError
            if "end" in record:
                ended = True
            elif "id" in record:
                ended = False
                if record["outcome"] in _WEIGHT and len(cases) < MOST_CASES:
                    cases.append(
                        Case(
                            id=str(record["id"]),
                            outcome=record["outcome"],
                            detail=str(record.get("detail", "")),
                            path=str(record.get("path", "")),
                            line=int(record.get("line") or 0),
                        )
                    )
        except (ValueError, TypeError, KeyError):
            return Report(cases=merged(cases), unreadable=f"{name} line {number} is not a record")
    why = "" if ended else f"the test runner ended in the middle of its run, after {len(cases)} tests"
    return Report(cases=merged(cases), unreadable=why)


def read_junit(data: bytes) -> Report:
    """JUnit XML of any dialect: `testcase` elements with `failure`, `error` or `skipped` below them."""
    if not data.strip():
        return Report(unreadable="the JUnit file is empty")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        return Report(unreadable="the JUnit file declares a document type, which no test runner does")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - see above
    except ElementTree.ParseError as error:
        return Report(unreadable=f"the JUnit file is not XML: {error}")
    if root.tag not in ("testsuites", "testsuite"):
        return Report(unreadable=f"the file holds <{root.tag}>, not <testsuites>")
    cases = []
    for element in root.iter("testcase"):
        outcome: Outcome = "passed"
        detail = ""
        for child in element:
            if child.tag in ("failure", "error"):
                outcome = "failed"
            elif child.tag == "skipped" and outcome == "passed":
                outcome = "skipped"
            else:
                continue
            detail = f"{child.get('message') or ''}\n{child.text or ''}".strip()[-4000:]
        owner, own = element.get("classname") or "", element.get("name") or ""
        line = element.get("line") or "0"
        cases.append(
            Case(
                id=f"{owner}::{own}" if owner else own,
                outcome=outcome,
                detail=detail,
                path=element.get("file") or "",
                line=int(line) if line.isdigit() else 0,
            )
        )
    return Report(cases=merged(cases))


_TAP_POINT = re.compile(r"^(\s*)(not ok|ok)\b\s*(\d+)?\s*(?:- )?(.*?)(?:\s+#\s*(skip|todo)\b(.*))?$", re.IGNORECASE)
_TAP_PLAN = re.compile(r"^1\.\.(\d+)\s*(#.*)?$")


def read_tap(text: str) -> Report:
    """TAP. Top-level points must be as many as the plan says; nested points carry the names above them."""
    points: list[tuple[int, str, str, str]] = []
    planned: int | None = None
    detail: dict[int, list[str]] = {}
    for line in text.splitlines():
        if plan := _TAP_PLAN.match(line):
            planned = int(plan[1])
        elif line.lstrip().startswith("Bail out!"):
            return Report(unreadable=f"the run bailed out: {line.strip()}")
        elif point := _TAP_POINT.match(line):
            state = "failed" if point[2].lower() == "not ok" else "passed"
            if point[5]:
                state = "skipped"
            points.append(
                (len(point[1]), point[4].strip() or f"test {point[3] or len(points) + 1}", state, point[6] or "")
            )
        elif points and points[-1][2] == "failed":
            lines = detail.setdefault(len(points) - 1, [])
            if len(lines) < 40:
                lines.append(line)
    if planned is None:
        return Report(unreadable="the output has no TAP plan (`1..n`)")
    top = sum(indent == 0 for indent, *_ in points)
    if top != planned:
        return Report(unreadable=f"TAP planned {planned} tests and told of {top}")
    # A point's subtests stand before it, deeper: read from the end, every name is known before what lies below it.
    cases: list[Case] = []
    above: list[tuple[int, str]] = []
    for index in range(len(points) - 1, -1, -1):
        indent, name, state, note = points[index]
        while above and above[-1][0] >= indent:
            above.pop()
        names = [*(parent for _, parent in above), name]
        above.append((indent, name))
        has_subtests = index > 0 and points[index - 1][0] > indent
        if not has_subtests:
            told = "\n".join(detail.get(index, [])) or note.strip()
            cases.append(Case(id=" > ".join(names), outcome=cast(Outcome, state), detail=told[-4000:]))
    failed_leaves = [case.id for case in cases if case.outcome == "failed"]
    lonely = [name for indent, name, state, _ in points if indent == 0 and state == "failed"]
    for name in lonely:
        if not any(case == name or case.startswith(f"{name} > ") for case in failed_leaves):
            cases.append(Case(id=name, outcome="failed"))
    return Report(cases=merged(reversed(cases)))


_CARGO_BINARY = re.compile(r"^\s*(?:Running (?:unittests )?(\S+)(?: \(.*\))?|Doc-tests (\S+))\s*$")
_CARGO_TEST = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)\b")
_CARGO_RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;")
_CARGO_STDOUT = re.compile(r"^---- (.+?) stdout ----$")
_RUST_PLACE = re.compile(r"panicked at (?:.*, )?([^\s:]+\.rs):(\d+):\d+")


def read_cargo(text: str) -> Report:
    """`cargo test`. Each binary's lines are counted against its own `test result` line."""
    cases: list[Case] = []
    binary, open_binary = "", False
    section: list[tuple[str, Outcome]] = []
    printed: dict[str, list[str]] = {}
    current = ""
    words: dict[str, Outcome] = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}
    for line in text.splitlines():
        if found := _CARGO_BINARY.match(line):
            if open_binary:
                return Report(cases=merged(cases), unreadable=f"the tests of {binary} ended without a result line")
            binary, section, open_binary, current = found[1] or f"doc {found[2]}", [], True, ""
        elif found := _CARGO_TEST.match(line):
            section.append((found[1], words[found[2]]))
        elif found := _CARGO_RESULT.match(line):
            told = [sum(state == wanted for _, state in section) for wanted in ("passed", "failed", "skipped")]
            if told != [int(found[1]), int(found[2]), int(found[3])]:
                return Report(cases=merged(cases), unreadable=f"the result line of {binary} does not match its tests")
            for name, state in section:
                detail = "\n".join(printed.get(name, ()))[-4000:]
                place = _RUST_PLACE.search(detail)
                cases.append(
                    Case(
                        id=f"{binary}::{name}",
                        outcome=state,
                        detail=detail,
                        path=place[1] if place else binary if binary.endswith(".rs") else "",
                        line=int(place[2]) if place else 0,
                    )
                )
            open_binary, printed, current, section = False, {}, "", []
        elif found := _CARGO_STDOUT.match(line):
            current = found[1]
        elif current:
            if line == "failures:":
                current = ""
            else:
                printed.setdefault(current, []).append(line)
    if open_binary:
        return Report(cases=merged(cases), unreadable=f"the tests of {binary} ended without a result line")
    if not cases and "test result:" not in text:
        return Report(unreadable="the output holds no `test result` line of cargo")
    return Report(cases=merged(cases))


def read_go(text: str) -> Report:
    """`go test -json`. A package that failed without a failing test did not build, or died."""
    words: dict[str, Outcome] = {"pass": "passed", "fail": "failed", "skip": "skipped"}
    cases: list[Case] = []
    printed: dict[tuple[str, str], list[str]] = {}
    started: set[tuple[str, str]] = set()
    packages: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("{"):
            continue
        try:
            event = json.loads(line)
            action, package = str(event["Action"]), str(event.get("Package", event.get("ImportPath", "")))
        except (ValueError, KeyError, TypeError):
            continue
        test = str(event.get("Test", ""))
        key = (package, test)
        match action:
            case "run":
                started.add(key)
            case "output" | "build-output":
                lines = printed.setdefault(key, [])
                if len(lines) < 200:
                    lines.append(str(event.get("Output", "")))
            case "pass" | "fail" | "skip" if test:
                started.discard(key)
                place = re.search(r"(\S+_test\.go):(\d+):", "".join(printed.get(key, ())))
                detail = "" if action == "pass" else "".join(printed.get(key, ()))[-4000:]
                found = int(place[2]) if place else 0
                cases.append(Case(id=f"{package}::{test}", outcome=words[action], detail=detail, line=found))
            case "pass" | "fail" | "skip":
                packages[package] = action
            case _:
                pass
    for package, state in packages.items():
        own = [case for case in cases if case.id.startswith(f"{package}::")]
        if state == "fail" and not any(case.outcome == "failed" for case in own):
            detail = "".join(line for key, lines in printed.items() if key[0].startswith(package) for line in lines)
            cases.append(Case(id=f"{package} (build)", outcome="failed", detail=detail[-4000:]))
    if not packages:
        return Report(unreadable="the output holds no package result of `go test -json`")
    left = ", ".join(sorted(test for _, test in started))
    return Report(cases=merged(cases), unreadable=f"these tests began and never ended: {left}" if left else "")


def _line_in(stack: str, path: str) -> int:
    """Where a stack of node passes through the test's own file; 0 = nowhere."""
    place = re.search(rf"{re.escape(path)}:(\d+):\d+", stack) if path else None
    return int(place[1]) if place else 0


def read_jest(data: bytes, root: str) -> Report:
    """The JSON report of jest, which vitest writes too."""
    words: dict[str, Outcome] = {"passed": "passed", "failed": "failed"}
    try:
        cases = []
        for file in json.loads(data)["testResults"]:
            path = str(file["name"]).removeprefix(root.rstrip("/") + "/")
            if file.get("status") == "failed" and not file["assertionResults"]:
                cases.append(
                    Case(id=f"{path} (file)", outcome="failed", detail=str(file.get("message", ""))[-4000:], path=path)
                )
            for test in file["assertionResults"]:
                name = " > ".join([path, *test.get("ancestorTitles", ()), test["title"]])
                detail = "\n".join(test.get("failureMessages") or ())[:MOST_DETAIL]
                line = int((test.get("location") or {}).get("line") or 0) or _line_in(detail, path)
                outcome = words.get(test["status"], "skipped")
                cases.append(Case(id=name, outcome=outcome, detail=detail, path=path, line=line))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Report(unreadable=f"the JSON report cannot be read: {error!r}")
    return Report(cases=merged(cases))


def read_mocha(data: bytes, root: str) -> Report:
    """The JSON report of mocha."""
    try:
        document = json.loads(data)
        pending = {str(test["fullTitle"]) for test in document["pending"]}
        cases = []
        for test in [*document["tests"], *document["failures"]]:
            path = str(test.get("file") or "").removeprefix(root.rstrip("/") + "/")
            title = str(test["fullTitle"])
            error = test.get("err") or {}
            outcome: Outcome = "skipped" if title in pending else "failed" if error else "passed"
            detail = str(error.get("stack", ""))[:MOST_DETAIL]
            line = _line_in(detail, path)
            cases.append(Case(id=f"{path} > {title}", outcome=outcome, detail=detail, path=path, line=line))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Report(unreadable=f"the JSON report cannot be read: {error!r}")
    return Report(cases=merged(cases))


_SUMMARIES: tuple[tuple[str, str], ...] = (
    (r"^\s*(?:=+ )?(?:(\d+) failed, )?(\d+) passed(?:, (\d+) skipped)?.* in [\d.]+", "failed passed skipped"),
    (
        r"^Tests:\s+(?:(\d+) failed, )?(?:(\d+) skipped, )?(?:\d+ todo, )?(?:(\d+) passed, )?\d+ total",
        "failed skipped passed",
    ),
    (r"^FAILED \((?:failures=(\d+))?(?:, )?(?:errors=(\d+))?(?:, )?(?:skipped=(\d+))?", "failed failed skipped"),
    (r"^OK \(skipped=(\d+)", "skipped"),
    (r"^\s+(\d+) passing\b", "passed"),
    (r"^\s+(\d+) failing\b", "failed"),
    (r"^\s+(\d+) pending\b", "skipped"),
)


def read_summary(text: str) -> Report:
    """Counts from a well-known last line. Weak: it has no test ids, so only numbers can be compared."""
    counts: dict[str, int] = {}
    for pattern, names in _SUMMARIES:
        for found in re.finditer(pattern, text, re.MULTILINE):
            for name, number in zip(names.split(), found.groups(), strict=True):
                counts[name] = counts.get(name, 0) + int(number or 0)
    if ran := re.search(r"^Ran (\d+) tests? in ", text, re.MULTILINE):
        counts["passed"] = int(ran[1]) - sum(counts.values())
    if not counts:
        return Report(unreadable="no test runner that is known here said anything")
    cases = [
        Case(id=f"({outcome} {number})", outcome=cast(Outcome, outcome))
        for outcome, count in counts.items()
        for number in range(1, min(count, MOST_CASES) + 1)
    ]
    return Report(cases=tuple(cases), weak="only a summary line could be read: tests are counted, not known by name")
