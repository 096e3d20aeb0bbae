"""The cockpit on a mission of the tests' own, in step mode, for a real terminal. `python mission_child.py PLACE`

Only the minds are made up: repository, commands, gate, ledger and keys are real. A file `wait` in PLACE has the builder
wait in the middle of its turn.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from factory_tui.tui.skeleton import Skeleton

frame = Skeleton()
frame.paint("adder")

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from crew import Crew, MindSeat, approve_all, commit_and_hand_over, make_crew, write  # noqa: E402

from factory_tui.domain.terms import Action, PlannedTask  # noqa: E402
from factory_tui.tui.run import run_cockpit, told  # noqa: E402

PLACE = Path(sys.argv[1])


async def plan(brief, desk) -> None:
    task = PlannedTask(
        title="Subtraction",
        goal="sub(a, b) is a - b",
        role="builder",
        criteria=("sub(3, 1) is 2",),
        paths=("*.py", "docs/**"),
    )
    told = await desk.act(Action(kind="plan", tasks=(task,), text="one task is enough"))
    assert told.ok, told.text


async def build(brief, desk) -> None:
    if brief.attempt == 1:
        await desk.act(Action(kind="fetch", resource="package", target="numpy"))
    while (PLACE / "wait").exists():
        await asyncio.sleep(0.05)
    await write(desk, "sub.py", f"def sub(a, b):\n    return a - b  # {brief.attempt}\n")
    test = "import unittest\nimport sub\n\n\nclass Sub(unittest.TestCase):\n    def test_sub(self):\n"
    await write(desk, "test_sub.py", f"{test}        self.assertEqual(sub.sub(3, 1), 2)\n")
    told = await commit_and_hand_over(desk)
    assert told.ok, told.text


MINDS = {"ceo": plan, "builder": build, "quality": approve_all}


def door():
    from factory_tui.bootstrap import supervisor
    from factory_tui.tui.door import WorksDoor

    if (PLACE / "repository").exists():
        crew = Crew(root=PLACE / "repository", state_home=PLACE / "state", seat=MindSeat(MINDS))
    else:
        crew = make_crew(PLACE, MINDS)
    return WorksDoor(name="adder", make=lambda hear: crew.house(), by=supervisor("tty"), mode="step")


if __name__ == "__main__":
    left = run_cockpit(door, title="adder", skeleton=frame)
    sys.stdout.write(told(left) + "\n")
    sys.exit(left.exit_code)
