"""One turn of one seat, whatever the seat does: one outcome, an interrupt that works, and nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from crew import make_crew, settled, small_task

from factory_tui.domain.errors import FactoryError
from factory_tui.domain.terms import Action, SeatFacts
from factory_tui.engine.seat_ports import ActionResult, Desk, SeatOutcome, TurnBrief
from factory_tui.engine.sitting import sit

BRIEF = TurnBrief(
    turn="builder/b1",
    task="T-1",
    title="Add",
    role="builder",
    purpose="author",
    attempt=1,
    text="",
    sha256="",
    directory="",
)
TELEPORTER = (
    'repo_id = "{repo_id}"\n[smoke]\ncommand = "true"\n[pace]\nmode = "flow"\n[seats]\ndefault = "teleporter"\n'
)


@dataclass
class SmallDesk:
    """A desk that writes down what it was told."""

    notices: list[str] = field(default_factory=list)

    async def act(self, action: Action) -> ActionResult:
        return ActionResult(ok=True, decision="allow", text="")

    def say(self, text: str) -> None: ...
    def deny(self, tool: str, arguments: object, reason: str) -> None: ...
    def conversation(self, id: str, model: str = "") -> None: ...
    def spend(self, *usage: object) -> None: ...
    def notice(self, kind: str, text: str) -> None:
        self.notices.append(text)


@dataclass
class OddSeat:
    """A seat that plays a coroutine, and counts how often it was closed."""

    mind: Callable[[OddSeat], Awaitable[SeatOutcome]]
    closing: Callable[[], Awaitable[None]] | None = None
    closed: int = 0
    began: asyncio.Event = field(default_factory=asyncio.Event)
    kind: str = "odd"
    facts: SeatFacts = SeatFacts(control="brokered")  # noqa: RUF009 - frozen

    async def run(self, brief: TurnBrief, desk: Desk) -> SeatOutcome:
        self.began.set()
        return await self.mind(self)

    async def close(self) -> None:
        self.closed += 1
        if self.closing:
            await self.closing()


async def for_ever(seat: OddSeat) -> SeatOutcome:
    await asyncio.Event().wait()
    raise AssertionError


async def deaf(seat: OddSeat) -> SeatOutcome:
    """Swallows every interrupt until it was closed."""
    while not seat.closed:
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            continue
    return SeatOutcome(kind="ok")


def raising(error: BaseException) -> Callable[[OddSeat], Awaitable[SeatOutcome]]:
    async def mind(seat: OddSeat) -> SeatOutcome:
        raise error

    return mind


async def says_interrupted(seat: OddSeat) -> SeatOutcome:
    return SeatOutcome(kind="interrupted", note="I felt like it")


@pytest.mark.parametrize(
    ("mind", "outcome", "told"),
    [
        (raising(FactoryError(what="no key", next_step="set one")), "failed", "no key"),
        (raising(ValueError("odd")), "failed", "ValueError: odd"),
        (raising(asyncio.CancelledError()), "failed", "as if it had been interrupted"),
        (says_interrupted, "failed", "saying it was interrupted"),
    ],
)
async def test_a_seat_that_ends_oddly_has_failed_and_is_closed(mind, outcome: str, told: str) -> None:
    seat = OddSeat(mind)
    ended = await sit(seat, BRIEF, SmallDesk(), None)
    assert (ended.kind, seat.closed) == (outcome, 1)
    assert told in ended.note


async def test_a_turn_over_its_time_has_used_up_its_budget_and_its_seat_is_closed() -> None:
    seat = OddSeat(for_ever)
    ended = await sit(seat, BRIEF, SmallDesk(), 0.01)
    assert (ended.kind, seat.closed) == ("budget", 1)


async def test_an_interrupt_closes_the_seat_before_it_is_told_and_a_second_one_changes_nothing() -> None:
    closing = asyncio.Event()
    go_on = asyncio.Event()

    async def slowly() -> None:
        closing.set()
        await go_on.wait()

    seat = OddSeat(for_ever, closing=slowly)
    turn = asyncio.ensure_future(sit(seat, BRIEF, SmallDesk(), None))
    await seat.began.wait()
    turn.cancel()
    await closing.wait()
    turn.cancel()
    await asyncio.sleep(0)
    assert not turn.done(), "it is still closing"
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert seat.closed == 1


async def test_a_seat_that_is_deaf_to_the_interrupt_is_closed_all_the_same() -> None:
    seat, desk = OddSeat(deaf), SmallDesk()
    turn = asyncio.ensure_future(sit(seat, BRIEF, desk, None, interrupt_seconds=0.05))
    await seat.began.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert seat.closed == 1
    assert "did not answer the interrupt" in desk.notices[0]


async def test_a_seat_that_never_closes_ends_its_turn_all_the_same() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    async def done(seat: OddSeat) -> SeatOutcome:
        return SeatOutcome(kind="ok")

    desk = SmallDesk()
    ended = await sit(OddSeat(done, closing=never), BRIEF, desk, None, close_seconds=0.02)
    assert ended.kind == "ok"
    assert "did not close" in desk.notices[0]


async def test_a_role_for_a_contained_seat_is_never_seated_in_one_that_is_not(tmp_path) -> None:
    async def report(brief: TurnBrief, desk: Desk) -> None:
        await desk.act(Action(kind="report", text="looked"))

    crew = make_crew(tmp_path, {"discovery": report})
    crew.seat.contained = False
    async with crew.session() as house:
        await small_task(house, "Look around", role="discovery")
        waits = await settled(house)
        assert [item.kind for item in waits] == ["stuck"]
        assert "contained seat only" in house.state.task("T-1").why
    assert crew.seat.seen == []


async def test_the_same_role_works_in_a_seat_that_is_contained(tmp_path) -> None:
    async def report(brief: TurnBrief, desk: Desk) -> None:
        await desk.act(Action(kind="report", text="looked"))

    crew = make_crew(tmp_path, {"discovery": report})
    async with crew.session() as house:
        await small_task(house, "Look around", role="discovery")
        await settled(house)
        assert house.state.closed["T-1"].stage == "done"


async def test_a_seat_that_is_missing_leaves_the_role_unseated_and_says_what_mends_it(tmp_path) -> None:
    crew = make_crew(tmp_path, {}, settings=TELEPORTER)
    async with crew.session() as house:
        await small_task(house, "Add")
        await settled(house)
        assert "there is no seat `teleporter`" in house.state.task("T-1").why
