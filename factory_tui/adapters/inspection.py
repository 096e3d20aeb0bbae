"""One inspection of level 2: what was gathered about one tree on the way, and the result that it comes to.

Nothing is run here; `checks` runs, and gives what a run told. What cannot be read has not passed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from factory_tui.adapters import smoke_findings as say
from factory_tui.adapters.inventory import Inventory
from factory_tui.adapters.smoke import SmokeRun
from factory_tui.adapters.test_reports import Case
from factory_tui.domain.gate import Smoke
from factory_tui.domain.terms import CommitId, Evidence, Finding, TreeId, Verdict
from factory_tui.engine.ports import EvidenceStore, InspectionResult, RunResult


@dataclass(kw_only=True)
class Inspection:
    """What is gathered on the way to one result. `progress` is told one line a step."""

    tree: TreeId
    base: CommitId
    store: str
    """Of base's prepared dependencies; empty: none."""
    settings: Smoke
    """Of the base."""
    inventory: Inventory
    progress: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    findings: list[Finding] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    tripwire: str = "not tried"
    base_tests: str = "not tried"
    hooks: str = ""

    async def keep(self, store: EvidenceStore, run: SmokeRun, label: str) -> None:
        """What the run said and wrote, as evidence."""
        self.evidence.append(await asyncio.to_thread(store.put, run.result.output, f"{label}: output"))
        for name, data in run.files.items():
            self.evidence.append(await asyncio.to_thread(store.put, data, f"{label}: {name}"))

    def judge_base(self) -> None:
        """Whether anything can be said to be lost at all."""
        if why := self.inventory.unusable:
            title = "base's own tests could not be read: nothing can be said to be lost"
            self.findings.append(say.must_answer(title, f"{why}\n{self.inventory.output}"))

    def judge_tests(
        self, run: SmokeRun, again: SmokeRun | None, old: SmokeRun | None
    ) -> tuple[tuple[str, ...], int, int]:
        """`old` ran base's tests against the candidate's source. Returns what is lost, how many passed and failed."""
        settings, inventory = self.settings, self.inventory
        flaky = set(settings.known_flaky) | set(inventory.flaky)
        reading = say.compare(run, again, inventory, settings.known_red, settings.known_flaky)
        red_of_base = self._judge_base_tests(run if old is None else old, flaky)
        self.findings += say.red_findings(reading, flaky)
        self.findings += say.lost_findings(reading, run, red_of_base if old is not None else {})
        self.findings += say.base_test_findings(reading, red_of_base)
        if run.report.weak:
            self.findings.append(say.must_answer("tests were only counted", run.report.weak))
        passed = len(run.report.ids("passed")) + len(reading.wavering)
        return reading.lost, passed, len(run.report.ids("failed")) - len(reading.wavering)

    def _judge_base_tests(self, measured: SmokeRun, flaky: set[str]) -> dict[str, Case | None]:
        if self.inventory.unusable:
            self.base_tests = "not tried: the base could not be read"
            return {}
        if not self.inventory.passed:
            self.base_tests = "not tried: no test passes on the base"
            return {}
        if why := measured.unusable or ("" if measured.report.executed else "no test was executed"):
            self.base_tests = f"not tried: {why}"
            title = "base's tests could not run against the candidate's source"
            self.findings.append(say.must_answer(title, f"{why}\n{say.tail(measured.result.output)}"))
            return {}
        red = say.red_base_tests(measured, self.inventory, self.settings.known_red, flaky)
        self.base_tests = f"red: {len(red)}" if red else "green"
        return red

    def judge_run(self, run: SmokeRun, again: SmokeRun | None, boot: RunResult | None) -> None:
        """How the runs ended, and what they did to the tree."""
        code = (again or run).result.exit_code
        if code != 0 and not (again or run).report.ids("failed"):
            title = f"the smoke command ended with exit code {code} although no test was red"
            if code == self.inventory.exit_code and not self.inventory.red:
                self.findings.append(say.must_answer(f"{title}, as on the base", say.tail(run.result.output)))
            else:
                self.findings.append(say.blocks(title, say.tail(run.result.output)))
        title = "the run changed a file of the tree that it tests"
        for path in run.alteration.changed[:20]:
            as_before = path in self.inventory.changed
            found = say.must_answer(f"{title}, as on the base", "", path) if as_before else say.blocks(title, path=path)
            self.findings.append(found)
        created = [path for path in run.alteration.created if path not in self.inventory.created]
        if created:
            self.findings.append(say.note(f"the run left new files behind: {say.named(created)}"))
        if boot is not None and boot.exit_code != 0:
            ending = boot.killed or f"exit code {boot.exit_code}"
            title = f"the application does not start: `{self.settings.boot}` ended with {ending}"
            self.findings.append(say.blocks(title, say.tail(boot.output)))

    def unreadable(self, run: SmokeRun) -> InspectionResult:
        """The result of a first run that cannot be read, or ran no test."""
        verdict = Verdict.BROKEN if run.unusable else Verdict.NOT_RUN
        why = run.unusable or "no test was executed"
        ending = run.result.killed or f"exit code {run.result.exit_code}"
        detail = f"`{self.settings.command}` ended with {ending}.\n{say.tail(run.result.output)}"
        self.findings.insert(0, say.blocks(why, detail))
        reading = say.compare(run, None, self.inventory, self.settings.known_red, self.settings.known_flaky)
        self.findings += say.red_findings(reading, ())
        self.tripwire = self.base_tests = f"not tried: {why}"
        passed, failed = len(run.report.ids("passed")), len(run.report.ids("failed"))
        return self.result(verdict, run, passed=passed, failed=failed, lost=reading.lost)

    def result(
        self, verdict: Verdict, run: SmokeRun, *, passed: int, failed: int, lost: tuple[str, ...]
    ) -> InspectionResult:
        """Everything that was gathered, and one line that says it."""
        skipped = len(run.report.ids("skipped"))
        parts = [f"{passed} passed", f"{failed} failed"]
        parts += [f"{skipped} skipped"] if skipped else []
        parts += [f"{len(lost)} lost"] if lost else []
        parts += [f"tripwire {self.tripwire}", f"base's tests {self.base_tests}"]
        parts += [self.hooks] if self.hooks else []
        summary = ", ".join(parts)
        if verdict in (Verdict.BROKEN, Verdict.NOT_RUN):
            summary = self.findings[0].title if run.unusable or not run.report.executed else summary
        return InspectionResult(
            verdict=verdict,
            findings=tuple(self.findings),
            evidence=tuple(self.evidence),
            passed=passed,
            failed=failed,
            skipped=skipped,
            lost=lost,
            tripwire=self.tripwire,
            base_tests=self.base_tests,
            seconds=time.monotonic() - self.began,
            base_total=self._base_total(),
            summary=summary,
        )

    def _base_total(self) -> int | None:
        if self.inventory.unusable:
            return None
        return len(self.inventory.passed) + len(self.inventory.red) + len(self.inventory.flaky)


def ended_early(verdict: Verdict, why: str, began: float) -> InspectionResult:
    """The result when no run could be made at all. `began` is of the monotonic clock."""
    first = why.split("\n", 1)[0]
    return InspectionResult(
        verdict=verdict,
        findings=(say.blocks(first, why),),
        evidence=(),
        passed=0,
        failed=0,
        skipped=0,
        lost=(),
        tripwire=f"not tried: {first}",
        base_tests=f"not tried: {first}",
        seconds=time.monotonic() - began,
        summary=first,
    )
