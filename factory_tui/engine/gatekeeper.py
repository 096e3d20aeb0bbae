"""The gate's jobs: briefs sealed, trees imported and inspected, commits made, changes landed, worktrees kept.

Each job looks at the state, touches the world through a port, and records what it found. Which job is owed, and what a
finding means, is decided elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import (
    CheckLandingJob,
    CloseWorktreeJob,
    CommitJob,
    InspectJob,
    LandJob,
    ReleaseJob,
    SealBriefJob,
)
from factory_tui.domain.brief import Material, compose
from factory_tui.domain.charter import Charter
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import WorldError
from factory_tui.domain.globs import matches
from factory_tui.domain.redaction import Redactor
from factory_tui.domain.state import Mission, State, Task
from factory_tui.domain.terms import Actor, Change, CommitId, Evidence
from factory_tui.engine.attesting import Attesting
from factory_tui.engine.factory import Factory
from factory_tui.engine.ports import Checks, EvidenceStore, LandingPlan, Progress, Worktrees
from factory_tui.engine.seat_ports import ActionResult

BY = Actor(kind="factory", name="gatekeeper")


class Gatekeeper:
    """Carries out the gate's jobs for one factory."""

    def __init__(
        self,
        *,
        factory: Factory,
        worktrees: Worktrees,
        evidence: EvidenceStore,
        checks_for: Callable[[Charter], Checks],
        progress: Progress,
        redactor: Redactor | None = None,
        attesting: Attesting | None = None,
    ) -> None:
        """`attesting`: who makes the evidence of a landing; None = nothing is signed."""
        self._factory = factory
        self._worktrees = worktrees
        self._evidence = evidence
        self._checks_for = checks_for
        self._progress = progress
        self._redactor = redactor or Redactor()
        self._attesting = attesting
        self._checks: tuple[str, Checks] | None = None
        self._inspecting = asyncio.Semaphore(2)
        self.moving = asyncio.Lock()
        """Held by whoever moves a branch."""

    # --- briefs ----------------------------------------------------------------------------------

    async def seal_brief(self, job: SealBriefJob) -> None:
        state = self._factory.state
        task = state.tasks[job.task]
        assert task.handoff
        digest = state.digest.evidence if state.digest else None
        wants_diff = task.handoff.purpose == "review" or task.rebase
        diff = task.candidate.diff if task.candidate and wants_diff else None
        material = Material(
            digest=self._text(digest), diff=self._text(diff), handed_on=self._text(task.handoff.handed_on)
        )
        draft = compose(state, task, task.handoff, material)
        command: c.Command
        if draft.problem:
            limit = state.law.gate.pace.brief_bytes
            command = c.RefuseBrief(handoff=job.handoff, size=draft.size, limit=limit, largest=draft.largest)
        else:
            brief = self._evidence.put(draft.text.encode(), f"brief of {job.handoff}")
            command = c.SealBrief(handoff=job.handoff, brief=brief, inputs=draft.inputs)
        if self._factory.state.tasks.get(job.task) is task:
            self._factory.submit(command, BY)

    def _text(self, evidence: Evidence | None) -> str:
        return self._evidence.get(evidence.sha256).decode("utf-8", "replace") if evidence else ""

    async def release(self, job: ReleaseJob) -> None:
        self._factory.submit(c.ReleaseHandoff(handoff=job.handoff), BY)

    # --- level 2 and the commit ------------------------------------------------------------------

    async def commit(self, turn: str, action: str, directory: str, message: str) -> ActionResult:
        """An author's commit: the worktree as data, path policy, rules, level 2, the commit. Or the reason."""
        state = self._factory.state
        task = state.tasks[state.turn(turn).task]
        base = task.worktree_base
        imported = await self._worktrees.import_tree(directory, base)
        diff = await self._worktrees.diff(base, imported.tree) if imported.tree else b""
        kept = self._evidence.put(diff, f"diff of {task.id}")
        locks = _lock_files(state, imported.change)
        entries = self._factory.submit(
            c.ImportTree(
                turn=turn,
                action=action,
                tree=imported.tree,
                base=base,
                change=imported.change,
                diff=kept,
                message=message.strip() or task.title,
                refused=(*imported.refused, *self._secrets_in(imported.change)),
                newly_ignored=imported.newly_ignored,
                lock_files=locks,
            ),
            BY,
        )
        refused = (entry.event for entry in entries if isinstance(entry.event, e.ActionEnded))
        ended = next(refused, None) or await self._end_of(turn, action)
        told = f"{ended.summary}" if ended else "the turn ended before level 2 answered"
        ok = ended is not None and ended.result == "ok"
        return ActionResult(ok=ok, decision="allow", text=told, exit_code=0 if ok else 1)

    def _secrets_in(self, change: Change) -> tuple[str, ...]:
        """Lines with a secret that this process holds. What only looks like one is for a rule to judge."""
        return tuple(str(found) for found in self._redactor.in_change(change, shapes=False))

    async def _end_of(self, turn: str, action: str) -> e.ActionEnded | None:
        """Waits until the action is over; it may be over already."""
        found: list[e.ActionEnded] = []

        def look(entry: Entry, state: object) -> None:
            if isinstance(entry.event, e.ActionEnded) and entry.event.id == action:
                found.append(entry.event)

        end = self._factory.subscribe(look)
        try:
            await self._factory.until(lambda state: bool(found) or not _is_open(state, turn, action))
        finally:
            end()
        return found[0] if found else None

    def checks(self, task: str = "") -> Checks:
        """Level 2 by the settings in force, with the packages that came in for the task."""
        law = self._factory.state.law
        if self._checks is None or self._checks[0] != law.sha256:
            self._checks = (law.sha256, self._checks_for(law))
        known = self._factory.state.tasks.get(task)
        return self._checks[1].giving(known.packages) if known and known.packages else self._checks[1]

    async def inspect(self, job: InspectJob) -> None:
        async with self._inspecting:
            result = await self.checks(job.task).inspect(
                job.tree, job.base, lambda line: self._progress(job.task, f"level 2: {line}")
            )
        self._factory.submit(
            c.JudgeSmoke(
                task=job.task,
                tree=job.tree,
                base=job.base,
                verdict=result.verdict,
                summary=result.summary,
                findings=result.findings,
                evidence=result.evidence,
                tests_passed=result.passed,
                tests_failed=result.failed,
                tests_lost=result.lost,
                base_total=result.base_total,
            ),
            BY,
        )

    async def commit_tree(self, job: CommitJob) -> None:
        state = self._factory.state
        task = state.tasks[job.task]
        candidate = task.candidate
        assert candidate is not None
        commit = await self._worktrees.commit_tree(
            candidate.tree,
            (candidate.base,),
            f"{candidate.message.rstrip()}\n\nFactory-Task: {task.id}\nFactory-Turn: {candidate.turn}\n",
            candidate.author,
            candidate.at,
            f"refs/factory/tasks/{task.id}/{candidate.action}-{candidate.tree[:16]}",
        )
        self._factory.submit(c.RecordCommit(task=task.id, tree=candidate.tree, commit=commit), BY)

    # --- landing ---------------------------------------------------------------------------------

    async def check_landing(self, job: CheckLandingJob) -> None:
        """Looks at the target as it is now, and tries the merge when it moved."""
        task = self._factory.state.tasks[job.task]
        candidate = task.candidate
        assert candidate is not None
        onto = await self._target_head(self._factory.state.missions[task.mission])
        change = await self._worktrees.change(candidate.base, candidate.tree)
        check = c.CheckLanding(task=task.id, onto=onto, change=change)
        if onto != candidate.base:
            merged = await self._worktrees.merge(candidate.base, onto, candidate.commit)
            moved = await self._worktrees.change(candidate.base, onto)
            overlaps = tuple(sorted(set(moved.paths) & set(candidate.paths)))
            check = c.CheckLanding(
                task=task.id,
                onto=onto,
                merged=merged.tree,
                conflicts=merged.conflicts,
                overlaps=overlaps,
                change=change,
            )
        self._factory.submit(check, BY)

    async def _target_head(self, mission: Mission) -> CommitId:
        """Where the target is; what it starts from while it does not exist."""
        head = await self._worktrees.ref_head(mission.target)
        return head or mission.tip

    async def land(self, job: LandJob) -> None:
        """Intent on record, then the world, then the outcome. After a crash the world is asked; nothing is repeated."""
        async with self.moving:
            task = self._factory.state.tasks[job.task]
            if task.intent is None:
                await self._intend(task)
            task = self._factory.state.tasks.get(job.task, task)
            if task.intent is None:
                return
            intent = task.intent
            plan = LandingPlan(
                ref=intent.ref, old=intent.old, new=intent.new, checkout=intent.checkout, paths=intent.paths
            )
            try:
                if await self._worktrees.landed(plan) is not True:
                    await self._worktrees.land(plan)
            except WorldError as error:
                if await self._worktrees.landed(plan) is not False:
                    raise
                self._factory.submit(c.SettleLanding(task=task.id, landed=False, reason=str(error)), BY)
                return
            self._factory.submit(c.SettleLanding(task=task.id, landed=True), BY)

    async def _intend(self, task: Task) -> None:
        state = self._factory.state
        candidate = task.candidate
        assert candidate is not None
        mission = state.missions[task.mission]
        new = candidate.commit
        if task.merged:
            new = await self._worktrees.commit_tree(
                task.merged,
                (task.onto, candidate.commit),
                f"Merge {task.id} onto {mission.target}\n\nFactory-Task: {task.id}\n",
                candidate.author,
                candidate.at,
                f"refs/factory/tasks/{task.id}/{candidate.commit[:16]}-onto-{task.onto[:16]}",
            )
        plan = await self._worktrees.plan_landing(mission.target, new, task.onto)
        if plan.blocked:
            self._factory.submit(c.SettleLanding(task=task.id, landed=False, reason=plan.blocked), BY)
            return
        why, assurance = await self._attesting.attest(task.id, new) if self._attesting else ("", "")
        if why:
            self._factory.submit(c.SettleLanding(task=task.id, landed=False, reason=why), BY)
            return
        await self._factory.carried_out(
            c.IntendLanding(
                task=task.id,
                ref=plan.ref,
                old=plan.old,
                new=plan.new,
                checkout=plan.checkout,
                paths=plan.paths,
                assurance=assurance,
            ),
            BY,
        )

    async def close_worktree(self, job: CloseWorktreeJob) -> None:
        ref = await self._worktrees.close_worktree(job.name, job.task)
        self._factory.submit(c.RecordKept(task=job.task, name=job.name, ref=ref), BY)


def _is_open(state: State, turn: str, action: str) -> bool:
    running = state.turns.get(turn)
    return running is not None and action in running.open


def _lock_files(state: State, change: Change) -> tuple[str, ...]:
    globs = state.law.gate.dependencies.lock_files
    return tuple(path for path in change.paths if matches(path, globs))
