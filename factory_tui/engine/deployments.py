"""Carrying out deployments: proposed with what runs now, intended, run once, settled by the world, checked, taken back.

Each command runs in an export of exactly the commit it is about, with credentials that no seat's process ever holds.
A job that is entered again after a crash repeats nothing: it asks the environment what runs there.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import AttestDeploymentJob, CheckDeploymentJob, DeployJob, Job, RollbackJob, owed_by
from factory_tui.domain.entries import Entry
from factory_tui.domain.environments import Environment
from factory_tui.domain.errors import FactoryError, WorldError
from factory_tui.domain.releasing import environment_of, landed_task, plan_of
from factory_tui.domain.state import Deployment, State
from factory_tui.domain.terms import CHECKS_OF, Actor, CheckRow, CommitId, DeployPlan, Evidence
from factory_tui.engine.deploy_ports import Commands, PostDeploy, Release
from factory_tui.engine.factory import Factory
from factory_tui.engine.ports import Boundary, Clock, EvidenceStore, Limits, Progress, RunResult, Worktrees
from factory_tui.engine.seat_ports import ActionResult

BY = Actor(kind="factory", name="deployments")
STATUS_SECONDS = 120.0
_numbers = itertools.count(1)
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, kw_only=True)
class _Ran:
    result: RunResult
    evidence: Evidence

    @property
    def last_line(self) -> str:
        lines = self.result.output.decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    @property
    def how(self) -> str:
        return self.result.killed or f"exit code {self.result.exit_code}"


class Deployments:
    """Carries out the deployments of one factory."""

    def __init__(
        self,
        *,
        factory: Factory,
        worktrees: Worktrees,
        evidence: EvidenceStore,
        commands: Commands,
        clock: Clock,
        progress: Progress,
        checks: PostDeploy | None = None,
        why_closed: Callable[[CommitId], Awaitable[tuple[str, ...]]] | None = None,
    ) -> None:
        """`checks`: level 4; None = nothing here can run it, which is a gap. `why_closed`: what a third party who
        verifies a commit would object to; None = nothing is signed here."""
        self._factory, self._worktrees, self._evidence = factory, worktrees, evidence
        self._commands, self._clock, self._progress = commands, clock, progress
        self._checks, self._why_closed = checks, why_closed

    # --- asking the world ------------------------------------------------------------------------

    async def running(self, name: str, commit: CommitId = "") -> c.Running:
        """What runs in an environment, by its status command. Raises Refusal when there is no such environment."""
        environment = environment_of(self._factory.state, name)
        where = commit or await self._worktrees.head()
        return await self._ask(environment, plan_of(name, environment, where, "", ""))

    async def _ask(self, environment: Environment, plan: DeployPlan) -> c.Running:
        try:
            async with _Export(self._worktrees, plan.commit) as directory:
                ran = await self._run(environment, plan, plan.status, directory, STATUS_SECONDS, "status")
        except FactoryError as error:
            return c.Running(known=False, why_unknown=str(error))
        if ran.result.exit_code != 0:
            why = f"the status command ended with {ran.how}"
            return c.Running(known=False, why_unknown=why, evidence=ran.evidence)
        said = ran.last_line
        if said == "none":
            return c.Running(known=True, evidence=ran.evidence)
        if not _COMMIT.fullmatch(said):
            why = f"the status command said `{said[:80]}`, which is no whole commit id and not `none`"
            return c.Running(known=False, why_unknown=why, evidence=ran.evidence)
        try:
            commit = await self._worktrees.resolve(said)
        except WorldError:
            why = f"this repository has no commit {said[:12]}, which runs there"
            return c.Running(known=False, why_unknown=why, evidence=ran.evidence)
        return c.Running(known=True, commit=commit, evidence=ran.evidence)

    async def _run(
        self,
        environment: Environment,
        plan: DeployPlan,
        argv: Sequence[str],
        directory: str,
        seconds: float,
        what: str,
        about: str = "",
    ) -> _Ran:
        """`about`: the deployment whose log the output goes to, as it comes."""
        boundary = Boundary(
            cwd=directory,
            writable=(directory, *environment.writable),
            readable=environment.readable,
            network=plan.network,
            environment={
                "FACTORY_COMMIT": plan.commit,
                "FACTORY_PREVIOUS": plan.previous,
                "FACTORY_ENVIRONMENT": plan.environment,
            },
        )
        wanted = tuple(one for one in environment.credentials if one.name in plan.credentials)
        hear: Callable[[str], None] | None = None
        if about:
            self._progress(about, f"$ {shlex.join(argv)}\n")
            hear = lambda text: self._progress(about, text)  # noqa: E731
        result = await self._commands.run(argv, boundary, wanted, Limits(seconds=seconds), hear)
        kept = self._evidence.put(result.output, f"{what} of {plan.commit[:10]} in {plan.environment}")
        return _Ran(result=result, evidence=kept)

    def _environment(self, plan: DeployPlan) -> Environment:
        """As it is in force; when it is no more, what the approved plan says of it."""
        deploying = self._factory.state.law.deploying
        found = deploying.environments.get(plan.environment) if deploying else None
        return found or Environment(
            deploy=plan.deploy, rollback=plan.rollback, status=plan.status, network=plan.network
        )

    # --- proposing -------------------------------------------------------------------------------

    async def propose(
        self, environment: str, commit: CommitId, note: str, by: Actor, turn: str = "", action: str = ""
    ) -> tuple[Entry, ...]:
        """Looks up what runs there, then proposes. A turn is told why not by the end of its action; else Refusal."""
        try:
            wanted = landed_task(self._factory.state, commit).landed_as
            running = await self.running(environment, wanted)
        except FactoryError as error:
            if not turn:
                raise
            end = c.EndAction(id=action, result="error", summary=str(error))
            return self._factory.submit(end, BY)
        base = await self._worktrees.head()
        return await self._factory.carried_out(
            c.ProposeDeployment(
                environment=environment,
                commit=wanted,
                base=base,
                running=running,
                note=note,
                turn=turn,
                action=action,
            ),
            BY if turn else by,
        )

    async def wish(self, turn: str, action: str, environment: str, commit: CommitId, note: str) -> ActionResult:
        """A seat's wish for a deployment, allowed by its card: proposed, and nothing else."""
        entries = await self.propose(environment, commit, note, BY, turn, action)
        ended = next((one.event for one in entries if isinstance(one.event, e.ActionEnded)), None)
        ok = ended is not None and ended.result == "ok"
        return ActionResult(ok=ok, decision="allow", text=ended.summary if ended else "the turn ended before")

    async def register(self, environment: str, commit: CommitId, reason: str, by: Actor) -> tuple[Entry, ...]:
        """Puts on record a release that somebody else made. Raises Refusal when it does not run there."""
        wanted = landed_task(self._factory.state, commit).landed_as
        running = await self.running(environment, wanted)
        return await self._factory.carried_out(
            c.RegisterRelease(environment=environment, commit=wanted, running=running, reason=reason), by
        )

    async def to_the_end(self, id: str, attest: Callable[[AttestDeploymentJob], Awaitable[None]]) -> None:
        """Carries out what one deployment owes, one thing after the other: for whoever is alone with the ledger, where
        no session is open. Ends when it is over, waits for somebody, or a job changed nothing."""
        done: set[Job] = set()
        while True:
            owed = owed_by(self._factory.state, self._factory.state.deployments[id])
            if not owed or owed[0] in done:
                return
            done.add(owed[0])
            match owed[0]:
                case DeployJob() as job:
                    await self.deploy(job)
                case RollbackJob() as job:
                    await self.rollback(job)
                case CheckDeploymentJob() as job:
                    await self.check(job)
                case AttestDeploymentJob() as job:
                    await attest(job)

    # --- the jobs --------------------------------------------------------------------------------

    async def deploy(self, job: DeployJob) -> None:
        """Intent on record, then the command, once, then what the world says."""
        one = self._factory.state.deployments[job.deployment]
        if one.stage == "deploying":
            # Begun before, and not seen to end: the environment says what came of it.
            running = await self._ask(self._environment(one.plan), one.plan)
            await self._settle(one, running, None, "cut off before its end was seen", (), after_crash=True)
            return
        environment = self._environment(one.plan)
        async with _Export(self._worktrees, one.plan.commit) as directory:
            intended = await self._factory.carried_out(await self._prepared(one, environment, directory), BY)
            if not any(isinstance(entry.event, e.DeploymentIntended) for entry in intended):
                return
            exit_code: int | None = None
            evidence: tuple[Evidence, ...] = ()
            self._progress(one.id, f"deploying {one.plan.commit[:10]} to {one.plan.environment}\n")
            try:
                ran = await self._run(
                    environment, one.plan, one.plan.deploy, directory, environment.seconds, "deployment", one.id
                )
                exit_code, summary, evidence = ran.result.exit_code, f"the command: {ran.how}", (ran.evidence,)
            except FactoryError as error:
                summary = str(error)
        running = await self._ask(environment, one.plan)
        await self._settle(one, running, exit_code, summary, evidence)

    async def _prepared(self, one: Deployment, environment: Environment, directory: str) -> c.IntendDeployment:
        """Everything that an intent depends on, looked at now. Only looks, but for the backup."""
        running = await self._ask(environment, one.plan)
        evidence = [running.evidence] if running.evidence else []
        backup = ""
        if one.plan.backup and running.known and running.commit == one.plan.previous:
            ran = await self._run(
                environment, one.plan, one.plan.backup, directory, environment.backup.seconds, "backup", one.id
            )
            evidence.append(ran.evidence)
            backup = ran.last_line[:200] if ran.result.exit_code == 0 else ""
        objections: tuple[str, ...] = ()
        if self._why_closed is not None and self._factory.state.assurance:
            objections = await self._why_closed(one.plan.commit)
        return c.IntendDeployment(
            deployment=one.id,
            base=await self._worktrees.head(),
            running=running,
            backup=backup,
            gate_closed="; ".join(objections),
            evidence=tuple(evidence),
        )

    async def _settle(
        self,
        one: Deployment,
        running: c.Running,
        exit_code: int | None,
        summary: str,
        evidence: tuple[Evidence, ...],
        *,
        after_crash: bool = False,
    ) -> None:
        await self._factory.carried_out(
            c.SettleDeployment(
                deployment=one.id,
                running=running,
                exit_code=exit_code,
                summary=summary,
                evidence=(*evidence, *((running.evidence,) if running.evidence else ())),
                after_crash=after_crash,
            ),
            BY,
        )

    async def rollback(self, job: RollbackJob) -> None:
        """The recorded way back. Entered again, the world is asked before anything is run once more."""
        one = self._factory.state.deployments[job.deployment]
        environment = self._environment(one.plan)
        if one.stage == "rolling back":
            running = await self._ask(environment, one.plan)
            if not running.known or running.commit == one.plan.previous:
                await self._settle_back(one, running, "cut off before its end was seen", ())
                return
        await self._factory.carried_out(c.IntendRollback(deployment=one.id), BY)
        evidence: tuple[Evidence, ...] = ()
        self._progress(one.id, f"back to {one.plan.previous[:10] or 'nothing'} in {one.plan.environment}\n")
        try:
            async with _Export(self._worktrees, one.plan.commit) as directory:
                ran = await self._run(
                    environment, one.plan, one.plan.rollback, directory, environment.seconds, "rollback", one.id
                )
            summary, evidence = f"the command: {ran.how}", (ran.evidence,)
        except FactoryError as error:
            summary = str(error)
        await self._settle_back(one, await self._ask(environment, one.plan), summary, evidence)

    async def _settle_back(
        self, one: Deployment, running: c.Running, summary: str, evidence: tuple[Evidence, ...]
    ) -> None:
        kept = (*evidence, *((running.evidence,) if running.evidence else ()))
        settle = c.SettleRollback(deployment=one.id, running=running, summary=summary, evidence=kept)
        await self._factory.carried_out(settle, BY)

    def _tell_row(self, deployment: str, row: CheckRow) -> None:
        self._progress(f"{CHECKS_OF}{deployment}", f"{msgspec.json.encode(row).decode()}\n")

    async def check(self, job: CheckDeploymentJob) -> None:
        """Level 4 on what runs."""
        state = self._factory.state
        one = state.deployments[job.deployment]
        if self._checks is None:
            missing = "the post-deploy checks are not part of this factory"
            await self._factory.carried_out(c.CheckDeployment(deployment=one.id, rows=(), missing=missing), BY)
            return
        began = self._clock.monotonic()
        for row in self._checks.planned(self._environment(one.plan)):
            self._tell_row(one.id, row)
        async with _Export(self._worktrees, job.release) as directory:
            release = Release(
                commit=job.release,
                environment=one.plan.environment,
                began=one.began,
                deployment=one.id,
                previous=_before(state, one, job.release),
                backup=one.backup,
                directory=directory,
            )
            result = await self._checks.run(
                self._environment(one.plan),
                release,
                _figures(state, one, job.release),
                lambda row: self._tell_row(one.id, row),
            )
        kept = self._evidence.put(msgspec.json.encode(result.rows), f"level 4 of {one.id}")
        await self._factory.carried_out(
            c.CheckDeployment(
                deployment=one.id,
                rows=result.rows,
                figures=result.figures,
                evidence=kept,
                seconds=round(self._clock.monotonic() - began, 3),
            ),
            BY,
        )


