"""A person's own work from the cockpit, on a real terminal with a real editor; take-over and giving back, on record."""

from __future__ import annotations

from chair import Chair, hint, press, screen_text, settled, write
from heart import small_task

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.staffing import Budgets, Staffed


def seated() -> Chair:
    """A builder at work, its crew on record."""
    chair = Chair()
    chair.start_session()
    why = "factory.toml, [seats] default"
    crew = tuple(Staffed(role=card.id, seat="mind", why=why) for card in chair.state.law.roles)
    chair.do(c.StaffCrew(crew=crew, ceilings=Budgets()))
    small_task()(chair)
    chair.begin()
    return chair


async def test_a_turn_is_taken_over_with_a_reason_and_the_next_one_is_a_persons() -> None:
    chair = seated()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "O")
        assert "take T-1 over from builder/b1 (mind): why" in screen_text(app)
        await write(pilot, "I know this one")
        await press(pilot, "enter")
        retired = [entry.event for entry in chair.entries if isinstance(entry.event, e.TurnRetired)]
        assert [(one.turn, one.reason) for one in retired] == [("builder/b1", "I know this one")]
        assert chair.factory.state.task("T-1").seat == "human"


async def test_a_persons_turn_is_given_back_to_the_seat_of_the_settings() -> None:
    chair = seated()
    chair.do(c.EndTurn(turn="builder/b1", outcome="interrupted"))
    chair.do(c.ChooseSeat(task="T-1", seat="human"), by_supervisor())
    chair.start_turn(person="ada")
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "O")
        assert "is yours already" in hint(app)
        await press(pilot, "<")
        assert "give T-1 back to mind" in screen_text(app)
        await press(pilot, "enter")
        assert chair.factory.state.task("T-1").seat == "mind"


async def test_the_keys_of_ones_own_work_say_why_they_do_nothing() -> None:
    chair = seated()
    async with chair.cockpit() as (app, pilot):
        for key in ("e", "i", ">", "<"):
            await press(pilot, key)
            assert "no turn on T-1 is yours; O takes it over" in hint(app), key
        await settled(pilot)


def by_supervisor():
    from heart import SUPERVISOR

    return SUPERVISOR
