"""Any waiting item is answered by two keys from the list of what waits: its number, then the answer."""

from __future__ import annotations

import pytest
from chair import BusyFloor, Chair, press, screen_text, write
from heart import DEFECT, SUPERVISOR, handed_over, mission, reviewed, small_task

from factory_tui.domain import commands as c
from factory_tui.domain.terms import Action
from factory_tui.domain.waiting import waiting
from factory_tui.tui.bindings import VERBS
from factory_tui.tui.keymap import Keys


class Waits(Chair):
    """One thing of each kind waits, in a factory of its own."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.start_session(mode="step" if kind == "handoff" else "flow")
        getattr(self, kind)()

    def digest(self) -> None:
        self.end_session()
        self.start_session(self.state.law)

    def handoff(self) -> None:
        small_task()(self)
        self.seal()

    def plan(self) -> None:
        mission()(self)
        self.begin()
        from heart import plan_of

        self.wish(Action(kind="plan", tasks=(plan_of("One"),), text="so"))
        self.do(c.EndTurn(turn=self.turn_of(), outcome="ok"))

    def ask(self) -> None:
        self._at_work()
        self.wish(Action(kind="fetch", resource="package", target="authlib"))

    def question(self) -> None:
        self._at_work()
        self.wish(Action(kind="escalate", text="which one?"))

    def notice(self) -> None:
        self._at_work()
        for _ in range(3):
            self.wish(Action(kind="edit", path="../x", content="x"))

    def change(self) -> None:
        small_task()(self)
        self.keep("diff of a1")
        handed_over()(self)
        reviewed()(self)

    def stuck(self) -> None:
        small_task()(self)
        for number in range(3):
            self.keep(f"diff of a{number}")
            handed_over(f"a{number}")(self)
            reviewed(DEFECT)(self)

    def _at_work(self) -> None:
        small_task()(self)
        self.begin()


@pytest.mark.parametrize("kind", ["digest", "handoff", "plan", "ask", "question", "notice", "change", "stuck"])
async def test_a_number_and_an_answer_settle_it(kind: str):
    chair = Waits(kind)
    assert [item.kind for item in waiting(chair.state)] == [kind]
    item = waiting(chair.state)[0]
    answer = Keys().by_id[VERBS[item.verbs[0]]].keys[0]
    async with chair.cockpit() as (app, pilot):
        if kind == "digest":
            await press(pilot, "escape")
        await press(pilot, "g", "n")
        await press(pilot, "1", answer)
        if item.verbs[0] == "reply":
            await write(pilot, "the first")
            await press(pilot, "enter")
        left = waiting(app.state)
        assert item.id not in [one.id for one in left] or item.sha256 not in [one.sha256 for one in left]


async def test_the_second_of_several_is_as_near_as_the_first():
    chair = BusyFloor()
    chair.wish(Action(kind="fetch", resource="package", target="authlib"), "T-3")
    chair.tick()
    async with chair.cockpit() as (app, pilot):
        items = waiting(app.state)
        place = next(n for n, item in enumerate(items, 1) if item.kind == "ask" and "authlib" in item.title)
        await press(pilot, "g", "n")
        assert f" {place} ASK" in screen_text(app)
        await press(pilot, str(place), "A")
        assert not any("authlib" in item.title for item in waiting(app.state))
        assert len(waiting(app.state)) == len(items) - 1


async def test_a_number_that_nothing_has_says_so():
    chair = Waits("ask")
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "n", "7")
        assert "1 thing(s) wait" in screen_text(app)


async def test_a_stuck_task_is_split_from_its_card():
    chair = Waits("stuck")
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "I")
        await write(pilot, "Add: it adds | Subtract: it subtracts")
        await press(pilot, "enter")
        assert [task.title for task in app.state.tasks.values()] == ["Add", "Subtract"]


__all__ = ["SUPERVISOR"]
