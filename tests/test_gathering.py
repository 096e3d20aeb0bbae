"""Asks that are not urgent gather for five seconds by the record before they call the supervisor."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from crew import SUPERVISOR, answer, make_crew
from heart import given, small_task
from msgspec.structs import replace

from factory_tui.domain import commands as c
from factory_tui.domain.due import needs_time, seconds_to_sleep, waits_anew
from factory_tui.domain.gathering import SECONDS_TO_GATHER, calling, gathering, next_calling
from factory_tui.domain.state import Ask, State, Turn
from factory_tui.domain.terms import Action, Decision, PlannedTask, Ruling
from factory_tui.domain.times import minutes_after, minutes_between
from factory_tui.engine.seat_ports import Desk, TurnBrief
from factory_tui.engine.ticking import ticking

NOON = "2026-11-22T12:00:00.000Z"


def at(seconds: float) -> str:
    return minutes_after(NOON, seconds / 60.0)


def waits(id: str, turn: str, seconds: float, action: Action | None = None) -> Ask:
    action = action or Action(kind="fetch", resource="package", target=id)
    ruling = Ruling(decision=Decision.ASK, matches=())
    return Ask(id=id, turn=turn, task="T-1", role="builder", action=action, sha256=id, ruling=ruling, since=at(seconds))


def turns(*ids: str, **more: object) -> dict[str, Turn]:
    state = given(small_task(), lambda heart: heart.begin()).heart.state
    one = next(iter(state.turns.values()))
    return {id: replace(one, id=id, **more) for id in ids}


def crowd(*asks: Ask, now: float, busy: bool = True, **more: object) -> State:
    known = turns(*(ask.turn for ask in asks)) | (turns("busy/1", **more) if busy else {})
    return State(at=at(now), turns=known, asks={ask.id: ask for ask in asks})


@pytest.mark.parametrize(
    ("seconds", "hidden"),
    [(0.0, {"A-1"}), (4.9, {"A-1"}), (5.0, set()), (60.0, set())],
)
def test_an_ask_is_shown_five_seconds_after_it_came(seconds, hidden):
    assert gathering(crowd(waits("A-1", "b/1", 0.0), now=seconds)) == hidden


def test_those_that_come_meanwhile_are_shown_with_the_first_and_later_ones_gather_anew():
    asks = (waits("A-1", "b/1", 0.0), waits("A-2", "b/2", 4.0), waits("A-3", "b/3", 6.0))
    assert gathering(crowd(*asks[:2], now=4.0)) == {"A-1", "A-2"}
    assert gathering(crowd(*asks, now=6.0)) == {"A-3"}
    assert next_calling(crowd(*asks, now=6.0)) == at(11.0)
    assert gathering(crowd(*asks, now=11.0)) == frozenset()


def test_an_urgent_one_comes_at_once():
    deploy = waits("A-1", "b/1", 0.0, Action(kind="deploy"))
    assert gathering(crowd(deploy, now=0.0)) == frozenset()
    alone = waits("A-1", "b/1", 0.0)
    assert gathering(crowd(alone, now=0.0, busy=False)) == frozenset(), "nobody else could ask, too"
    assert gathering(crowd(alone, now=0.0, paused="by hand")) == frozenset(), "the other one stands still"
    assert gathering(crowd(alone, now=0.0, control="human")) == frozenset(), "a person asks for nothing"
    assert gathering(crowd(alone, waits("A-2", "b/2", 0.0), now=0.0, busy=False)) == frozenset(), "all of them wait"
    assert gathering(crowd(alone, now=0.0)) == {"A-1"}


def test_the_clock_puts_the_end_of_the_gathering_on_record_and_sleeps_no_longer_than_that():
    state = crowd(waits("A-1", "b/1", 0.0), now=1.0)
    assert not needs_time(state, at(4.0))
    assert needs_time(state, at(5.0))
    assert seconds_to_sleep(state, at(2.0)) == pytest.approx(3.0)
    assert seconds_to_sleep(crowd(now=1.0), at(2.0)) == 60.0


def test_the_clock_looks_again_when_a_turn_that_begins_makes_an_ask_gather():
    """Else it slept on for a minute, and the ask was hidden as long."""
    alone = crowd(waits("A-1", "b/1", 0.0), now=1.0, busy=False)
    together = replace(alone, turns=alone.turns | turns("busy/1"))
    assert (next_calling(alone), next_calling(together)) == ("", at(5.0))
    assert waits_anew(alone, together)
    assert not waits_anew(together, replace(together, turns=dict(together.turns))), "the control: what a turn uses up"


async def test_with_a_real_clock_the_ask_of_one_of_two_turns_calls_by_itself(tmp_path: Path) -> None:
    """The other turn says nothing meanwhile, so that only the clock writes."""
    release = asyncio.Event()

    async def plan(brief: TurnBrief, desk: Desk) -> None:
        tasks = tuple(
            PlannedTask(title=f"Write {path}", goal="it is there", role="builder", criteria=("it is",), paths=(path,))
            for path in ("one.py", "two.py")
        )
        await desk.act(Action(kind="plan", tasks=tasks, text="two files"))

    async def build(brief: TurnBrief, desk: Desk) -> None:
        if "one.py" in brief.text:
            await desk.act(Action(kind="run", command=f"echo {'x' * 8_200}"))
        else:
            await release.wait()

    crew = make_crew(tmp_path, {"ceo": plan, "builder": build})
    async with crew.session("flow") as house, ticking(house.factory, house.clock):
        base, base_ref = await house.worktrees.head(), await house.worktrees.base_ref()
        house.factory.submit(c.StateMission(text="two files", base=base, base_ref=base_ref), SUPERVISOR)
        async with asyncio.timeout(60):
            await house.factory.until(lambda state: bool(state.plans) and not state.turns)
            answer(house, next(iter(house.state.plans)), "approve")
            await house.factory.until(lambda state: bool(state.asks) and len(state.turns) == 2)
            assert not [item for item in calling(house.state) if item.kind == "ask"]
            await house.factory.until(lambda state: any(item.kind == "ask" for item in calling(state)))
        ask = next(iter(house.state.asks.values()))
        assert minutes_between(ask.since, house.state.at) * 60.0 >= SECONDS_TO_GATHER
        release.set()
        answer(house, ask.id, "deny", "no")
