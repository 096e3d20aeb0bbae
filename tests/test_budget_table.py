"""Every budget by what it bounds and for whom, and what somebody might try to spend beyond one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from crew import HOME, answer, make_crew, settled, write
from crew import small_task as opened
from heart import FACTORY, SUPERVISOR, Heart, Story, author_works, charter, given, small_task
from test_spending import READ, ends_itself, spent, staffed, wishes

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.due import needs_time
from factory_tui.domain.limits import DEGRADED
from factory_tui.domain.spending import ended_because
from factory_tui.domain.staffing import Bounds, Budgets
from factory_tui.domain.terms import Action, Control, SeatFacts
from factory_tui.domain.waiting import waiting
from factory_tui.engine.seat_ports import Desk, TurnBrief

Use = Callable[[Heart, float], None]


def minutes(heart: Heart, more: float) -> None:
    heart.minute += int(more)
    heart.do(c.PassTime(now=f"2026-11-22T{heart.minute // 60:02}:{heart.minute % 60:02}:00.000Z"))


def actions(heart: Heart, more: float) -> None:
    for number in range(int(more)):
        heart.wish(Action(kind="read", path=f"{len(heart.entries)}-{number}.py"))


@dataclass(frozen=True, kw_only=True)
class Unit:
    """How much is allowed, how a turn uses as much, and how it goes past the tenth that is left to end well."""

    most: float
    use: Use
    beyond: float
    told: str


UNITS = {
    "usd": Unit(most=2.0, use=lambda heart, to: spent(usd=to)(heart), beyond=2.5, told="USD 2.00 of 2.00"),
    "tokens": Unit(
        # Those that were read from a cache.
        most=1_000,
        use=lambda heart, to: spent(tokens=int(to))(heart),
        beyond=200_000,
        told="1000 of 1000 tokens",
    ),
    "actions": Unit(most=4, use=actions, beyond=50, told="4 of 4 actions"),
    "minutes": Unit(most=5, use=minutes, beyond=30, told="5 of 5 minutes"),
}
SCOPES = {
    "turn": "of the turn",
    "task": "of T-1",
    "roles.builder": "of builder",
    "session": "of the session",
    "day": "of the day",
}
ITEMS = {
    "turn": "B-T-1", "task": "B-T-1", "roles.builder": "B-builder", "session": "B-session", "day": "B-day",
}  # fmt: skip
EVERY = [(scope, unit) for scope in SCOPES for unit in UNITS if (scope, unit) != ("turn", "minutes")]
"""A turn's minutes are held by whoever runs it, because they stand still while it waits: see below."""


def bounded(scope: str, unit: str) -> Story:
    most = UNITS[unit].most
    law = charter(f"[budgets.{scope}]\n{unit} = {most if unit in ('usd', 'minutes') else int(most)}\n")
    return given(staffed(), small_task(), author_works(), law=law)


def is_owed(heart: Heart) -> bool:
    return bool(heart.turns_owed())


@pytest.mark.parametrize(("scope", "unit"), EVERY)
def test_the_next_call_is_refused_the_turn_ended_one_item_says_why_and_it_is_raised_on_record(
    scope: str, unit: str
) -> None:
    how = UNITS[unit]
    story = bounded(scope, unit)
    heart = story.heart
    story.when(wishes(READ))
    assert isinstance(story.events[0], e.ActionAllowed), "the control: with nothing used it is allowed"
    how.use(heart, how.most - (unit == "actions"))
    why = f"the budget {SCOPES[scope]} is used up: {how.told}"
    story.when(wishes(READ)).then_denied(why)
    assert is_owed(heart), "a tenth of the turn's share is left to commit and hand over"

    # What goes on regardless is ended, and is not begun again.
    if unit == "actions":
        story.when(*[wishes(Action(kind="read", path=f"b{number}.py")) for number in range(3)])
    else:
        how.use(heart, how.beyond)
    assert not is_owed(heart)
    story.when(ends_itself()).then_stage("released").then_owed()
    (ended,) = [event for event in story.events if isinstance(event, e.TurnEnded)]
    assert (ended.outcome, heart.task().attempt, heart.task().fruitless) == ("budget", 1, 0)
    story.when(starts("rehearsed")).then_refused("has no budget")

    # Told once, and raised by an amount.
    (item,) = waiting(heart.state)
    assert (item.id, item.kind, item.verbs[0]) == (ITEMS[scope], "budget", "raise")
    assert f"the budget {SCOPES[scope]} is used up" in item.title
    more = {"usd": 100, "tokens": 1_000_000, "actions": 100, "minutes": 100}[unit]
    heart.answer(item.id, "raise", f"{unit} {more}")
    assert [entry.event for entry in heart.entries if isinstance(entry.event, e.BudgetRaised)]
    assert is_owed(heart)
    assert waiting(heart.state) == ()
    story.when(author_works(), wishes(READ))
    assert isinstance(story.events[0], e.ActionAllowed)


@pytest.mark.parametrize("scope", ["task", "roles.builder", "session", "day"])
def test_while_minutes_are_used_the_time_is_put_on_record(scope: str) -> None:
    """Or a turn that says nothing would never be found to have used them up."""
    heart = bounded(scope, "minutes").heart
    assert needs_time(heart.state, heart.state.at)
    unbounded = bounded(scope, "tokens").heart
    assert not needs_time(unbounded.state, unbounded.state.at), "the control"


