"""Gate level 2: smoke on clean exports of exactly one tree, with base's settings.

Three runs answer three questions. The candidate's own: is it green, is anything lost? A copy with a hidden failing
test: does a failure turn the run red at all? The candidate's source below base's tests: did the change make the tests
agree with it? An exit code alone says nothing, and whatever cannot be read has not passed.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from factory_tui.adapters import smoke_findings as say
from factory_tui.adapters import tripwire
from factory_tui.adapters.dependencies import PreparedStores, changed_lock_files, environment_of, toolchain_roots
from factory_tui.adapters.harness import harness_files, lay_over, manifest
from factory_tui.adapters.hooks import CONFIGURATION, HookResult, run_hooks
from factory_tui.adapters.inspection import Inspection, ended_early
from factory_tui.adapters.inventory import Inventories, Inventory, inventory_of
from factory_tui.adapters.packages import PackageStores
from factory_tui.adapters.processes import to_the_end
from factory_tui.adapters.smoke import SmokeRun, SmokeRunner
from factory_tui.domain.errors import WorldError
from factory_tui.domain.gate import Dependencies, Smoke
from factory_tui.domain.globs import matches
from factory_tui.domain.terms import CommitId, FetchedPackages, TreeId, Verdict
from factory_tui.engine.ports import Equipment, EvidenceStore, InspectionResult, RunResult, Sandbox, Worktrees

BOOT_SECONDS = 120.0


class SmokeChecks:
    """`Checks` for one set of settings, which the caller has read from the base. `place` is a directory of ours."""

    def __init__(
        self,
        worktrees: Worktrees,
        sandbox: Sandbox,
        evidence: EvidenceStore,
        smoke: Smoke,
        dependencies: Dependencies,
        place: str | Path,
        *,
        at_once: int | None = None,
    ) -> None:
        """`at_once`: runs of this machine; services allow one."""
        self._worktrees, self._sandbox, self._evidence = worktrees, sandbox, evidence
        self._smoke, self._dependencies = smoke, dependencies
        self.stores = PreparedStores(worktrees, sandbox, dependencies, Path(place) / "prepared")
        self._packages = PackageStores(Path(place) / "packages")
        self._runner = SmokeRunner(sandbox, smoke, dependencies, self.stores, Path(place) / "reports", self._packages)
        self._base_runner = self._runner
        self._inventories = Inventories(Path(place) / "inventories")
        self._settings = hashlib.sha256(msgspec.json.encode([smoke, dependencies, sandbox.wall])).hexdigest()
        cores = at_once or max(1, min(2, os.cpu_count() or 1))
        self._slots = asyncio.Semaphore(1 if dependencies.services else cores)

    # --- the way through ------------------------------------------------------------------------

    async def inspect(
        self, tree: TreeId, base: CommitId, progress: Callable[[str], None] = lambda line: None
    ) -> InspectionResult:
        """Never raises for what a candidate does: what could not be found out is `broken`, with the reason."""
        began = time.monotonic()
        if not self._smoke.command.strip():
            why = "no smoke command is set: nothing was run"
            return ended_early(Verdict.NOT_RUN, why, began)
        try:
            store = await self.stores.ready(base)
            inventory = await self.inventory(base, progress)
            inspection = Inspection(
                tree=tree,
                base=base,
                store=store,
                settings=self._smoke,
                inventory=inventory,
                progress=progress,
                began=began,
            )
            return await self._inspect(inspection)
        except WorldError as error:
            return ended_early(Verdict.BROKEN, str(error), began)

    async def inventory(self, base: CommitId, progress: Callable[[str], None] = lambda line: None) -> Inventory:
        """What base's tests do; one run, two when some are red, none when it is known already."""
        tree = await self._worktrees.tree_of(base)
        store = await self.stores.ready(base)
        key = hashlib.sha256(f"{tree} {self._settings} {store}".encode()).hexdigest()

        async def make() -> Inventory:
            progress("smoke: what base's own tests do")
            first = await self._run_base(base, store)
            red = set(first.report.ids("failed")) - set(self._smoke.known_red)
            again = None
            if red and not first.unusable:
                progress(f"smoke: {len(red)} red on the base, once more")
                again = await self._run_base(base, store)
            return inventory_of(key, first, again, self._base_runner.plain_junit)

        found = await self._inventories.get(key, make)
        self._runner.plain_junit = self._base_runner.plain_junit = found.plain_junit
        return found

    async def run_once(self, treeish: str, base: CommitId) -> SmokeRun:
        """One run of the smoke command on one tree, without judging it: for a survey."""
        return await self._run_tree(treeish, await self.stores.ready(base), "survey")

    def giving(self, fetched: Sequence[FetchedPackages]) -> SmokeChecks:
        """Satisfies `ports.Checks`. What is known of the base, and how much runs at once, is shared."""
        twin = copy.copy(self)
        twin._runner = self._base_runner.giving(fetched)
        return twin

    async def equip(self, directory: str, base: CommitId) -> Equipment:
        """Base's prepared dependencies in a seat's tree; again in the same tree it changes nothing."""
        store = await self.stores.ready(base)
        if store and not all((Path(directory) / name).exists() for name in self._dependencies.prepared):
            await asyncio.to_thread(self.stores.give, store, directory)
        await to_the_end(asyncio.to_thread(self._packages.lay, self._runner.fetched, directory))
        own = Equipment(
            environment=environment_of(self._dependencies, self._smoke.environment),
            readable=toolchain_roots(self._dependencies),
            held=self._dependencies.prepared if store else (),
        )
        return self._packages.equipment(self._runner.fetched, own)

    async def _inspect(self, inspection: Inspection) -> InspectionResult:
        inspection.judge_base()
        async with self._export(inspection.tree, "candidate") as directory:
            wired = asyncio.create_task(self._try_tripwire(inspection))
            based = asyncio.create_task(self._try_base_tests(inspection))
            try:
                inspection.progress("smoke: the candidate's tests")
                async with self._slots:
                    run = await self._runner.run(directory, inspection.store)
                await inspection.keep(self._evidence, run, "smoke")
                if run.unusable or not run.report.executed:
                    return inspection.unreadable(run)
                boot = await self._boot(inspection, directory)
                wire, old = await wired, await based
                again = await self._again_if_flaky(inspection, run)
            finally:
                wired.cancel()
                based.cancel()
                await asyncio.gather(wired, based, return_exceptions=True)
        await self._judge_tripwire(inspection, run, wire)
        lost, passed, failed = inspection.judge_tests(run, again, old)
        inspection.judge_run(run, again, boot)
        await self._judge_change(inspection)
        blocked = any(finding.severity == "blocks" for finding in inspection.findings)
        verdict = Verdict.FAIL if blocked else Verdict.PASS
        if not blocked and not passed:
            verdict = Verdict.NOT_RUN
            inspection.findings.append(say.blocks("no test passed: nothing is shown by this run"))
        if written := await asyncio.to_thread(self.stores.written_to, inspection.store):
            verdict = Verdict.BROKEN
            inspection.findings.append(say.blocks(f"a run wrote into the prepared dependencies: {written}"))
        return inspection.result(verdict, run, passed=passed, failed=failed, lost=lost)

    # --- the runs -------------------------------------------------------------------------------

    @asynccontextmanager
    async def _export(self, treeish: str, purpose: str) -> AsyncIterator[str]:
        name = f"{purpose}-{treeish[:12]}-{secrets.token_hex(4)}"
        made = asyncio.ensure_future(self._worktrees.export(treeish, name))
        try:
            yield await asyncio.shield(made)
        finally:
            # Cancelled while it is being made: it is waited for, or nobody would ever remove it.
            if not made.done():
                await asyncio.wait([made])
            if made.exception() is None:
                await to_the_end(self._worktrees.discard_export(made.result()))

    async def _run_base(self, base: CommitId, store: str) -> SmokeRun:
        async with self._slots, self._export(base, "base") as directory:
            return await self._base_runner.run(directory, store)

    async def _run_tree(self, treeish: str, store: str, purpose: str) -> SmokeRun:
        async with self._slots, self._export(treeish, purpose) as directory:
            return await self._runner.run(directory, store)

    async def _again_if_flaky(self, inspection: Inspection, run: SmokeRun) -> SmokeRun | None:
        flaky = set(self._smoke.known_flaky) | set(inspection.inventory.flaky)
        if not flaky & set(run.report.ids("failed")):
            return None
        inspection.progress("smoke: a known flaky test was red, once more")
        again = await self._run_tree(inspection.tree, inspection.store, "again")
        await inspection.keep(self._evidence, again, "smoke, second run")
        return again

    async def _boot(self, inspection: Inspection, directory: str) -> RunResult | None:
        if not self._smoke.boot.strip():
            return None
        inspection.progress("smoke: does it start")
        async with self._slots:
            return await self._runner.command(directory, self._smoke.boot, min(BOOT_SECONDS, self._smoke.seconds))

    async def _try_tripwire(
        self, inspection: Inspection, treeish: str = "", modules: tuple[str, ...] = ()
    ) -> tuple[tripwire.Wire, SmokeRun] | None:
        """None when there is no module to hide a failing test in."""
        async with self._slots, self._export(treeish or inspection.tree, "tripwire") as directory:
            wanted = modules or inspection.inventory.modules
            tests = tuple(name for name in wanted if matches(name, self._smoke.harness)) or wanted
            wire = await to_the_end(asyncio.to_thread(tripwire.lay, directory, tests))
            if wire is None and not modules:
                present = await asyncio.to_thread(manifest, directory)
                tests = tuple(name for name in present if matches(name, self._smoke.harness) or name.endswith(".rs"))
                wire = await to_the_end(asyncio.to_thread(tripwire.lay, directory, tests))
            if wire is None:
                return None
            inspection.progress("smoke: tripwire")
            return wire, await self._runner.run(directory, inspection.store)

    async def _try_base_tests(self, inspection: Inspection) -> SmokeRun | None:
        """Base's tests and test configuration against the candidate's source; None when the candidate has the same."""
        async with self._export(inspection.base, "base") as old, self._export(inspection.tree, "base-tests") as new:
            base_files, files = await asyncio.to_thread(manifest, old), await asyncio.to_thread(manifest, new)
            wanted = harness_files(self._smoke.command, base_files, self._smoke.harness)
            present = harness_files(self._smoke.command, files, self._smoke.harness)
            if wanted == present and all(base_files[name] == files[name] for name in wanted):
                return None
            await to_the_end(asyncio.to_thread(lay_over, old, new, wanted, present - wanted))
            async with self._slots:
                inspection.progress("smoke: base's tests against the candidate's source")
                return await self._runner.run(new, inspection.store)

    # --- what they mean -------------------------------------------------------------------------

    async def _judge_tripwire(
        self, inspection: Inspection, run: SmokeRun, tried: tuple[tripwire.Wire, SmokeRun] | None
    ) -> None:
        if tried is None:
            inspection.tripwire = "not tried: no test module to hide a failing test in"
            inspection.findings.append(say.must_answer("the tripwire was not tried", inspection.tripwire))
            return
        wire, result = tried
        await inspection.keep(self._evidence, result, "smoke with tripwire")
        if _is_seen(wire, result, len(run.report.ids("failed"))):
            inspection.tripwire = "seen"
            return
        # A command that never looks into this module would not have seen it on the base either.
        control = await self._try_tripwire(inspection, inspection.base, (wire.path,))
        control = control or await self._try_tripwire(inspection, inspection.base)
        if control is not None and not _is_seen(*control, len(inspection.inventory.red)):
            inspection.tripwire = f"not tried: a new test in {control[0].path} is not run on the base either"
            inspection.findings.append(
                say.must_answer("the tripwire proves nothing here", inspection.tripwire, wire.path)
            )
            return
        inspection.tripwire = "unseen"
        detail = (
            f"A failing test was added to {wire.path} in a throw-away copy. The run ended with exit code"
            f" {result.result.exit_code} and did not report it as failed.\n{say.tail(result.result.output)}"
        )
        inspection.findings.append(say.blocks("a failing test does not turn the run red", detail, wire.path))

    async def _judge_change(self, inspection: Inspection) -> None:
        base_tree = await self._worktrees.tree_of(inspection.base)
        change = await self._worktrees.change(base_tree, inspection.tree)
        inspection.findings += say.knows_of_tests(change, self._smoke.harness)
        inspection.findings += say.stands_in_for_the_runner(change)
        inspection.findings += changed_lock_files(change, self._dependencies)
        if not self._smoke.hooks:
            return
        configuration = await self._worktrees.read_file(inspection.base, CONFIGURATION)
        hooks = HookResult("none")
        if configuration is not None:
            inspection.progress("smoke: the repository's own hooks")
            async with self._slots, self._export(inspection.tree, "hooks") as directory:
                await self._runner.make_ready(directory, inspection.store)
                boundary = self._runner.boundary(directory, (), self._runner.plain_environment())
                hooks = await run_hooks(self._sandbox, boundary, configuration, change.paths)
            if hooks.output:
                inspection.evidence.append(await asyncio.to_thread(self._evidence.put, hooks.output, "hooks output"))
        inspection.hooks = hooks.summary
        inspection.findings += hooks.findings


def _is_seen(wire: tripwire.Wire, run: SmokeRun, red_without: int) -> bool:
    """With a weak reading, one more test than the `red_without` it must be red."""
    if run.result.exit_code == 0:
        return False
    failed = run.report.ids("failed")
    return len(failed) > red_without if run.report.weak else any(wire.name in test for test in failed)
