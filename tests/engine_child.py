"""A factory that carries one small change through and dies where it is told: `engine_child.py ROOT STATE WHERE`.

WHERE is `-` (nowhere), `+9` (as the ninth entry of this life is written), `turn.started` (as such an event is written),
`durable:committed` (once such an event is on disk), `before:land` or `after:land` (around the landing itself). What is
on disk is acknowledged on standard output, an entry a line.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from crew import SUPERVISOR, Crew, MindSeat, answer, approve_all, commit_and_hand_over, settled, small_task, write

from factory_tui.bootstrap.house import House
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import State
from factory_tui.domain.waiting import waiting
from factory_tui.engine.ports import LandingPlan
from factory_tui.engine.seat_ports import Desk, TurnBrief

ADDER = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n"


async def build(brief: TurnBrief, desk: Desk) -> None:
    done = await write(desk, "adder.py", ADDER)
    assert done.ok, done.text
    handed = await commit_and_hand_over(desk, "Subtract")
    assert handed.ok, handed.text


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingWorktrees:
    """Real ones, until the landing."""

    def __init__(self, real: Any, where: str) -> None:
        self._real, self._where = real, where

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def land(self, plan: LandingPlan) -> None:
        if self._where == "before:land":
            die()
        await self._real.land(plan)
        if self._where == "after:land":
            die()


def watch(house: House, where: str) -> None:
    acknowledging: set[asyncio.Task[None]] = set()
    first = house.state.seq

    async def acknowledge(entry: Entry, tag: str) -> None:
        await house.factory.durable(entry.seq)
        print(entry.seq, tag, flush=True)
        if where == f"durable:{tag}":
            die()

    def look(entry: Entry, state: State) -> None:
        tag = type(entry.event).__struct_config__.tag  # type: ignore[attr-defined]
        if where == tag or where == f"+{entry.seq - first}":
            die()
        task = asyncio.get_running_loop().create_task(acknowledge(entry, str(tag)))
        acknowledging.add(task)
        task.add_done_callback(acknowledging.discard)

    house.factory.subscribe(look)
    if where.endswith(":land"):
        house.gatekeeper._worktrees = DyingWorktrees(house.worktrees, where)  # type: ignore[assignment]


async def main(root: str, state_home: str, where: str) -> None:
    crew = Crew(root=Path(root), state_home=Path(state_home), seat=MindSeat({"builder": build, "quality": approve_all}))
    house = crew.house()
    watch(house, where)
    await house.start(SUPERVISOR)
    while True:
        for item in waiting(house.state):
            usual = {"digest": "ack", "change": "approve", "stuck": "retry"}.get(item.kind)
            if usual:
                answer(house, item.id, usual)
        if not house.state.missions:
            await small_task(house, "Add subtraction")
        await settled(house)
        if any(mission.outcome for mission in house.state.missions.values()):
            break
    await house.close("the test ended it", SUPERVISOR)
    print("over", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
