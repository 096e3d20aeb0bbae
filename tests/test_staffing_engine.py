"""Staffing, budgets and the world's times, in a factory that runs on a real repository."""

from __future__ import annotations

import asyncio
from pathlib import Path

from crew import (
    SUPERVISOR,
    answer,
    approve_all,
    commit_and_hand_over,
    make_crew,
    settled,
    small_task,
    stages,
    write,
)

from factory_tui.adapters.clock import SystemClock
from factory_tui.domain import commands as c
from factory_tui.domain.staffing import Bounds
from factory_tui.domain.terms import Action
from factory_tui.domain.times import minutes_after
from factory_tui.domain.waiting import waiting
from factory_tui.engine.seat_ports import Desk, SeatOutcome, TurnBrief
from factory_tui.engine.ticking import ticking


async def test_a_turn_that_waits_for_the_world_begins_again_by_itself(tmp_path: Path) -> None:
    tries: list[str] = []

    async def builder(brief: TurnBrief, desk: Desk) -> SeatOutcome | None:
        tries.append(brief.turn)
        if len(tries) == 1:
            await write(desk, "adder.py", "def add(a, b):\n    return b + a\n")
            until = minutes_after(SystemClock().now(), 0.01)
            return SeatOutcome(kind="waiting", cause="5 h window of the subscription", until=until)
        await commit_and_hand_over(desk)
        return None

    crew = make_crew(tmp_path, {"builder": builder, "quality": approve_all})
    async with crew.session() as house:
        async with ticking(house.factory, house.clock):
            await small_task(house, "Turn it round")
            async with asyncio.timeout(60):
                await house.factory.until(lambda state: stages(state)["T-1"] == "ready")
        task = house.state.task("T-1")
        assert [turn.outcome for turn in task.turns] == ["interrupted", "ok", "ok"]
        assert (task.attempt, task.fruitless, house.state.crashes) == (1, 0, {})
        assert house.state.world == {}


async def test_a_turn_that_spends_past_its_share_is_interrupted_with_its_work_kept(tmp_path: Path) -> None:
    """The seat itself never stops: it is stopped."""
    ended: list[str] = []

    async def builder(brief: TurnBrief, desk: Desk) -> SeatOutcome | None:
        if "again" in ended:
            await commit_and_hand_over(desk)
            return None
        await write(desk, "adder.py", "def add(a, b):\n    return b + a\n")
        desk.spend(99.0, 1, 1)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("again")
        return None

    crew = make_crew(tmp_path, {"builder": builder, "quality": approve_all})
    async with crew.session() as house:
        await small_task(house, "Turn it round")
        items = await settled(house)
        assert [(item.id, item.kind) for item in items] == [("B-T-1", "budget"), ("B-day", "budget")] or [
            item.id for item in items
        ] == ["B-day"]
        assert house.state.task("T-1").turns[-1].outcome == "budget"
        house.factory.submit(c.RaiseBudget(scope="day", by=Bounds(usd=200.0)), SUPERVISOR)
        for item in waiting(house.state):
            answer(house, item.id, "raise", "usd 100")
        await settled(house)
        assert stages(house.state)["T-1"] == "ready"
        assert (
            "b + a" in (await house.worktrees.read_file(house.state.task("T-1").candidate.commit, "adder.py")).decode()
        )  # type: ignore[union-attr]


async def test_an_action_that_fails_three_times_parks_the_turn(tmp_path: Path) -> None:
    """Without the guard this seat would go on for ever."""

    async def builder(brief: TurnBrief, desk: Desk) -> SeatOutcome | None:
        while True:
            result = await desk.act(Action(kind="run", command="false"))
            assert not result.ok
            await asyncio.sleep(0)

    crew = make_crew(tmp_path, {"builder": builder})
    async with crew.session() as house:
        await small_task(house, "Try")
        items = await settled(house)
        assert [item.kind for item in items] == ["stuck"]
        assert "loop: the same action failed" in items[0].title
        assert "times in a row (run false)" in items[0].title


async def test_the_crew_is_on_record_and_a_swap_is_for_the_next_turn(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []

    async def builder(brief: TurnBrief, desk: Desk) -> SeatOutcome | None:
        seen.append((brief.model, brief.effort))
        await write(desk, "adder.py", f"def add(a, b):\n    return b + a + {len(seen)} - {len(seen)}\n")
        await commit_and_hand_over(desk)
        return None

    settings = (
        'repo_id = "{repo_id}"\n[smoke]\ncommand = "python3 -m unittest -v"\n[pace]\nmode = "flow"\n'
        '[seats]\ndefault = "mind"\n[models]\nstandard = "small"\nbuilder = "big"\n[efforts]\ndefault = "high"\n'
    )
    crew = make_crew(tmp_path, {"builder": builder, "quality": approve_all}, settings=settings)
    async with crew.session() as house:
        staffed = house.state.crew["builder"]
        assert (staffed.seat, staffed.model, staffed.why) == ("mind", "big", "factory.toml, [seats] default")
        await small_task(house, "One")
        await settled(house)
        assert seen == [("big", "high")]
        house.factory.submit(c.SeatRole(role="builder", seat="/huge"), SUPERVISOR)
        house.factory.submit(c.ChooseSeat(task="T-1", seat="@low"), SUPERVISOR)
        answer(house, "T-1", "reject", "again")
        await settled(house)
        assert seen[1] == ("huge", "low"), "a model for the role, an effort for this task alone"
        house.factory.submit(c.ChooseSeat(task="T-1", seat=""), SUPERVISOR)
        house.factory.submit(c.SeatRole(role="builder", seat="nowhere"), SUPERVISOR)
        answer(house, "T-1", "reject", "again")
        items = await settled(house)
        assert "there is no seat `nowhere`" in items[0].title
    async with crew.session() as house:
        assert house.state.role_seats == {"builder": "nowhere"}, "the same staffing after a restart"
