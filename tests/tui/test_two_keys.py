"""Any waiting item is answered by two keys from the list of what waits: its number, then the answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import get_args

import pytest
from chair import BusyFloor, Chair, press, screen_text, settled, write
from heart import DEFECT, SUPERVISOR, author_works, handed_over, mission, reviewed, small_task
from test_spending import ends_itself, spent, staffed

from factory_tui.domain import commands as c
from factory_tui.domain.item import Waiting, WaitingKind
from factory_tui.domain.staffing import Bounds, Budgets
from factory_tui.domain.state.deployments import DeployStage
from factory_tui.domain.terms import Action
from factory_tui.domain.waiting import verbs_of, waiting
from factory_tui.engine.reception import HandOver
from factory_tui.tui.acts.moving import ITEM_KEYS
from factory_tui.tui.bindings import VERBS
from factory_tui.tui.keymap import Keys
from factory_tui.tui.present.floor import KIND_WORDS
from factory_tui.tui.screens.card import PROMPTS, VERB_LABELS
from factory_tui.tui.screens.listing import NeedsYou


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

    def proposal(self) -> None:
        self._at_work()
        self.wish(Action(kind="propose", path="memory/DNA.md", content="# DNA\n"), "T-1", self.keep("# DNA\n"))

    def turn(self) -> None:
        small_task()(self)
        self.seal()
        author_works(person="ada")(self)
        self.handovers = Given(self)

    def budget(self) -> None:
        small_task()(self)
        staffed(Budgets(day=Bounds(usd=2.0)))(self)
        author_works()(self)
        spent(usd=2.9)(self)
        ends_itself("T-1")(self)

    def world(self) -> None:
        self._at_work()
        cause = "5 h window of claude"
        until = "2026-11-22T16:00:00.000Z"
        self.do(c.EndTurn(turn=self.turn_of(), outcome="interrupted", cause=cause, until=until))

    def paused(self) -> None:
        self._at_work()
        self.do(c.PauseTurn(turn=self.turn_of(), reason="look"), SUPERVISOR)

    def incident(self) -> None:
        self.do(c.OpenIncident(title="The page is down", freeze=False), SUPERVISOR)

    def _at_work(self) -> None:
        small_task()(self)
        self.begin()


class Given:
    """A person's turn that waits to be told; satisfies `HandoverPort`."""

    def __init__(self, chair: Chair) -> None:
        self.chair = chair

    def place_of(self, task: str) -> tuple[str, str]:
        return ("/worktree", "/form")

    async def give(self, request: HandOver) -> str:
        self.chair.commit()
        self.chair.hand_over(request.task)
        return "it is checked and goes on"


KINDS = [kind for kind in get_args(WaitingKind) if kind != "deployment"]
"""A deployment is answered on a screen of its own: `test_deployment_room.py`."""


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_and_an_answer_settle_it(kind: str):
    """What is typed after the answer, and the Enter that sends it, is the answer's text."""
    chair = Waits(kind)
    assert [item.kind for item in waiting(chair.state)] == [kind]
    item = waiting(chair.state)[0]
    answer = Keys().by_id[VERBS[item.verbs[0]]].keys[0]
    async with chair.cockpit() as (app, pilot):
        if kind == "digest":
            await press(pilot, "escape")
        await press(pilot, "g", "n")
        await press(pilot, "1", answer)
        await told_to_go_on(pilot, item.verbs[0])
        assert is_settled(app, item)


async def told_to_go_on(pilot, verb: str) -> None:
    if verb in PROMPTS:
        await write(pilot, WORDS.get(verb, ""))
        await press(pilot, "enter")


def is_settled(app, item: Waiting) -> bool:
    return (item.id, item.sha256) not in [(one.id, one.sha256) for one in waiting(app.state)]


WORDS = {"reply": "the first", "raise": "usd 2", "fill": "cost: two hours"}


def test_whatever_can_wait_has_a_word_and_every_answer_a_key():
    assert set(KIND_WORDS) == set(get_args(WaitingKind))
    stages = {verb for stage in get_args(DeployStage) for verb in verbs_of(SimpleNamespace(stage=stage))}
    assert stages <= set(VERBS)


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


class Crowded(Chair):
    """More asks wait than there are digits."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.start_session()
        small_task()(self)
        self.begin()
        for place in range(1, number + 1):
            self.wish(Action(kind="fetch", resource="package", target=f"library-{place}"))


@pytest.mark.parametrize("place", range(1, len(ITEM_KEYS) + 1))
async def test_each_of_many_is_two_keys_away(place: int):
    chair = Crowded(len(ITEM_KEYS) + 1)
    async with chair.cockpit() as (app, pilot):
        item = waiting(app.state)[place - 1]
        await press(pilot, "g", "n")
        assert f" {ITEM_KEYS[place - 1]} ASK" in screen_text(app)
        await press(pilot, ITEM_KEYS[place - 1], "A")
        assert is_settled(app, item)
        assert len(waiting(app.state)) == len(ITEM_KEYS)


def test_the_keys_of_items_have_no_other_meaning_in_their_list():
    """Moving, searching, copying and going elsewhere keep their keys."""
    assert len(set(ITEM_KEYS)) == len(ITEM_KEYS) > 9
    for number, key in enumerate(ITEM_KEYS, 1):
        assert Keys().find(key, NeedsYou.places) == Keys().by_id[f"item.{number}"]
        assert not Keys().is_start(key, NeedsYou.places)


async def test_a_number_that_nothing_has_says_so():
    chair = Waits("ask")
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "n", "7")
        assert "one waits" in screen_text(app)


async def test_a_stuck_task_is_split_from_its_card():
    chair = Waits("stuck")
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "I")
        await write(pilot, "Add: it adds | Subtract: it subtracts")
        await press(pilot, "enter")
        assert [task.title for task in app.state.tasks.values()] == ["Add", "Subtract"]


__all__ = ["SUPERVISOR"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_every_answer_is_told_on_its_card_at_any_size(kind: str, size: tuple[int, int]):
    chair = Waits(kind)
    item = waiting(chair.state)[0]
    async with chair.cockpit(*size) as (app, pilot):
        app.open_waiting(item)
        await settled(pilot)
        told = app.screen.bar_at("hints").lines
        rows = ["".join(span.text for span in line) for line in told]
        for verb in item.verbs:
            key = Keys().by_id[VERBS[verb]].keys[0]
            assert any(f" {key} {VERB_LABELS.get(verb, verb)} " in f"{row} " for row in rows), (verb, rows)
        assert "Esc back" in rows[-1]
        assert all(len(row) <= size[0] for row in rows)
        drawn = screen_text(app).splitlines()
        assert [row.rstrip() for row in drawn[-len(rows) :]] == [row.rstrip() for row in rows]
        content = app.screen.drawn["text"]
        assert content.region.bottom <= size[1] - len(rows), "the keys stand over nothing"