async def test_the_minutes_of_a_turn_end_it_with_its_work_kept_and_a_raise_lets_the_next_one_begin(
    tmp_path: Path,
) -> None:
    begun: list[str] = []

    async def slow(brief: TurnBrief, desk: Desk) -> None:
        begun.append(brief.turn)
        await write(desk, "new.txt", "half done\n")
        await asyncio.Event().wait()

    settings = HOME[".factory/factory.toml"] + "[budgets.turn]\nminutes = 0.01\n"
    async with make_crew(tmp_path, {"builder": slow}, settings=settings).session() as house:
        await opened(house, "Turn it round")
        (item,) = await settled(house)
        assert (item.id, item.kind) == ("B-T-1", "budget")
        assert "the budget of the turn is used up: its minutes; its work is kept" in item.title
        kept = Path(await house.worktrees.worktree_path("T-1")) / "new.txt"
        assert kept.read_text() == "half done\n"
        answer(house, "B-T-1", "raise", "minutes 5")
        await house.factory.until(lambda state: len(begun) == 2)
        assert begun == ["builder/b1", "builder/b2"]
        assert (house.state.task("T-1").attempt, house.state.task("T-1").fruitless) == (1, 0)


# --- what somebody might try -----------------------------------------------------------------------

DAY = Budgets(day=Bounds(usd=1.0))


def starts(control: Control, knows_cost: bool = True) -> Callable[[Heart], None]:
    def step(heart: Heart) -> None:
        handoff = heart.task().handoff
        assert handoff is not None
        assert handoff.brief is not None
        facts = SeatFacts(control=control, gates_every_call=True, contained=True, knows_cost=knows_cost)
        person = "ada" if control == "human" else ""
        heart.do(
            c.StartTurn(handoff=handoff.id, seat="x", facts=facts, person=person, brief=handoff.brief.sha256), FACTORY
        )

    return step


@pytest.mark.parametrize("control", ["rehearsed", "brokered", "supervised"])
def test_no_seat_but_a_person_begins_where_a_person_was_expected_and_the_day_is_used_up(control: Control) -> None:
    """The record says `human`, whose own time is theirs; who really comes is what counts."""
    story = given(staffed(DAY, seat="human"), small_task(), author_works(), spent(usd=2.0), ends_itself())
    story.when(starts(control)).then_refused("the budget of the day is used up: USD 2.00 of 1.00")
    story.when(starts("human"))
    assert isinstance(story.events[0], e.TurnStarted), "the control"


def answered_by_an_unknown_model(ceilings: Budgets, control: Control = "brokered") -> Story:
    heart = Heart()
    heart.do(
        c.StartSession(
            version="0.1.0",
            wall=DEGRADED,
            degraded=SUPERVISOR.name,
            mode="flow",
            base_ref="refs/heads/main",
            base="c0",
            charter=charter(),
        ),
        SUPERVISOR,
    )
    for step in (staffed(ceilings), small_task()):
        step(heart)
    heart.seal()
    heart.release()
    starts(control)(heart)
    spent(usd=None, tokens=1_000)(heart)
    return Story(heart)


def test_a_turn_whose_cost_becomes_unknown_is_refused_its_next_call_where_money_alone_bounds_it() -> None:
    """It was seated because its model has a price; another one answered."""
    story = answered_by_an_unknown_model(DAY).when(wishes(READ))
    story.then_denied("what it costs is unknown, and the budget of the day names money but no tokens")
    story.when(*[wishes(Action(kind="read", path=f"c{number}.py")) for number in range(2)])
    outcome, why = ended_because(story.heart.state, next(iter(story.heart.state.turns.values())))
    assert outcome == "budget"
    assert "Set `tokens` beside `usd` under [budgets.day], or give the model a price" in why
    story.when(ends_itself()).then_waits("budget")
    assert "what it costs is unknown" in waiting(story.heart.state)[0].title


def test_a_turn_whose_cost_becomes_unknown_goes_on_where_tokens_bound_it_or_nobody_pays() -> None:
    tokens = Budgets(day=Bounds(usd=1.0, tokens=1_500))
    story = answered_by_an_unknown_model(tokens).when(wishes(READ))
    assert isinstance(story.events[0], e.ActionAllowed)
    story.when(spent(usd=None, tokens=1_500), wishes(READ)).then_denied("1500 of 1500 tokens")
    story = answered_by_an_unknown_model(DAY, "rehearsed").when(wishes(READ))
    assert isinstance(story.events[0], e.ActionAllowed)


@pytest.mark.parametrize("scope", ["task", "roles.builder", "session", "day"])
def test_money_alone_bounds_no_seat_of_unknown_cost_in_any_scope(scope: str) -> None:
    law = charter(f"[budgets.{scope}]\nusd = 5.0\n")
    heart = given(staffed(), small_task(), law=law).heart
    heart.seal()
    heart.release()
    Story(heart).when(starts("brokered", knows_cost=False)).then_refused(f"under [budgets.{scope}]")
