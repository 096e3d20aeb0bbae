"""The start of a session: the checklist, the law that is adopted, who is on the crew, and what is owed from now on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from factory_tui import __version__
from factory_tui.adapters.attesting import SshAttestor
from factory_tui.adapters.ledger import Ledger
from factory_tui.adapters.worktrees import GitWorktrees
from factory_tui.bootstrap.law import Law
from factory_tui.bootstrap.proving import Limits
from factory_tui.domain import agenda
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.limits import DEGRADED
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor
from factory_tui.engine.attesting import Attesting
from factory_tui.engine.checklist import (
    Checklist,
    Report,
    budget_line,
    evidence_line,
    handoffs_line,
    law_lines,
    repository_line,
    seats_line,
    unheard,
    wall_line,
)
from factory_tui.engine.deployments import Deployments
from factory_tui.engine.factory import Factory
from factory_tui.engine.gatekeeper import Gatekeeper
from factory_tui.engine.rule_commits import RuleCommits
from factory_tui.engine.seat_ports import Seats
from factory_tui.engine.session import Session
from factory_tui.engine.turn import Turns


@dataclass(kw_only=True)
class Start:
    """How a session of one factory begins, and who works off what it owes."""

    factory: Factory
    session: Session
    ledger: Ledger
    worktrees: GitWorktrees
    attestor: SshAttestor
    seats: Seats
    law: Law
    limits: Limits
    turns: Turns
    gatekeeper: Gatekeeper
    deployments: Deployments
    attesting: Attesting
    rule_commits: RuleCommits

    @property
    def state(self) -> State:
        return self.factory.state

    async def begin(self, by: Actor, mode: e.Mode | None = None, report: Report = unheard) -> None:
        """Adopts the home as committed on the base branch, begins a session, starts what is owed. Each line of the
        checklist is told to `report` when its check has ended."""
        checks = Checklist(report)
        with checks.running("repository"):
            base_ref = await self.worktrees.base_ref()
            base = await self.worktrees.head()
            moved = await self.worktrees.moved(self.state.base, base) if self.state.base else None
        checks.tell(repository_line(self.state, base_ref, base, moved))
        with checks.running("dna", "rules", "knowledge", "smoke"):
            charter = await self.law.charter_in_force(base)
        checks.tell_all(*law_lines(charter))
        repaired = self.ledger.repaired
        with checks.running("wall"):
            standing = await self.limits.sandbox.prove()
        checks.tell(wall_line(standing.label, standing.why_none))
        with checks.running("evidence"):
            unsigned = await self.attestor.problem(base)
        checks.tell(evidence_line("" if unsigned else self.attestor.level, unsigned))
        await self.session.start(
            c.StartSession(
                version=__version__,
                wall=standing.label,
                mode=mode or charter.gate.pace.mode,
                base_ref=base_ref,
                base=base,
                charter=charter,
                repaired=(repaired.size, repaired.saved_as) if repaired else None,
                degraded=by.name if standing.label == DEGRADED else "",
                assurance="" if unsigned else self.attestor.level,
                unsigned=unsigned,
                root=os.geteuid() == 0,
            ),
            by,
        )
        self.staff()
        self.factory.subscribe(self._staff_anew)
        await self.law.propose_disk()
        with checks.running("seats"):
            await self.limits.try_all()
        checks.tell(seats_line(self.state.law, self.limits.kinds(), self.limits.broken_seats()))
        checks.tell(budget_line(self.state.law, self.state.ceilings))
        with checks.running("handoffs"):
            conflicts = await self._conflicts(base) if moved != (0, 0) else {}
        checks.tell(handoffs_line(self.state, conflicts))
        await self.rule_commits.look_again()
        self.turns.ask_first(self.limits.unproven)
        self.factory.employ(self._runners())

    def _runners(self) -> Mapping[type, Any]:
        """Who carries out each kind of job."""
        keeper = self.gatekeeper
        return {
            agenda.SealBriefJob: keeper.seal_brief,
            agenda.ReleaseJob: keeper.release,
            agenda.TurnJob: self.turns.run,
            agenda.InspectJob: keeper.inspect,
            agenda.CommitJob: keeper.commit_tree,
            agenda.CheckLandingJob: keeper.check_landing,
            agenda.LandJob: keeper.land,
            agenda.CloseWorktreeJob: keeper.close_worktree,
            agenda.DeployJob: self.deployments.deploy,
            agenda.RollbackJob: self.deployments.rollback,
            agenda.CheckDeploymentJob: self.deployments.check,
            agenda.AttestDeploymentJob: self.attesting.attest_deployment,
            agenda.CommitRuleJob: self.rule_commits.run,
        }

    def staff(self) -> None:
        """Puts on record who fills each role on this machine, and why."""
        found = self.seats.staff(self.state.law)
        self.factory.submit(
            c.StaffCrew(crew=found.crew, ceilings=found.ceilings, notes=found.notes),
            Actor(kind="factory", name="staffing"),
        )

    def _staff_anew(self, entry: Entry, state: State) -> None:
        """Another home may name other seats. Not in the middle of the entry that brought it."""
        if isinstance(entry.event, e.CharterAdopted):
            asyncio.get_running_loop().call_soon(self._staff_if_open)

    def _staff_if_open(self) -> None:
        if self.state.session_open and self.factory.failure is None:
            self.staff()

    async def _conflicts(self, base: str) -> dict[str, tuple[str, ...]]:
        """Of open tasks, whose offered change cannot be merged with the base as it is now."""
        found = {}
        for task in tuple(self.state.tasks.values()):
            one = task.candidate
            if one is not None and one.commit and one.base != base:
                merged = await self.worktrees.merge(one.base, base, one.commit)
                if merged.conflicts:
                    found[task.id] = merged.conflicts
        return found
