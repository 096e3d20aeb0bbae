"""A person takes a turn over from an agent and gives it back: one task, one worktree, each part under its own name."""

from __future__ import annotations

import asyncio
from pathlib import Path

from crew import SUPERVISOR, approve_all, commit_and_hand_over, make_crew, small_task, write

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.engine.seat_ports import Desk, SeatOutcome, TurnBrief


async def test_an_agents_turn_is_taken_over_given_back_and_finished_in_the_same_worktree(tmp_path: Path) -> None:
    begun = [asyncio.Event(), asyncio.Event()]

    async def builder(brief: TurnBrief, desk: Desk) -> SeatOutcome | None:
        if brief.turn.endswith("b1"):
            await write(desk, "agent.py", "first = 1\n")
            begun[0].set()
            await asyncio.Event().wait()
        found = [(Path(brief.directory) / name).read_text() for name in ("agent.py", "person.py")]
        assert found == ["first = 1\n", "second = 2\n"], "the work of both is there"
        assert "it knows the rest" in brief.text
        await commit_and_hand_over(desk)
        return None

    async def person(brief: TurnBrief, desk: Desk) -> SeatOutcome | None:
        assert "I know this one" in brief.text
        await write(desk, "person.py", "second = 2\n")
        begun[1].set()
        await asyncio.Event().wait()
        return None

    crew = make_crew(tmp_path, {"builder": builder, "quality": approve_all})
    human = type(crew.seat)({"builder": person}, kind="human", control="human")
    async with crew.session() as house:
        house.seats.offer("human", lambda: human)  # type: ignore[attr-defined]
        seen: list[object] = []
        house.factory.subscribe(lambda entry, state: seen.append(entry.event))
        await small_task(house, "Two hands")
        async with asyncio.timeout(60):
            await begun[0].wait()
            house.factory.submit(c.RetireTurn(turn="builder/b1", reason="I know this one", seat="human"), SUPERVISOR)
            await begun[1].wait()
            (second,) = house.state.turns
            house.factory.submit(c.RetireTurn(turn=second, reason="it knows the rest", seat="mind"), SUPERVISOR)
            await house.factory.until(lambda state: state.task("T-1").stage in ("ready", "stuck"))
        task = house.state.task("T-1")
        assert task.stage == "ready", task.why
        held = [(one.seat, one.control, bool(one.person)) for one in seen if isinstance(one, e.TurnStarted)]
        assert held[:3] == [("mind", "rehearsed", False), ("human", "human", True), ("mind", "rehearsed", False)]
        assert (task.attempt, task.fruitless) == (1, 0)
        assert task.candidate is not None
        assert {"agent.py", "person.py"} <= set(task.candidate.paths)
        authors = [one for one in task.turns if one.purpose == "author"]
        assert [bool(one.person) for one in authors] == [False, True, False]
