"""One run of the smoke command on one copy, and what it did, test by test.

The runner's own report is asked for by environment alone, in a private directory outside the copy: nothing is written
into the tree and the command stays as the settings have it. Code that runs in the tests' own process could still write
a report by hand; the tripwire and base's tests are there for that.
"""

from __future__ import annotations

import asyncio
import copy
import re
import secrets
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from factory_tui.adapters import test_reports
from factory_tui.adapters.dependencies import (
    PreparedStores,
    environment_of,
    toolchain_roots,
    with_services,
)
from factory_tui.adapters.harness import Alteration, alteration, manifest
from factory_tui.adapters.packages import PackageStores
from factory_tui.adapters.processes import remove_tree, to_the_end
from factory_tui.adapters.test_reports import Report
from factory_tui.domain.gate import Dependencies, Runner, Smoke
from factory_tui.domain.terms import FetchedPackages
from factory_tui.engine.ports import Boundary, Limits, RunResult, Sandbox, TestRun

PROBES = Path(__file__).with_name("probes")
PROBE_NAME = "factory_probe"
OUTPUT_BYTES = 16_000_000
_REPOSITORY = (
    "git init -q --template= . && git config user.name smoke && git config user.email smoke@localhost"
    " && git config core.hooksPath /dev/null && git config commit.gpgsign false"
    " && git add -Af . && git commit -q --allow-empty -m 'The tree under test'"
)
_PROBE_REFUSED = re.compile(rb"(No module named|Error importing plugin) ['\"]factory_probe")


@dataclass(frozen=True, kw_only=True)
class SmokeRun:
    """One run, read."""

    result: RunResult
    report: Report
    files: Mapping[str, bytes] = field(default_factory=dict)
    """The runner's own reports, as they were."""
    alteration: Alteration = field(default_factory=Alteration)
    service_failed: str = ""

    @property
    def unusable(self) -> str:
        """Why nothing can be said from this run; empty = its cases can be trusted as far as any."""
        if self.service_failed:
            return f"the service `{self.service_failed}` did not get ready"
        if self.result.killed:
            return f"the run was ended: {self.result.killed}"
        return self.report.unreadable

    def as_test_run(self) -> TestRun:
        ids = self.report.ids
        return TestRun(
            exit_code=self.result.exit_code,
            passed=ids("passed"),
            failed=ids("failed"),
            skipped=ids("skipped"),
            seconds=self.result.seconds,
            output=self.result.output,
            killed=self.result.killed,
            why_unreadable=self.unusable,
        )


