"""A factory that deploys one landed commit and dies where it is told: `deploy_child.py TMP WHERE`.

WHERE is `-` (nowhere), `before:VERB` or `after:VERB` around one command of the environment (`status`, `deploy`,
`rollback`), `during:VERB` while it runs, `during:checks`, or the tag of an event: as it is written, or `durable:TAG`
once it is on disk.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crew import SUPERVISOR, Crew, MindSeat, answer, approve_all, settled, small_task
from deploy_home import Checks, Shipping, build

from factory_tui.bootstrap.house import House
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor
from factory_tui.domain.waiting import waiting

OTHER = Actor(kind="supervisor", name="supervisor:eve@script")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingChecks(Checks):
    """Ends with the first answer."""

    async def run(self, environment: Any, release: Any, previous: Any, progress: Any = None) -> Any:
        die()


class DyingCommands:
    """Real ones, until the one that is named."""

    def __init__(self, real: Any, where: str, place: Path) -> None:
        self._real, self._where, self._place = real, where, place

    async def run(self, argv: Sequence[str], *more: Any) -> Any:
        verb = argv[2]
        if self._where == f"before:{verb}":
            die()
        if self._where == f"during:{verb}":
            (self._place / "hold").touch()
            running = asyncio.ensure_future(self._real.run(argv, *more))
            while not (self._place / "held").exists():
                await asyncio.sleep(0.02)
            assert not running.done()
            die()
        result = await self._real.run(argv, *more)
        if self._where == f"after:{verb}":
            die()
        return result


def watch(house: House, where: str, place: Path) -> None:
    waiting_for: set[asyncio.Task[None]] = set()

    async def once_durable(seq: int) -> None:
        await house.factory.durable(seq)
        die()

    def look(entry: Entry, state: State) -> None:
        tag = type(entry.event).__struct_config__.tag  # type: ignore[attr-defined]
        if where == tag:
            die()
        if where == f"durable:{tag}":
            task = asyncio.get_running_loop().create_task(once_durable(entry.seq))
            waiting_for.add(task)
            task.add_done_callback(waiting_for.discard)

    house.factory.subscribe(look)
    house.deployments._commands = DyingCommands(house.deployments._commands, where, place)


async def main(folder: str, where: str, fails: str) -> None:
    tmp = Path(folder)
    seat = MindSeat({"builder": build, "quality": approve_all})
    crew = Crew(root=tmp / "repository", state_home=tmp / "state", seat=seat)
    kind = DyingChecks if where == "during:checks" else Checks
    checks = kind(fails=lambda commit: {"V01": "down"} if fails == "fails" else {})
    house = Shipping(crew=crew, place=tmp / "place", checks=checks).house()
    watch(house, where, tmp / "place")
    await house.start(SUPERVISOR)
    while True:
        for item in waiting(house.state):
            if item.kind == "digest":
                answer(house, item.id, "ack")
            elif item.kind in ("change", "deployment") and "approve" in item.verbs:
                answer(house, item.id, "approve")
        if not house.state.missions:
            await small_task(house, "Say it")
        await settled(house)
        if house.state.closed and not house.state.deployments:
            await house.deployments.propose("production", "", "", OTHER)
        elif house.state.closed and not any(item.kind == "deployment" for item in waiting(house.state)):
            break
    await house.close("the test ended it", SUPERVISOR)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
