"""One turn: a seat opened late, told its sealed brief, held at its desk, and ended on record whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import TurnJob
from factory_tui.domain.deciding_turns import cost_misfit
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.events import Outcome
from factory_tui.domain.limits import misfit
from factory_tui.domain.redaction import Redactor
from factory_tui.domain.roles import RoleCard, may_read
from factory_tui.domain.spending import share
from factory_tui.domain.staffing import NO_BOUNDS, Staffed, chosen
from factory_tui.domain.state import Handoff, Task
from factory_tui.domain.terms import Actor, Control, SeatFacts
from factory_tui.engine.boundaries import held_paths
from factory_tui.engine.broker import Tools, TurnDesk
from factory_tui.engine.deployments import Deployments
from factory_tui.engine.factory import Factory
from factory_tui.engine.fetch_ports import Fetcher, Packages
from factory_tui.engine.gatekeeper import Gatekeeper
from factory_tui.engine.patience import time_of
from factory_tui.engine.ports import EvidenceStore, Progress, Sandbox, Workbench, Worktrees
from factory_tui.engine.seat_ports import Seat, SeatOutcome, Seats, TurnBrief
from factory_tui.engine.sitting import sit

BY = Actor(kind="factory", name="turns")
OUTCOMES: frozenset[Outcome] = frozenset({"ok", "interrupted", "refused", "failed", "budget", "stalled", "truncated"})
MOST_SECONDS_OF_ONE_COMMAND = 1_800.0
MOST_HANDED_ON = 60_000
"""Characters of what a turn whose context is full leaves for the next."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a turn works."""

    directory: str
    is_export: bool


