"""Kill -9 of the factory while a seat's command runs: nothing of it is left, and the next session goes on."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from crew import answer, approve_all, commit_and_hand_over, make_crew, settled, stages, write
from play import running_with
from real_git import git

from factory_tui.domain.terms import Action
from factory_tui.engine.seat_ports import Desk, TurnBrief

HERE = str(Path(__file__).parents[1])
PROGRAM = """
import asyncio, sys
sys.path[:0] = [{here!r}]
from pathlib import Path
from crew import Crew, MindSeat, SUPERVISOR, small_task
from factory_tui.domain.terms import Action

async def busy(brief, desk):
    script = "setsid sh -c 'sleep 600; : {mark}' & echo begun > begun; sleep 600; : {mark}"
    await desk.act(Action(kind="run", command=script))

async def main():
    seat = MindSeat({{"builder": busy}})
    seat.control = "brokered"
    house = Crew(root=Path({root!r}), state_home=Path({state!r}), seat=seat).house()
    await house.start(SUPERVISOR, None)
    await small_task(house, "Swap")
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.needs_bwrap
async def test_nothing_is_left_and_the_next_session_finishes_the_task(tmp_path: Path):
    async def build(brief: TurnBrief, desk: Desk) -> None:
        assert (await desk.act(Action(kind="run", command="true"))).ok
        assert (await write(desk, "adder.py", "def add(a, b):\n    return b + a\n")).ok
        assert (await commit_and_hand_over(desk)).ok

    crew = make_crew(tmp_path, {"builder": build, "quality": approve_all})
    mark = f"killed-{tmp_path.name}"
    program = PROGRAM.format(here=HERE, mark=mark, root=str(crew.root), state=str(crew.state_home))
    mounts = Path("/proc/self/mounts").read_text()
    factory = subprocess.Popen([sys.executable, "-c", program])
    try:
        async with asyncio.timeout(90):
            # The daemon and the command; the program itself carries the mark too.
            while len(running_with(mark)) < 4:
                await asyncio.sleep(0.05)
    finally:
        factory.kill()
        factory.wait()
    async with asyncio.timeout(30):
        while running_with(mark):
            await asyncio.sleep(0.02)
    assert Path("/proc/self/mounts").read_text() == mounts
    async with crew.session() as house:
        assert [item.kind for item in await settled(house)] == ["change"]
        answer(house, "T-1", "approve")
        await settled(house)
        assert stages(house.state) == {"T-1": "landed"}
        kept = git(crew.root, "for-each-ref", "--format=%(refname)", "refs/factory/kept")
        worktrees = list((Path(house.ground.place.worktrees)).glob("T-1*"))
        assert "refs/factory/kept/T-1" in kept
        assert worktrees == []