class SmokeRunner:
    """Runs the smoke command of one set of settings. `place` is a directory of ours for private reports."""

    def __init__(
        self,
        sandbox: Sandbox,
        smoke: Smoke,
        dependencies: Dependencies,
        stores: PreparedStores,
        place: str | Path,
        packages: PackageStores,
    ) -> None:
        self._packages = packages
        self.fetched: tuple[FetchedPackages, ...] = ()
        """Packages that came in for the task whose tree is tested."""
        self._sandbox, self._smoke, self._dependencies, self._stores = sandbox, smoke, dependencies, stores
        self._place = Path(place)
        self.plain_junit = False
        """True once this project's pytest did not find our plugin: its own JUnit report is asked for instead."""

    def giving(self, fetched: Sequence[FetchedPackages]) -> SmokeRunner:
        twin = copy.copy(self)
        twin.fetched = tuple(fetched)
        return twin

    async def run(self, directory: str, store: str) -> SmokeRun:
        """Runs in `directory`, a fresh export that is given the prepared `store` and a throw-away repository."""
        before = await asyncio.to_thread(manifest, directory)
        await self.make_ready(directory, store)
        run = await self._once(directory)
        if not self.plain_junit and _PROBE_REFUSED.search(run.result.output) and not run.report.cases:
            self.plain_junit = True
            run = await self._once(directory)
        after = await asyncio.to_thread(manifest, directory, self._laid())
        changes = alteration(before, after)
        if self._smoke.report:
            changes = Alteration(
                changed=tuple(path for path in changes.changed if path != self._smoke.report), created=changes.created
            )
        return SmokeRun(
            result=run.result,
            report=run.report,
            files=run.files,
            alteration=changes,
            service_failed=run.service_failed,
        )

    async def make_ready(self, directory: str, store: str) -> None:
        """A throw-away repository of one commit, and the prepared directories."""
        await self._sandbox.run(["sh", "-c", _REPOSITORY], self.boundary(directory, ()), Limits(seconds=120))
        await to_the_end(asyncio.to_thread(self._stores.give, store, directory))
        await to_the_end(asyncio.to_thread(self._packages.lay, self.fetched, directory))

    def _laid(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._dependencies.prepared, *self._packages.laid(self.fetched))))

    async def command(self, directory: str, command: str, seconds: float) -> RunResult:
        """Runs another command of the settings, the boot command, with the same services and environment."""
        private = self._private()
        try:
            script = with_services(command, self._dependencies.services, str(private))
            boundary = self.boundary(directory, (str(private),), self.plain_environment())
            return await self._sandbox.run(["sh", "-c", script], boundary, Limits(seconds=seconds))
        finally:
            remove_tree(private)

    def plain_environment(self) -> dict[str, str]:
        """What a command of the settings is given, without our probes."""
        own = environment_of(self._dependencies, self._smoke.environment)
        return self._packages.environment(self.fetched, own)

    def boundary(
        self, directory: str, writable: tuple[str, ...], environment: Mapping[str, str] | None = None
    ) -> Boundary:
        roots = toolchain_roots(self._dependencies)
        return Boundary(
            cwd=directory,
            writable=(directory, *writable),
            readable=(*roots, *self._packages.readable(self.fetched)),
            # Other copies share their files.
            protected=tuple(f"{directory}/{name}" for name in self._laid()),
            environment=dict(environment or {}),
        )

    async def _once(self, directory: str) -> SmokeRun:
        private = self._private()
        try:
            if self._smoke.report:
                (Path(directory) / self._smoke.report).unlink(missing_ok=True)
            environment = instruments(self._smoke, self.plain_environment(), private, self.plain_junit)
            # A search path of the command's own hides the one in the environment.
            mine = ":".join((str(private / "probes"), *self._packages.readable(self.fetched)))
            command = re.sub(r"\bPYTHONPATH=", f"PYTHONPATH={shlex.quote(mine)}:", self._smoke.command)
            script = with_services(command, self._dependencies.services, str(private / "report"))
            result = await self._sandbox.run(
                ["sh", "-c", script],
                self.boundary(directory, (str(private),), environment),
                Limits(seconds=self._smoke.seconds, output_bytes=OUTPUT_BYTES),
            )
            files = await asyncio.to_thread(_files_in, private / "report")
            failed = files.pop("service-failed", b"").decode("utf-8", "replace").strip()
            if self._smoke.report:
                written = Path(directory) / self._smoke.report
                if written.is_file() and not written.is_symlink():
                    files["junit.xml"] = written.read_bytes()
            report = read(self._smoke.runner, files, result, directory)
            return SmokeRun(result=result, report=report, files=files, service_failed=failed)
        finally:
            remove_tree(private)

    def _private(self) -> Path:
        self._place.mkdir(parents=True, exist_ok=True)
        private = Path(tempfile.mkdtemp(prefix="report-", dir=self._place))
        (private / "report").mkdir()
        # `python -m` looks into the tree first: a name that no tree can know keeps the tree from answering for us.
        token = secrets.token_hex(8)
        (private / "probes").mkdir()
        for probe in PROBES.iterdir():
            if probe.is_file():
                text = probe.read_text("utf-8").replace(PROBE_NAME, f"{PROBE_NAME}_{token}")
                (private / "probes" / probe.name.replace(PROBE_NAME, f"{PROBE_NAME}_{token}")).write_text(text, "utf-8")
        return private


