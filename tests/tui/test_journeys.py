"""What supervising costs: keys pressed and times interrupted, counted on a real factory whose minds alone are made up.

Keys typed as text are not counted; the keys that open and send the line are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from chair import opened, settled, typed, write
from crew import SUPERVISOR, Crew, approve_all, commit_and_hand_over, make_crew
from crew import write as edit

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.item import Waiting
from factory_tui.domain.terms import Action, Finding, PlannedTask
from factory_tui.domain.waiting import waiting
from factory_tui.engine.seat_ports import Desk, TurnBrief
from factory_tui.engine.session import waits_for_somebody
from factory_tui.tui.app import Cockpit
from factory_tui.tui.door import WorksDoor
from factory_tui.tui.screens.briefing import Briefing
from factory_tui.tui.screens.card import Card
from factory_tui.tui.screens.floor import Floor

FILES = ("one.py", "two.py", "three.py")


async def build(brief: TurnBrief, desk: Desk) -> None:
    """Writes the file that the brief names, with a test for it."""
    name = next((file for file in FILES if file in brief.text), "one.py").removesuffix(".py")
    await edit(desk, f"{name}.py", f"def {name}():\n    return '{name}'  # {brief.attempt}\n")
    test = f"import unittest\nimport {name}\n\n\nclass It(unittest.TestCase):\n    def test_it(self):\n"
    await edit(desk, f"test_{name}.py", f"{test}        self.assertEqual({name}.{name}(), '{name}')\n")
    told = await commit_and_hand_over(desk)
    assert told.ok, told.text


async def plan_three(brief: TurnBrief, desk: Desk) -> None:
    tasks = tuple(
        PlannedTask(
            title=f"Write {file}",
            goal=f"{file} says its name",
            role="builder",
            criteria=(f"{file} is tested",),
            paths=(file, f"test_{file}"),
        )
        for file in FILES
    )
    told = await desk.act(Action(kind="plan", tasks=tasks, text="three files, three tasks"))
    assert told.ok, told.text


async def find_fault(brief: TurnBrief, desk: Desk) -> None:
    await desk.act(Action(kind="run", command="python3 -m unittest"))
    wrong = Finding(title="it says the wrong name", path="one.py", line=2)
    await desk.act(Action(kind="report", findings=(wrong,), checked=("ran it",), text="looked"))


class Journey:
    """A supervisor at the keys, who waits until everything waits for them."""

    def __init__(self, app: Cockpit, pilot, works) -> None:
        self.app, self.pilot, self.works = app, pilot, works
        self.keys = 0
        self.interruptions = 0
        self.answered: list[str] = []

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.keys += 1
            self.app.post_message(typed(key))
            await settled(self.pilot)

    async def text(self, words: str) -> None:
        await write(self.pilot, words)

    async def calm(self) -> tuple[Waiting, ...]:
        """Nothing goes on without the supervisor any more."""
        async with asyncio.timeout(60):
            await self.works().factory.idle(waits_for_somebody)
        await settled(self.pilot)
        return waiting(self.app.state)

    async def answer_all(self, key: Callable[[Waiting], str] = lambda item: "A") -> None:
        """Opens the oldest thing and answers it, again and again, until nothing waits. On the floor, `o` is an
        interruption: the supervisor was called."""
        while await self.calm():
            if not isinstance(self.app.screen, Card):
                self.interruptions += 1
                await self.press("o")
            assert isinstance(self.app.screen, Card)
            self.answered.append(self.app.screen.item.kind)
            await self.press(key(self.app.screen.item))

    @property
    def events(self) -> list[Entry]:
        return list(self.app.chronicle.entries)


@asynccontextmanager
async def at_the_cockpit(crew: Crew, mode: str = "flow", size: tuple[int, int] = (120, 40)):
    houses = []

    def make(hear):
        houses.append(crew.house())
        return houses[-1]

    door = WorksDoor(name="adder", make=make, by=SUPERVISOR, mode=mode)  # type: ignore[arg-type]
    app = Cockpit(door, arm_seconds=0.0, bell=False)
    try:
        async with app.run_test(size=size) as pilot:
            await opened(pilot)
            yield Journey(app, pilot, lambda: houses[-1])
    finally:
        await door.close("the test ended it", app.words)


Minds = dict[str, Callable[[TurnBrief, Desk], Awaitable[None]]]
GOOD: Minds = {"builder": build, "quality": approve_all, "ceo": plan_three}


def landed(journey: Journey) -> int:
    return sum(isinstance(entry.event, e.Landed) for entry in journey.events)


@pytest.mark.parametrize(("mode", "keys", "times"), [("flow", 4, 1), ("step", 8, 3)])
async def test_a_small_change(tmp_path: Path, mode, keys, times):
    async with at_the_cockpit(make_crew(tmp_path, GOOD), mode) as journey:
        await journey.press("t")
        await journey.text("Write one.py")
        await journey.press("enter")
        await journey.answer_all()
        assert landed(journey) == 1
        assert journey.keys <= keys, journey.answered
        assert journey.interruptions <= times, journey.answered


@pytest.mark.parametrize(("mode", "keys", "times"), [("flow", 10, 4), ("step", 22, 10)])
async def test_a_feature_of_three_tasks(tmp_path: Path, mode, keys, times):
    """In step mode the ledger's own order shows it: one handoff for each answer, and no other turn meanwhile."""
    async with at_the_cockpit(make_crew(tmp_path, GOOD), mode) as journey:
        await journey.press("t", "tab")
        await journey.text("Three files that say their names")
        await journey.press("enter")
        await journey.answer_all()
        assert landed(journey) == 3
        assert journey.keys <= keys, journey.answered
        assert journey.interruptions <= times, journey.answered
        by_you = [entry for entry in released(journey.events) if entry.by.kind == "supervisor"]
        if mode == "step":
            assert most_at_once(journey.events) == 1
            assert len(by_you) == len(released(journey.events)) == journey.answered.count("handoff")
        else:
            # The control: the same feature, where turns run beside each other and nobody is asked about handoffs.
            assert most_at_once(journey.events) > 1
            assert by_you == []


