"""The loop: what is owed is started once, what fails is counted, and nothing is owed for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from crew import make_crew, settled
from crew import small_task as crew_task
from heart import FACTORY, SUPERVISOR, Heart, evidence, small_task
from msgspec.structs import replace

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import Job, SealBriefJob
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import FactoryError, LedgerError, Refusal
from factory_tui.domain.state import Task
from factory_tui.domain.terms import Actor
from factory_tui.engine.factory import Factory, Runner
from factory_tui.engine.seat_ports import Desk, SeatOutcome, TurnBrief


class MemoryLedger:
    """Keeps entries in a list; `durable` fails once it is told to."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.dead = False

    def append(self, events: Sequence[object], by: Actor, at: str) -> tuple[Entry, ...]:
        if self.dead:
            raise LedgerError(what="no space left on device")
        new = tuple(Entry(seq=n, at=at, by=by, event=event) for n, event in enumerate(events, len(self.entries) + 1))
        self.entries += new
        return new

    async def durable(self, seq: int) -> None:
        if self.dead:
            raise LedgerError(what="no space left on device")


class StillClock:
    def now(self) -> str:
        return "2026-11-22T10:00:00.000Z"

    def monotonic(self) -> float:
        return 0.0


class Loop:
    """A factory whose only job is to seal a brief, done as `seal` says."""

    def __init__(self, seal: Runner) -> None:
        heart = Heart()
        heart.start_session()
        small_task()(heart)
        self.ledger = MemoryLedger(heart.entries)
        self.factory = Factory(state=heart.state, ledger=self.ledger, clock=StillClock())
        self.factory.employ({SealBriefJob: seal})

    def events(self, kind: type) -> list[object]:
        return [entry.event for entry in self.ledger.entries if isinstance(entry.event, kind)]

    async def idle(self) -> None:
        async with asyncio.timeout(60):
            await self.factory.idle(lambda job, state: False)


class Lost(dict[str, Task]):
    """What is decided on is there; folding does not find it."""

    def __getitem__(self, id: str) -> Task:
        raise KeyError(id)


async def test_what_no_later_start_could_fold_is_never_written() -> None:
    async def seal(job: Job) -> None: ...

    loop, own_pace = Loop(seal), c.SetMode(mode="step", task="T-1")
    await loop.idle()
    whole, before = loop.factory.state, len(loop.ledger.entries)
    loop.factory.state = replace(whole, tasks=Lost(whole.tasks))
    with pytest.raises(FactoryError, match="ModeChanged cannot be taken in, and was not written"):
        loop.factory.submit(own_pace, SUPERVISOR)
    assert len(loop.ledger.entries) == before
    loop.factory.state = whole
    assert loop.factory.submit(own_pace, SUPERVISOR), "the control: the same command, where everything is found"


async def test_a_job_that_ends_and_changes_nothing_is_not_owed_for_ever() -> None:
    tried: list[Job] = []

    async def nothing(job: Job) -> None:
        tried.append(job)

    loop = Loop(nothing)
    await loop.idle()
    assert len(tried) == 3
    assert len(loop.events(e.IncidentOpened)) == 1
    assert loop.factory.state.tasks["T-1"].stage == "stuck"


async def test_a_job_that_fails_is_tried_three_times_and_says_why() -> None:
    async def fails(job: Job) -> None:
        raise ValueError("a brief of no words")

    loop = Loop(fails)
    await loop.idle()
    assert len(loop.events(e.JobCrashed)) == 3
    assert "ValueError: a brief of no words" in loop.factory.state.tasks["T-1"].why


async def test_a_job_that_was_made_needless_on_its_way_has_not_crashed() -> None:
    async def overtaken(job: Job) -> None:
        loop.factory.submit(c.RefuseBrief(handoff="H-1", size=9, limit=8, largest="dna"), FACTORY)
        raise Refusal(what="handoff H-1 is not offered")

    loop = Loop(overtaken)
    await loop.idle()
    assert loop.events(e.JobCrashed) == []
    assert loop.factory.running == ()


async def test_a_job_that_is_owed_no_longer_is_cancelled() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def slow(job: Job) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    loop = Loop(slow)
    await began.wait()
    loop.factory.submit(c.Answer(id="T-1", verb="hold", sha256="", text="later"), SUPERVISOR)
    await loop.idle()
    assert ended.is_set()
    assert loop.events(e.JobCrashed) == []


async def test_a_ledger_that_fails_stops_everything_and_nothing_pretends() -> None:
    async def seal(job: Job) -> None:
        loop.ledger.dead = True
        loop.factory.submit(c.SealBrief(handoff="H-1", brief=evidence("b"), inputs=()), FACTORY)

    loop = Loop(seal)
    await loop.idle()
    assert isinstance(loop.factory.failure, LedgerError)
    assert loop.factory.state.tasks["T-1"].handoff.brief is None  # type: ignore[union-attr]
    with pytest.raises(Refusal, match="stopped writing"):
        loop.factory.submit(c.SetMode(mode="step"), SUPERVISOR)


async def test_a_seat_that_says_it_was_interrupted_is_not_started_for_ever(tmp_path: Path) -> None:
    async def gives_up(brief: TurnBrief, desk: Desk) -> SeatOutcome:
        return SeatOutcome(kind="interrupted", note="enough")

    async with make_crew(tmp_path, {"builder": gives_up}).session() as house:
        await crew_task(house, "Add subtraction")
        items = await settled(house)
        assert [item.kind for item in items] == ["stuck"]
        assert [turn.outcome for turn in house.state.tasks["T-1"].turns] == ["failed"] * 3