def instruments(smoke: Smoke, own: Mapping[str, str], private: Path, plain_junit: bool) -> dict[str, str]:
    """The environment that makes every runner we know tell what it did, whichever the command will call; `own` is what
    the settings give it."""
    probes, report = str(private / "probes"), str(private / "report")
    plugin = next(path.stem for path in (private / "probes").glob(f"{PROBE_NAME}_*_pytest.py"))
    pytest = f"-o junit_family=xunit1 --junitxml={report}/pytest-junit.xml" if plain_junit else f"-p {plugin}"
    node = [own.get("NODE_OPTIONS", ""), f'--require "{probes}/preload.cjs"']
    if "--test-reporter" not in smoke.command:
        node += [
            f'--test-reporter="{probes}/reporter.mjs"',
            f'--test-reporter-destination="{report}/node-test.jsonl"',
            "--test-reporter=spec",
            "--test-reporter-destination=stdout",
        ]
    return {
        "CI": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Where nothing is: compiled modules that lie in the tree need not be of its sources.
        "PYTHONPYCACHEPREFIX": f"{private}/no-compiled-modules",
        "CARGO_TERM_COLOR": "never",
        **own,
        "FACTORY_REPORT": report,
        "PYTHONPATH": ":".join(part for part in (probes, own.get("PYTHONPATH", "")) if part),
        "PYTEST_ADDOPTS": f"{own.get('PYTEST_ADDOPTS', '')} {pytest}".strip(),
        "NODE_OPTIONS": " ".join(part for part in node if part),
        "GOFLAGS": f"{own.get('GOFLAGS', '')} -json -count=1".strip(),
    }


def _files_in(report: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in sorted(report.iterdir()) if path.is_file() and not path.is_symlink()
    }


def read(runner: Runner, files: Mapping[str, bytes], result: RunResult, root: str) -> Report:
    """What the run did, by the runner named in the settings; `auto` takes whatever spoke."""
    text = result.output.decode("utf-8", "replace")
    from_files: dict[Runner, list[Report]] = {}

    def add(kind: Runner, report: Report) -> None:
        from_files.setdefault(kind, []).append(report)

    for name, data in files.items():
        match name.partition("-")[0]:
            case "pytest" if name.endswith(".xml"):
                add("pytest", test_reports.read_junit(data))
            case "pytest":
                add("pytest", test_reports.read_probe_lines(data, name))
            case "unittest":
                add("unittest", test_reports.read_probe_lines(data, name))
            case "node" if data.strip():
                add("node", test_reports.read_probe_lines(data, name))
            case "jest":
                add("node", test_reports.read_jest(data, root))
            case "mocha":
                add("node", test_reports.read_mocha(data, root))
            case "junit.xml":
                add("junit", test_reports.read_junit(data))
            case _:
                pass
    if runner != "auto" and runner in from_files:
        return test_reports.joined(from_files[runner])
    printed: dict[Runner, Callable[[str], Report]] = {
        "cargo": test_reports.read_cargo,
        "go": test_reports.read_go,
        "tap": test_reports.read_tap,
    }
    if runner in printed or (runner == "node" and re.search(r"^TAP version", text, re.MULTILINE)):
        if result.truncated:
            return Report(unreadable=f"the output is over {OUTPUT_BYTES} bytes, and the tests' results are in it")
        return printed.get(runner, test_reports.read_tap)(text)
    if runner == "auto":
        reports = [report for kind in from_files.values() for report in kind]
        marks = {"cargo": r"^running \d+ tests?$", "go": r'^\{"Time":.*"Action":', "tap": r"^TAP version \d+"}
        reports += [
            reader(text)
            for kind, reader in printed.items()
            if re.search(marks[kind], text, re.MULTILINE) and not (kind == "tap" and from_files)
        ]
        if reports:
            return test_reports.joined(reports)
    if runner == "junit":
        return Report(unreadable="the command did not write the JUnit file that `report` names")
    return test_reports.read_summary(text)