async def test_three_failures_in_flow_call_nobody_before_the_third(tmp_path: Path):
    crew = make_crew(tmp_path, GOOD | {"quality": find_fault})
    async with at_the_cockpit(crew) as journey:
        await journey.press("t")
        await journey.text("Write one.py")
        await journey.press("enter")
        before = journey.keys
        items = await journey.calm()
        assert [item.kind for item in items] == ["stuck"]
        failed = [entry.event for entry in journey.events if isinstance(entry.event, e.LevelJudged)]
        assert sum(judged.level == 3 and judged.verdict == "fail" for judged in failed) == 3
        assert journey.keys == before


async def test_the_next_morning_is_one_key_when_nothing_is_new(tmp_path: Path):
    crew = make_crew(tmp_path, GOOD)
    async with at_the_cockpit(crew) as journey:
        await journey.press("t")
        await journey.text("Write one.py")
        await journey.press("enter")
        await journey.answer_all()
    async with at_the_cockpit(crew) as journey:
        await settled(journey.pilot)
        assert isinstance(journey.app.screen, Briefing)
        await journey.press("A")
        assert isinstance(journey.app.screen, Floor)
        assert not waiting(journey.app.state)
        assert journey.keys == 1


async def test_the_next_morning_with_a_landing_left_is_three_keys(tmp_path: Path):
    crew = make_crew(tmp_path, GOOD)
    async with at_the_cockpit(crew) as journey:
        await journey.press("t")
        await journey.text("Write one.py")
        await journey.press("enter")
        await journey.calm()
    async with at_the_cockpit(crew) as journey:
        await settled(journey.pilot)
        await journey.press("A", "o", "A")
        await journey.calm()
        assert landed(journey) == 1
        assert journey.keys == 3


def released(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if isinstance(entry.event, e.HandoffReleased)]


def most_at_once(entries: list[Entry]) -> int:
    running, most = 0, 0
    for entry in entries:
        running += isinstance(entry.event, e.TurnStarted) - isinstance(entry.event, e.TurnEnded)
        most = max(most, running)
    return most
