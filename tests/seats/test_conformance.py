"""What every seat keeps to, whatever fills it. A new kind of seat is put to all of this by one entry.

The last test holds the table itself: a clause that is not seen on a seat fails there, by its name.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import pytest
from conformance import CLAUSES, ENTRIES, FIVE, NEEDS, NEVER, QUESTION, TRIED, Case, Mind, at_work
from crew import make_crew, small_task
from desks import LAW, OK, RecordingDesk, brief_for
from msgspec.structs import replace as changed

from factory_tui.domain import events as e
from factory_tui.domain.limits import misfit
from factory_tui.domain.terms import Action, Control, SeatFacts
from factory_tui.engine.seat_ports import INTERRUPT_SECONDS, ActionResult, SeatOutcome
from factory_tui.engine.sitting import sit


def sees(*clauses: str) -> pytest.MarkDecorator:
    """A test that shows these clauses on each seat that can have them; the first one names its cells."""
    assert set(clauses) <= set(CLAUSES), f"no clause: {sorted(set(clauses) - set(CLAUSES))}"
    cells = [(clause, kind) for clause in clauses for kind in ENTRIES if (clause, kind) not in NEVER]
    TRIED.update(cells)
    kinds = [kind for kind in sorted(ENTRIES) if any(cell[1] == kind for cell in cells)]
    marked = [pytest.param(kind, marks=[getattr(pytest.mark, one) for one in NEEDS.get(kind, ())]) for kind in kinds]
    return pytest.mark.parametrize("kind", marked)


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


@sees("says what it is before anything is opened", "opens late")
async def test_it_says_what_it_is_before_anything_is_opened(kind: str, tmp_path: Path) -> None:
    async with case(kind, "works for ever", tmp_path) as made:
        facts = made.seat.facts
        assert made.seat.kind == kind
        assert isinstance(facts, SeatFacts)
        assert facts.control in get_args(Control)
        assert facts == made.seat.facts
        assert made.untouched()


@sees("is closed when idle", "opens late")
async def test_one_that_never_ran_is_closed_without_a_word(kind: str, tmp_path: Path) -> None:
    async with case(kind, "works for ever", tmp_path) as made:
        await made.seat.close()
        assert made.untouched()


@sees("brings its actions to the desk", "ends ok")
async def test_a_delivery_reaches_the_desk_and_ends_the_turn_once(kind: str, tmp_path: Path) -> None:
    async with case(kind, "asks", tmp_path) as made:
        desk = RecordingDesk()
        outcome = await play(made, desk)
    assert outcome == SeatOutcome(kind="ok")
    assert desk.acted == [Action(kind="escalate", text=QUESTION)]


@sees("takes a refusal as an answer")
async def test_a_refusal_is_an_answer_and_the_turn_goes_on(kind: str, tmp_path: Path) -> None:
    refusal = ActionResult(ok=False, decision="deny", text="denied. not now")
    async with case(kind, "asks", tmp_path) as made:
        desk = RecordingDesk()
        desk.answer = lambda action: refusal if len(desk.acted) == 1 else OK
        assert await play(made, desk) == SeatOutcome(kind="ok")
    assert desk.kinds == ["escalate", "escalate"]


@sees("is interrupted at any time", "ends interrupted", "leaves no process")
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


@sees("is interrupted twice and before it began")
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


@sees("ends over its budget")
async def test_its_time_ends_it(kind: str, tmp_path: Path) -> None:
    async with case(kind, "works for ever", tmp_path) as made:
        outcome = await sit(made.seat, brief_for(made.role), RecordingDesk(), 0.3)
    assert outcome.kind == "budget"


@sees("ends failed")
async def test_one_that_cannot_begin_has_failed_and_says_why(kind: str, tmp_path: Path) -> None:
    async with case(kind, "cannot begin", tmp_path) as made:
        desk = RecordingDesk()
        outcome = await sit(made.seat, brief_for(made.role), desk, 30)
    assert outcome.kind == "failed"
    assert outcome.note
    assert desk.acted == []


@sees("takes the sealed brief")
async def test_its_mind_is_told_the_brief_whole(kind: str, tmp_path: Path) -> None:
    async with case(kind, "asks", tmp_path) as made:
        await play(made, RecordingDesk())
        told = made.told()
    for part in ("Adding is what it does.", "It subtracts."):
        assert part in told


@sees("shows progress")
async def test_what_its_mind_says_is_shown_while_it_is_said(kind: str, tmp_path: Path) -> None:
    async with case(kind, "works for ever", tmp_path) as made:
        desk = RecordingDesk()
        turn = asyncio.create_task(play(made, desk))
        async with asyncio.timeout(30):
            while not desk.said:
                await asyncio.sleep(0.005)
        assert not turn.done()
        turn.cancel()
        await asyncio.wait([turn])


async def ended(kind: str, mind: Mind, place: Path) -> tuple[SeatOutcome, RecordingDesk]:
    async with case(kind, mind, place) as made:
        desk = RecordingDesk()
        return await sit(made.seat, brief_for(made.role), desk, 60), desk


@sees("ends refused")
async def test_a_mind_that_refuses_has_not_failed(kind: str, tmp_path: Path) -> None:
    assert (await ended(kind, "refuses", tmp_path))[0].kind == "refused"


@sees("ends stalled")
async def test_a_mind_that_falls_silent_is_noticed(kind: str, tmp_path: Path) -> None:
    outcome, desk = await ended(kind, "falls silent", tmp_path)
    assert outcome.kind == "stalled", outcome
    assert "stall" in [kind for kind, _ in desk.notices]


@sees("ends truncated")
async def test_a_mind_that_is_cut_short_is_told_as_that(kind: str, tmp_path: Path) -> None:
    assert (await ended(kind, "is cut short", tmp_path))[0].kind == "truncated"


@sees("asks twice again for what it cannot read")
async def test_a_structured_hand_over_that_cannot_be_read_is_asked_for_twice_again(kind: str, tmp_path: Path) -> None:
    outcome, desk = await ended(kind, "hands over nonsense", tmp_path)
    assert outcome == SeatOutcome(kind="failed", note="`escalate` could not be read 3 times")
    assert desk.denied == ["escalate"] * 3
    assert desk.acted == []


@sees("fills no role for contained seats when it is not contained")
async def test_a_role_for_contained_seats_is_filled_by_no_other(kind: str, tmp_path: Path) -> None:
    card = changed(LAW.role("builder"), contained=True)
    async with case(kind, "asks", tmp_path) as made:
        facts = made.seat.facts
    assert ("for a contained seat only" in misfit(card, facts)) is not facts.contained
    assert "for a contained seat only" in misfit(card, changed(facts, contained=False))


@sees("is on record with what it declared and one end")
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


@pytest.mark.parametrize("kind", FIVE)
@pytest.mark.parametrize("clause", CLAUSES)
def test_conformance_matrix(clause: str, kind: str) -> None:
    cell = (clause, kind)
    assert (cell in TRIED) != (cell in NEVER), f"nobody shows that the seat `{kind}` {clause}"


def test_the_table_is_of_five_seats_and_nothing_else() -> None:
    assert sorted(ENTRIES) == sorted(FIVE)
    assert {clause for clause, _ in NEVER} <= set(CLAUSES)