class Turns:
    """Carries out the turns of one factory."""

    def __init__(
        self,
        *,
        factory: Factory,
        gatekeeper: Gatekeeper,
        worktrees: Worktrees,
        workbench: Workbench,
        sandbox: Sandbox,
        evidence: EvidenceStore,
        seats: Seats,
        person: str,
        progress: Progress,
        redactor: Redactor | None = None,
        fetcher: Fetcher | None = None,
        packages: Packages | None = None,
        said_all: Callable[[str], None] = lambda turn: None,
        deployments: Deployments | None = None,
    ) -> None:
        """`person` is the operating system's user, who fills a human seat. `said_all` is told that a turn says no
        more, before it ends on record."""
        self._factory = factory
        self._gatekeeper = gatekeeper
        self._worktrees = worktrees
        self._workbench = workbench
        self._sandbox = sandbox
        self._evidence = evidence
        self._seats = seats
        self._person = person
        self._progress = progress
        self._redactor = redactor or Redactor()
        self._fetcher, self._packages, self._said_all = fetcher, packages, said_all
        self._deployments = deployments
        self._unproven: Callable[[str, Control], Awaitable[str]] | None = None

    def ask_first(self, unproven: Callable[[str, Control], Awaitable[str]]) -> None:
        """Who says why a role cannot be filled by a seat held like this; asked before each turn."""
        self._unproven = unproven

    async def run(self, job: TurnJob) -> None:
        """Open the place and the seat, play the turn, end it on record."""
        task = self._factory.state.tasks[job.task]
        handoff = task.handoff
        assert handoff is not None
        assert handoff.brief is not None
        card = self._factory.state.law.role(handoff.to)
        place = await self._open_place(task, handoff, card)
        try:
            await self._play(task.id, handoff, card, place)
        finally:
            if place.is_export:
                await asyncio.shield(self._worktrees.discard_export(place.directory))

    async def _cannot_sit(self, card: RoleCard, facts: SeatFacts) -> str:
        """Why this seat does not fill the role now; empty = it does."""
        if why := misfit(card, facts):
            return why
        return "" if self._unproven is None else await self._unproven(card.id, facts.control)

    async def _open_place(self, task: Task, handoff: Handoff, card: RoleCard) -> Place:
        """The author's own worktree, or a fresh export of exactly the commit a reviewer judges."""
        if card.sees == "nothing":
            return Place(directory="", is_export=False)
        tip = self._factory.state.missions[task.mission].tip

        def wanted(path: str) -> bool:
            return may_read(card, path)

        if handoff.purpose == "review":
            assert task.candidate is not None
            directory = await self._worktrees.export(task.candidate.commit, f"{task.id}-{handoff.id}", wanted)
            return Place(directory=directory, is_export=True)
        if card.sees == "export":
            directory = await self._worktrees.export(tip, f"{task.id}-{handoff.id}", wanted)
            return Place(directory=directory, is_export=True)
        if task.worktree and task.rebase:
            kept = await self._worktrees.close_worktree(task.worktree, task.id)
            self._factory.submit(c.RecordKept(task=task.id, name=task.worktree, ref=kept), BY)
            task = self._factory.state.tasks[task.id]
        if not task.worktree:
            name = f"{task.id}-{handoff.id}" if task.turns else task.id
            base = await self._current_tip(task)
            await self._factory.carried_out(c.RecordWorktree(task=task.id, name=name, base=base), BY)
            task = self._factory.state.tasks[task.id]
        directory = await self._worktrees.open_worktree(task.worktree, task.worktree_base)
        return Place(directory=directory, is_export=False)

    async def _current_tip(self, task: Task) -> str:
        """New work starts from where the target stands now."""
        mission = self._factory.state.missions[task.mission]
        return await self._worktrees.ref_head(mission.target) or mission.tip

    async def _play(self, task_id: str, handoff: Handoff, card: RoleCard, place: Place) -> None:
        task = self._factory.state.tasks[task_id]
        assert handoff.brief is not None
        staffed = self._staffed(handoff.to, task)
        kind = staffed.seat
        try:
            seat = self._seats.open(kind, staffed.model, staffed.effort)
        except FactoryError as error:
            self._factory.submit(c.LeaveUnseated(handoff=handoff.id, seat=kind, reason=str(error)), BY)
            return
        facts = seat.facts
        if why := await self._cannot_sit(card, facts) or cost_misfit(self._factory.state, card.id, task, facts):
            self._factory.submit(c.LeaveUnseated(handoff=handoff.id, seat=kind, reason=why), BY)
            return
        base = task.candidate.base if handoff.purpose == "review" and task.candidate else task.worktree_base
        base = base or self._factory.state.missions[task.mission].tip
        tools = await self._equip(card, place, base, task.id)
        resumes = _resumed(task, handoff, seat, kind)
        entries = self._factory.submit(
            c.StartTurn(
                handoff=handoff.id,
                seat=kind,
                facts=facts,
                person=self._person if facts.control == "human" else "",
                brief=handoff.brief.sha256,
                resumes=resumes,
            ),
            BY,
        )
        started = next(entry.event for entry in entries if isinstance(entry.event, e.TurnStarted))
        desk = TurnDesk(
            turn=started.turn,
            factory=self._factory,
            gatekeeper=self._gatekeeper,
            workbench=self._workbench,
            sandbox=self._sandbox,
            evidence=self._evidence,
            progress=self._progress,
            tools=tools,
            redactor=self._redactor,
            fetcher=self._fetcher,
            packages=self._packages if task.delivers == "change" and not place.is_export else None,
            equip_again=lambda: self._equip(card, place, base, task.id),
            deployments=self._deployments,
        )
        brief = TurnBrief(
            turn=started.turn,
            task=task.id,
            title=task.title,
            role=handoff.to,
            purpose=handoff.purpose,
            attempt=task.attempt,
            text=self._evidence.get(handoff.brief.sha256).decode(),
            sha256=handoff.brief.sha256,
            directory=place.directory,
            model_tier=card.model_tier,
            model=staffed.model,
            effort=staffed.effort,
            share=share(self._factory.state, card.id, task.id),
            card=card,
            resume=resumes,
        )
        outcome = SeatOutcome(kind="interrupted", note="the turn was interrupted; its work is kept")
        try:
            await self._factory.durable(entries[-1].seq)
            seconds = self._seconds(card, handoff, facts.control)
            outcome = await sit(seat, brief, desk, seconds, within=partial(time_of, self._factory, started.turn))
        finally:
            self._end(started.turn, outcome)

    def _end(self, turn: str, outcome: SeatOutcome) -> None:
        self._said_all(turn)
        if outcome.kind == "waiting":
            cause = outcome.cause or outcome.note or "the seat did not say what it waits for"
            waits = c.EndTurn(turn=turn, outcome="interrupted", cause=cause, until=outcome.until)
            if turn in self._factory.state.turns and self._factory.failure is None:
                self._factory.submit(waits, BY)
            return
        known = next((kind for kind in OUTCOMES if kind == outcome.kind), None)
        note = outcome.note if known else f"unknown outcome `{outcome.kind}`: {outcome.note}"
        if turn in self._factory.state.turns and self._factory.failure is None:
            digest = self._redactor.text(outcome.digest)[:MOST_HANDED_ON]
            kept = self._evidence.put(digest.encode(), f"handed on by {turn}") if digest else None
            ended = c.EndTurn(turn=turn, outcome=known or "failed", note=note[:2_000], handed_on=kept)
            self._factory.submit(ended, BY)

    def _staffed(self, role: str, task: Task) -> Staffed:
        """By what is on record: the session's staffing, and what the supervisor chose for the role or the task."""
        state = self._factory.state
        staffed = state.crew.get(role) or Staffed(role=role, seat=self._seats.kind_for(role, task.title, ""))
        return chosen(staffed, state.role_seats.get(role, ""), task.seat)

    def _seconds(self, card: RoleCard, handoff: Handoff, control: str) -> float | None:
        """A person is never hurried; everybody else has the shorter of card and gate."""
        if control == "human":
            return None
        state = self._factory.state
        pace = state.law.gate.pace
        task = next(task.id for task in state.tasks.values() if task.handoff and task.handoff.id == handoff.id)
        minutes = pace.review_minutes if handoff.purpose == "review" else pace.turn_minutes
        raised = state.raised.get(f"turn:{task}", NO_BOUNDS).minutes
        return 60.0 * min(minutes + raised, share(state, card.id, task).minutes)

    @asynccontextmanager
    async def _scratch(self, directory: str, base: str, task: str) -> AsyncIterator[str]:
        """The tree as it is now, as a copy that vanishes: what a command changes, nobody reads afterwards."""
        imported = await self._worktrees.import_tree(directory, base)
        copy = await self._worktrees.export(imported.tree, f"scratch-{imported.tree[:16]}")
        try:
            await self._gatekeeper.checks(task).equip(copy, base)
            yield copy
        finally:
            await asyncio.shield(self._worktrees.discard_export(copy))

    async def _equip(self, card: RoleCard, place: Place, base: str, task: str) -> Tools:
        if not place.directory or "run" not in card.actions:
            return Tools(directory=place.directory, environment={}, readable=(), seconds=MOST_SECONDS_OF_ONE_COMMAND)
        equipment = await self._gatekeeper.checks(task).equip(place.directory, base)
        files = await self._worktrees.list_files(base) if card.writes and not place.is_export else ()
        held = held_paths(card, files, self._factory.state.law.protected)
        return Tools(
            directory=place.directory,
            environment=dict(equipment.environment),
            readable=equipment.readable,
            held=(*held.paths, *equipment.held),
            widened=held.widened,
            seconds=min(MOST_SECONDS_OF_ONE_COMMAND, 60.0 * card.budget.minutes),
            scratch=(lambda: self._scratch(place.directory, base, task)) if card.scratch else None,
        )


def _resumed(task: Task, handoff: Handoff, seat: Seat, name: str) -> str:
    """The conversation that an interrupt cut off, for the same handoff and seat only; or contexts would mix."""
    cut_off = task.cut_off
    if cut_off is None or not seat.facts.can_resume or handoff.brief is None:
        return ""
    is_same = (cut_off.handoff, cut_off.seat, cut_off.brief) == (handoff.id, name, handoff.brief.sha256)
    return cut_off.conversation if is_same else ""
