"""A factory on a real repository whose seats are plain coroutines: only the models' minds are made up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from real_git import commit, git, repository

from factory_tui.bootstrap.grounds import find_ground
from factory_tui.bootstrap.house import House, open_house
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.domain import commands as c
from factory_tui.domain.item import Waiting
from factory_tui.domain.state import State
from factory_tui.domain.terms import Action, Actor, Control, SeatFacts
from factory_tui.domain.waiting import waiting
from factory_tui.engine.checklist import Report, unheard
from factory_tui.engine.seat_ports import ActionResult, Desk, SeatOutcome, TurnBrief
from factory_tui.engine.session import waits_for_somebody

SUPERVISOR = Actor(kind="supervisor", name="supervisor:test@script")
Mind = Callable[[TurnBrief, Desk], Awaitable[SeatOutcome | None]]

HOME = {
    ".factory/factory.toml": (
        'repo_id = "{repo_id}"\n[smoke]\ncommand = "python3 -m unittest -v"\n[pace]\nmode = "flow"\n'
        '[seats]\ndefault = "mind"\n'
    ),
    ".factory/memory/DNA.md": "---\nstack: {language: python}\n---\n# DNA\n\nAdding is what it does.\n",
}
PRODUCT = {
    "adder.py": "def add(a, b):\n    return a + b\n",
    "test_adder.py": (
        "import unittest\nimport adder\n\n\nclass Adding(unittest.TestCase):\n"
        "    def test_add(self):\n        self.assertEqual(adder.add(1, 2), 3)\n"
    ),
    "README.md": "# Adder\n",
}


@dataclass
class MindSeat:
    """A seat played by a coroutine."""

    minds: Mapping[str, Mind]
    seen: list[TurnBrief] = field(default_factory=list)
    kind: str = "mind"
    control: Control = "rehearsed"
    contained: bool = True

    @property
    def facts(self) -> SeatFacts:
        return SeatFacts(control=self.control, gates_every_call=True, knows_cost=True, contained=self.contained)

    async def close(self) -> None: ...

    async def run(self, brief: TurnBrief, desk: Desk) -> SeatOutcome:
        self.seen.append(brief)
        mind = self.minds.get(f"{brief.role}:{brief.attempt}") or self.minds.get(brief.role)
        if mind is None:
            return SeatOutcome(kind="failed", note=f"nobody plays {brief.role}")
        return await mind(brief, desk) or SeatOutcome(kind="ok")


@dataclass
class Crew:
    """A repository, its home, and who plays which role."""

    root: Path
    state_home: Path
    seat: MindSeat

    @property
    def environment(self) -> dict[str, str]:
        return {"XDG_STATE_HOME": str(self.state_home), "HOME": str(self.state_home), "XDG_CONFIG_HOME": "/nonexistent"}

    def house(self) -> House:
        ground = find_ground(str(self.root), self.environment)
        return open_house(ground, seats=lambda charter: SeatTable({"mind": lambda: self.seat}, charter))

    @asynccontextmanager
    async def session(self, mode: str | None = None, acknowledge: bool = True, report: Report = unheard):
        house = self.house()
        try:
            await house.start(SUPERVISOR, mode, report)  # type: ignore[arg-type]
            if acknowledge:
                for item in waiting(house.state):
                    if item.kind == "digest":
                        answer(house, item.id, "ack")
            yield house
        finally:
            await house.close("the test ended it", SUPERVISOR)


def make_crew(tmp_path: Path, minds: Mapping[str, Mind], files: Mapping[str, str] = {}, settings: str = "") -> Crew:
    repo_id = "0123456789abcdef0123456789abcdef"
    home = {path: text.replace("{repo_id}", repo_id) for path, text in HOME.items()}
    if settings:
        home[".factory/factory.toml"] = settings.replace("{repo_id}", repo_id)
    root = repository(tmp_path, {**PRODUCT, **home, **files})
    git(root, "config", "core.hooksPath", "/dev/null")
    return Crew(root=root, state_home=tmp_path / "state", seat=MindSeat(minds))


def answer(house: House, id: str, verb: str, text: str = "", expires: str = "") -> None:
    """Answers the object as it is now, as a supervisor who just looked."""
    item = next((item for item in waiting(house.state) if item.id == id), None)
    sha256 = item.sha256 if item else ""
    house.factory.submit(c.Answer(id=id, verb=verb, sha256=sha256, text=text, expires=expires), SUPERVISOR)


async def settled(house: House, seconds: float = 60.0) -> tuple[Waiting, ...]:
    """Runs until everything waits for somebody; what waits."""
    async with asyncio.timeout(seconds):
        await house.factory.idle(waits_for_somebody)
    return waiting(house.state)


async def small_task(house: House, text: str, role: str = "builder", **more: object) -> None:
    base = await house.worktrees.head()
    base_ref = await house.worktrees.base_ref()
    house.factory.submit(
        c.OpenSmallTask(text=text, role=role, base_ref=base_ref, base=base, **more),  # type: ignore[arg-type]
        SUPERVISOR,
    )


async def write(desk: Desk, path: str, content: str) -> ActionResult:
    return await desk.act(Action(kind="edit", path=path, content=content))


async def commit_and_hand_over(desk: Desk, message: str = "Do it") -> ActionResult:
    committed = await desk.act(Action(kind="commit", text=message))
    if not committed.ok:
        return committed
    return await desk.act(Action(kind="hand_over", text="done"))


async def approve_all(brief: TurnBrief, desk: Desk) -> None:
    """A reviewer that runs the tests and finds nothing."""
    probe = await desk.act(Action(kind="run", command="python3 -m unittest"))
    assert probe.ok, probe.text
    await desk.act(Action(kind="report", checked=("ran the tests",), text="looked"))


def stages(state: State) -> dict[str, str]:
    return {task.id: task.stage for task in [*state.tasks.values(), *state.closed.values()]}


__all__ = ["commit", "git"]
