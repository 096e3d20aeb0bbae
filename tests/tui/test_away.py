"""While you were away: one card with five facts, after ten minutes, sleep or a return. Time is moved by hand."""

from __future__ import annotations

import pytest
from chair import BusyFloor, press, screen_text, settled

from factory_tui.domain.terms import Action
from factory_tui.tui.presence import Presence
from factory_tui.tui.screens.asking import ask_for_work
from factory_tui.tui.screens.away import Away
from factory_tui.tui.screens.floor import Floor
from factory_tui.tui.screens.timeline import Timeline


class LongFloor(BusyFloor):
    """A busy floor whose two clocks are moved apart by hand."""

    asleep = 0

    def monotonic(self) -> float:
        return (self.minute - self.asleep) * 60.0

    def happen(self) -> None:
        """One denial and one ask."""
        self.wish(Action(kind="edit", path=".factory/memory/DNA.md", content="y"), "T-3")
        self.wish(Action(kind="fetch", resource="package", target="authlib"), "T-3")


async def beats(app, pilot, chair, minutes: int) -> None:
    """So many minutes pass, a beat in each."""
    for _ in range(minutes):
        app.presence._beat = (chair.monotonic(), app.presence._beat[1] + 60)
        chair.minute += 1
        app.presence._beat = (chair.monotonic() - 1, app.presence._beat[1] - 1)
        app._second()
        await settled(pilot)


async def test_ten_minutes_without_a_key_and_one_card_tells_five_facts():
    chair = LongFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "j")
        chair.happen()
        await beats(app, pilot, chair, 9)
        assert isinstance(app.screen, Floor)
        await beats(app, pilot, chair, 1)
        assert isinstance(app.screen, Away)
        text = screen_text(app)
        assert "no key for 10 min" in text
        assert "your last key was 10:00 ago" in text
        assert "1 denied, the last: builder/b3 edit" in text
        assert len(app.screen.rows.items) == 5
        await beats(app, pilot, chair, 30)
        assert len(app.screen_stack) == 2


async def test_a_fact_opens_its_own_entries_and_escape_goes_back():
    chair = LongFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "j")
        seen = app.state.seq
        chair.happen()
        await beats(app, pilot, chair, 10)
        await press(pilot, "j", "j", "j", "enter")
        assert isinstance(app.screen, Timeline)
        keys = [one.key for one in app.screen.rows.items]
        assert keys
        assert all(int(key[6:]) > seen for key in keys)
        assert "builder/b3 is denied" in screen_text(app)
        await press(pilot, "escape")
        assert isinstance(app.screen, Away)
        await press(pilot, "escape")
        assert isinstance(app.screen, Floor)
        await press(pilot, "g", "w")
        assert isinstance(app.screen, Away)


async def test_a_fact_of_nothing_says_so():
    chair = LongFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "j")
        chair.happen()
        await beats(app, pilot, chair, 10)
        await press(pilot, "j", "enter")
        assert isinstance(app.screen, Away)
        assert "nothing of this kind happened" in screen_text(app)


async def test_where_nothing_happened_nothing_is_told():
    chair = LongFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "j")
        await beats(app, pilot, chair, 30)
        assert isinstance(app.screen, Floor)
        await press(pilot, "g", "w")
        assert "you were not away" in screen_text(app)


async def test_a_machine_that_slept_is_told_by_its_two_clocks():
    chair = LongFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "j")
        app._second()
        chair.happen()
        chair.minute += 5
        chair.asleep += 5
        app._second()
        await settled(pilot)
        assert "this machine slept" in screen_text(app)


async def test_who_types_is_not_disturbed_and_finds_it_one_key_away():
    chair = LongFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "j")
        ask_for_work(app)
        await settled(pilot)
        chair.happen()
        await beats(app, pilot, chair, 11)
        assert isinstance(app.screen, Floor)
        assert app.screen.is_typing
        await press(pilot, "escape", "g", "w")
        assert isinstance(app.screen, Away)


async def test_a_new_size_after_a_while_is_a_return_and_right_after_a_key_is_not():
    chair = LongFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "j")
        chair.happen()
        await pilot.resize_terminal(100, 40)
        await settled(pilot)
        assert isinstance(app.screen, Floor)
        chair.minute += 3
        await pilot.resize_terminal(120, 40)
        await settled(pilot)
        assert isinstance(app.screen, Away)
        assert "attached again" in screen_text(app)


async def test_no_answer_is_given_to_what_a_card_covered():
    """The key that was meant for what stood there before answers nothing here."""
    chair = LongFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        chair.happen()
        await beats(app, pilot, chair, 10)
        assert isinstance(app.screen, Away)
        before = len(chair.entries)
        await press(pilot, "A")
        assert len(chair.entries) == before


@pytest.mark.parametrize(
    ("times", "why"),
    [
        ([(1.0, 1.0), (2.0, 2.0)], ""),
        ([(1.0, 1.0), (2.0, 40.0)], "this machine slept"),
        ([(1.0, 1.0), (40.0, 40.0)], "the cockpit was stopped"),
        ([(1.0, 1.0), (2.0, -3_600.0)], ""),
        ([(float(second), float(second)) for second in range(1, 601)], "no key for 10 min"),
    ],
    ids=["nothing", "slept", "stopped", "clock set back", "ten minutes"],
)
def test_an_absence_is_told_by_the_clocks(times, why):
    presence = Presence(600.0)
    presence.key(0.0, 0.0, 1, "then")
    assert [presence.beat(*time) for time in times][-1] == why
    presence.told()
    assert presence.beat(10_000.0, 10_000.0) == ""
