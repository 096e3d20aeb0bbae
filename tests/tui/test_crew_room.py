"""The crew's room, and what a budget and the world look like from the chair."""

from __future__ import annotations

from chair import Chair, hint, press, screen_text, write
from heart import SUPERVISOR, small_task

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.staffing import Bounds, Budgets, Staffed
from factory_tui.domain.terms import Actor


def staffed_chair(ceilings: Budgets = Budgets(day=Bounds(usd=20.0))) -> Chair:  # noqa: B008
    chair = Chair()
    chair.start_session()
    law = chair.state.law
    crew = tuple(
        Staffed(role=card.id, seat="anthropic_api", why="nothing is configured, and a key is set") for card in law.roles
    )
    chair.do(c.StaffCrew(crew=crew, ceilings=ceilings, notes=("there is no seat `gemini`",)))
    small_task()(chair)
    return chair


async def test_the_crew_says_who_fills_each_role_and_why_and_what_is_used() -> None:
    chair = staffed_chair()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "c")
        shown = screen_text(app)
        assert "! there is no seat `gemini`" in shown
        assert "anthropic_api tier standard" in shown
        assert "nothing is configured, and a key is set" in shown
        assert "a turn: $3" in shown


async def test_a_role_gets_another_seat_on_record() -> None:
    chair = staffed_chair()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "c", "j")
        await press(pilot, "a")
        await write(pilot, "claude_code/claude-opus-5-5")
        await press(pilot, "enter")
        seated = [entry.event for entry in chair.entries if isinstance(entry.event, e.RoleSeated)]
        assert [one.seat for one in seated] == ["claude_code/claude-opus-5-5"]
        assert seated[0].role in hint(app)
        assert "claude_code claude-opus-5-5" in screen_text(app)
        await press(pilot, "b")
        assert "day              usd 0.00 of 20" in screen_text(app)


async def test_an_unused_budget_is_raised_from_the_crew_before_it_stops_anybody() -> None:
    chair = staffed_chair()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "c", "+")
        assert "raise the budget of day" in screen_text(app)
        await press(pilot, "enter")
        assert "nothing was raised" in hint(app)
        await press(pilot, "+")
        await write(pilot, "usd 5")
        await press(pilot, "enter")
        raised = [entry.event for entry in chair.entries if isinstance(entry.event, e.BudgetRaised)]
        assert raised == [e.BudgetRaised(scope="day", by=Bounds(usd=5.0), reason="usd 5")]
        await press(pilot, "b")
        assert "day              usd 0.00 of 25" in screen_text(app)


async def test_where_nothing_is_bounded_the_key_says_so() -> None:
    chair = staffed_chair(Budgets())
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "c", "+")
        assert "has a budget" in hint(app)


async def test_a_budget_is_raised_from_its_card_and_never_without_its_key() -> None:
    chair = staffed_chair()
    chair.begin()
    turn = chair.turn_of()
    chair.do(c.NoteUsage(turn=turn, usd=9.0, tokens_in=1, tokens_out=1), Actor(kind="seat", name=turn))
    chair.do(c.EndTurn(turn=turn, outcome="interrupted"))
    async with chair.cockpit() as (app, pilot):
        assert "BUDGET B-T-1" in screen_text(app)
        assert "NO BUDGET" in screen_text(app)
        await press(pilot, "o")
        assert "USD 9.00 of 3.00" in screen_text(app)
        await press(pilot, "B")
        await write(pilot, "usd 2")
        await press(pilot, "enter")
        raised = [entry.event for entry in chair.entries if isinstance(entry.event, e.BudgetRaised)]
        assert raised == [e.BudgetRaised(scope="turn:T-1", by=Bounds(usd=2.0), reason="usd 2")]
        assert [entry.by for entry in chair.entries][-1] == SUPERVISOR


async def test_waiting_for_the_world_is_one_item_and_a_word_in_the_header() -> None:
    chair = staffed_chair()
    chair.seal()
    chair.release()
    chair.start_turn(seat="anthropic_api")
    until = "2026-11-22T16:00:00.000Z"
    chair.do(c.EndTurn(turn=chair.turn_of(), outcome="interrupted", cause="5 h window of claude", until=until))
    async with chair.cockpit() as (app, pilot):
        shown = screen_text(app)
        assert "WORLD until 16:00" in shown.splitlines()[0]
        assert "WORLD 16:00" in shown
        assert "WORLD X-1 waiting for the world until 16:00: 5 h window of claude" in shown
        await press(pilot, "o", "A")
        assert chair.factory.state.world == {}
