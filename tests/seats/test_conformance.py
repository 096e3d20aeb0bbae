"""What every seat keeps to, whatever fills it. A new kind of seat is put to all of this by one entry."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import pytest
from conformance import ENTRIES, NEEDS, QUESTION, Case, Mind, at_work
from crew import make_crew, small_task
from desks import OK, RecordingDesk, brief_for

from factory_tui.domain import events as e
from factory_tui.domain.terms import Action, Control, SeatFacts
from factory_tui.engine.seat_ports import INTERRUPT_SECONDS, ActionResult, SeatOutcome
from factory_tui.engine.sitting import sit

KINDS = [
    pytest.param(kind, marks=[getattr(pytest.mark, name) for name in NEEDS.get(kind, ())]) for kind in sorted(ENTRIES)
]
pytestmark = pytest.mark.parametrize("kind", KINDS)

OVER = (e.TurnEnded, e.TaskStuck, e.JobCrashed)


@asynccontextmanager
async def case(kind: str, mind: Mind, place: Path) -> AsyncIterator[Case]:
    """Closed at the end whatever happened, and then nothing of it is left."""
    before = children()
    async with ENTRIES[kind](mind, place) as made:
        try:
            yield made
        finally:
            await made.seat.close()
            await made.seat.close()
    assert children() <= before, "it left a process behind"


def children() -> set[int]:
    """Every process that descends from us."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found: set[int] = set()
    while more := {pid for pid, parent in parents.items() if parent in found | {os.getpid()}} - found:
        found |= more
    return found


async def play(made: Case, desk: RecordingDesk) -> SeatOutcome:
    async with asyncio.timeout(30):
        return await made.seat.run(brief_for(made.role), desk)


async def test_it_says_what_it_is_before_anything_is_opened(kind: str, tmp_path: Path) -> None:
    async with case(kind, "works for ever", tmp_path) as made:
        facts = made.seat.facts
        assert made.seat.kind == kind
        assert isinstance(facts, SeatFacts)
        assert facts.control in get_args(Control)
        assert facts == made.seat.facts
        assert made.untouched()


async def test_one_that_never_ran_is_closed_without_a_word(kind: str, tmp_path: Path) -> None:
    async with case(kind, "works for ever", tmp_path) as made:
        await made.seat.close()
        assert made.untouched()


async def test_a_delivery_reaches_the_desk_and_ends_the_turn_once(kind: str, tmp_path: Path) -> None:
    async with case(kind, "asks", tmp_path) as made:
        desk = RecordingDesk()
        outcome = await play(made, desk)
    assert outcome == SeatOutcome(kind="ok")
    assert desk.acted == [Action(kind="escalate", text=QUESTION)]


async def test_a_refusal_is_an_answer_and_the_turn_goes_on(kind: str, tmp_path: Path) -> None:
    refusal = ActionResult(ok=False, decision="deny", text="denied. not now")
    async with case(kind, "asks", tmp_path) as made:
        desk = RecordingDesk()
        desk.answer = lambda action: refusal if len(desk.acted) == 1 else OK
        assert await play(made, desk) == SeatOutcome(kind="ok")
    assert desk.kinds == ["escalate", "escalate"]


async def test_an_interrupt_ends_it_in_time_and_nothing_is_done_afterwards(kind: str, tmp_path: Path) -> None:
    async with case(kind, "works for ever", tmp_path) as made:
        desk = RecordingDesk()
        turn = asyncio.create_task(play(made, desk))
        await at_work(desk, made, turn)
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(INTERRUPT_SECONDS):
                await turn
        said = desk.said
        await made.seat.close()
        await asyncio.sleep(0)
        assert (desk.said, desk.acted) == (said, [])


async def test_it_may_be_interrupted_twice_and_before_it_began(kind: str, tmp_path: Path) -> None:
    async with case(kind, "works for ever", tmp_path) as made:
        desk = RecordingDesk()
        turn = asyncio.create_task(sit(made.seat, brief_for(made.role), desk, None))
        await at_work(desk, made, turn)
        turn.cancel()
        await asyncio.sleep(0)
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
    async with case(kind, "works for ever", tmp_path / "again") as made:
        turn = asyncio.create_task(sit(made.seat, brief_for(made.role), RecordingDesk(), None))
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        assert made.untouched()


async def test_its_time_ends_it(kind: str, tmp_path: Path) -> None:
    async with case(kind, "works for ever", tmp_path) as made:
        outcome = await sit(made.seat, brief_for(made.role), RecordingDesk(), 0.3)
    assert outcome.kind == "budget"


async def test_one_that_cannot_begin_has_failed_and_says_why(kind: str, tmp_path: Path) -> None:
    async with case(kind, "cannot begin", tmp_path) as made:
        desk = RecordingDesk()
        outcome = await sit(made.seat, brief_for(made.role), desk, 30)
    assert outcome.kind == "failed"
    assert outcome.note
    assert desk.acted == []


async def test_in_a_factory_its_turn_is_on_record_with_what_it_declared_and_one_end(kind: str, tmp_path: Path) -> None:
    async with case(kind, "asks", tmp_path / "seat") as made:
        crew = make_crew(tmp_path, {})
        crew.seat = made.seat  # type: ignore[assignment]
        seen: list[object] = []
        async with crew.session() as house:
            house.factory.subscribe(lambda entry, state: seen.append(entry.event))
            await small_task(house, "Add")
            async with asyncio.timeout(60):
                await house.factory.until(lambda state: any(isinstance(event, OVER) for event in seen))
            assert house.state.task("T-1").stage == "parked", house.state.task("T-1")
    started = [event for event in seen if isinstance(event, e.TurnStarted)]
    ended = [event for event in seen if isinstance(event, e.TurnEnded)]
    assert [event.facts for event in started] == [made.seat.facts]
    assert [event.outcome for event in ended] == ["ok"], ended