def _before(state: State, one: Deployment, release: CommitId) -> CommitId:
    """What ran there before a release: for the one that was gone back to, what its own deployment replaced."""
    if release == one.plan.commit:
        return one.plan.previous
    others = [other.plan for other in state.deployments.values() if other.plan.environment == one.plan.environment]
    return next((plan.previous for plan in reversed(others) if plan.commit == release), "")


def _figures(state: State, one: Deployment, release: CommitId) -> dict[str, float]:
    """What is compared with: the release before, as it was measured when it last passed; of one that was gone back to,
    its own figures. Nothing = there are none."""
    wanted = one.plan.previous if release == one.plan.commit else release
    own = [other for other in state.deployments.values() if other.plan.environment == one.plan.environment]
    for other in reversed(own):
        for checked in reversed(other.checks):
            if checked.commit == wanted and checked.verdict == "pass":
                return dict(checked.figures)
    return {}


class _Export:
    """A directory with exactly a commit's files, gone afterwards."""

    def __init__(self, worktrees: Worktrees, commit: CommitId) -> None:
        self._worktrees, self._commit, self._directory = worktrees, commit, ""
        # Two of one commit may be open at once.
        self._name = f"deploy-{commit[:12]}-{next(_numbers)}"

    async def __aenter__(self) -> str:
        self._directory = await self._worktrees.export(self._commit, self._name)
        return self._directory

    async def __aexit__(self, *failure: object) -> None:
        await self._worktrees.discard_export(self._directory)
