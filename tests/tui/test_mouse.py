"""Everything by mouse: what a key does, a click on its name does; lists, panes and tabs are chosen and opened by it."""

from __future__ import annotations

import pytest
from chair import BusyFloor, hint, press, screen_text, settled, write
from test_sheets import AskFloor

from factory_tui.tui.screens.card import Card
from factory_tui.tui.screens.crew import Crew
from factory_tui.tui.screens.floor import Floor
from factory_tui.tui.screens.leaving import QuitCard
from factory_tui.tui.screens.listing import Listing
from factory_tui.tui.screens.reader import Reader

SIZES = ((80, 24), (120, 40), (220, 60))


async def click(pilot, row: int, column: int, times: int = 1) -> None:
    """On a cell of the screen."""
    await pilot.click(offset=(column, row), times=times)
    await settled(pilot)


async def click_on(pilot, text: str, times: int = 1, from_row: int = 0) -> None:
    """On a text where it stands."""
    lines = screen_text(pilot.app).splitlines()
    row = next((n for n, line in enumerate(lines) if n >= from_row and text in line), None)
    assert row is not None, f"{text} is not on the screen"
    await click(pilot, row, lines[row].index(text), times)


async def click_hint(pilot, text: str) -> None:
    lines = screen_text(pilot.app).splitlines()
    assert text in lines[-1], lines[-1]
    await click(pilot, len(lines) - 1, lines[-1].index(text))


async def write_words(pilot, text: str) -> None:
    await press(pilot, *text)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_click_on_a_key_of_the_strip_is_the_key(size):
    chair = BusyFloor()
    async with chair.cockpit(*size) as (app, pilot):
        await click_hint(pilot, "o next")
        assert isinstance(app.screen, Card)
        await click_hint(pilot, "Esc back")
        assert isinstance(app.screen, Floor)
        await click_hint(pilot, "help")
        assert isinstance(app.screen, Reader)
        assert "Esc back" in hint(app)
        await click_hint(pilot, "back")
        assert isinstance(app.screen, Floor)


async def test_a_change_is_read_and_approved_by_clicks_alone():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await click_on(pilot, "NEEDS YOU")
        assert isinstance(app.screen, Card)
        await click_hint(pilot, "A approve")
        assert chair.factory.state.tasks["T-2"].approval


async def test_a_reason_is_typed_and_sent_or_not_sent_by_clicks():
    chair = AskFloor()
    async with chair.cockpit() as (_, pilot):
        await click_on(pilot, "NEEDS YOU")
        await click_hint(pilot, "R deny")
        await write(pilot, "not this one")
        await click_on(pilot, "Esc does not")
        assert chair.factory.state.asks
        await click_hint(pilot, "nothing was sent")
        await click_hint(pilot, "R deny")
        await write(pilot, "not this one")
        await click_on(pilot, "Enter sends")
        assert not chair.factory.state.asks


async def test_tasks_roster_and_lists_are_chosen_by_one_click_and_opened_by_two():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await click_on(pilot, "T-3 Subtraction")
        assert "GATE T-3" in screen_text(app)
        await click_on(pilot, "challenger")
        assert app.screen.box == "crew"
        await click_on(pilot, "challenger", times=2)
        assert isinstance(app.screen, Reader)
        await click_hint(pilot, "Esc back")
        await press(pilot, "g")
        await click_hint(pilot, "n needs you")
        assert isinstance(app.screen, Listing)
        await click_on(pilot, "LAND", times=2, from_row=1)
        assert isinstance(app.screen, Card)


async def test_a_sequence_can_be_finished_and_given_up_by_a_click():
    chair = BusyFloor()
    async with chair.cockpit(220, 60) as (app, pilot):
        await press(pilot, "g")
        await click_hint(pilot, "c crew")
        assert isinstance(app.screen, Crew)
        await press(pilot, "g")
        await click_hint(pilot, "then")
        assert "then" not in hint(app)
        assert isinstance(app.screen, Crew)


async def test_a_pane_is_chosen_by_one_click_and_zoomed_by_two():
    chair = BusyFloor()
    async with chair.cockpit(220, 60) as (app, pilot):
        await click_on(pilot, "builder/b3 on T-3")
        assert app.screen.box == "pane"
        assert app.screen.story().turn == "builder/b3"
        await click_on(pilot, "builder/b3 on T-3", times=2)
        assert app.screen.zoomed
        await click_on(pilot, "builder/b3 on T-3", times=2)
        assert not app.screen.zoomed


@pytest.mark.parametrize(("tab", "box"), [("Gate", "gate"), ("Rules", "rules"), ("Crew", "crew"), ("Memory", "memory")])
async def test_tabs_at_80_columns_are_clicked(tab, box):
    chair = BusyFloor()
    async with chair.cockpit(80, 24) as (app, pilot):
        await click_on(pilot, f" {tab} ")
        assert app.screen.box == box
        await click_on(pilot, " Task ")
        assert app.screen.box == "pane"
        await click_on(pilot, " crew ")
        assert app.screen.box == "crew"


async def test_the_session_is_left_by_clicks():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await click_hint(pilot, ": all")
        await write_words(pilot, "quit")
        await click_on(pilot, "Shows what ending the session keeps", times=2)
        assert isinstance(app.screen, QuitCard)
        await click_hint(pilot, "Enter end the session")
    assert app.reason == "the supervisor ended it"
