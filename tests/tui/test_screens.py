"""The screens beyond the floor, as they look at three sizes; a changed one is looked at before it is kept."""

from __future__ import annotations

import pytest
from chair import BusyFloor, Chair, hint, press, screen_text, settled, write
from test_briefing import next_morning
from test_card import planning
from test_crew_room import staffed_chair
from test_limits import ProvenFloor
from test_memory_marks import ProposingFloor, TouchedFloor
from test_reading import came_back
from test_sheets import AskFloor, StepFloor, StuckFloor
from test_snapshots import SIZES, look

SCREENS: dict[str, tuple[type[Chair] | object, tuple[str, ...]]] = {
    "change": (BusyFloor, ("o",)),
    "change-beside": (BusyFloor, ("o", "d", "v")),
    "handoff": (StepFloor, ("o",)),
    "plan": (planning, ("o",)),
    "proposal": (ProposingFloor, ("g", "n", "G", "enter")),
    "memory": (TouchedFloor, ("g", "m")),
    "ask": (AskFloor, ("o",)),
    "stuck": (StuckFloor, ("o", "o")),
    "briefing": (next_morning, ()),
    "briefing-without-checks": (came_back, ()),
    "away": (BusyFloor, ("g", "w")),
    "timeline": (BusyFloor, ("g", "t", "k", "k")),
    "gate": (BusyFloor, ("2", "g", "e")),
    "limits": (ProvenFloor, ("g", "l")),
    "rule": (BusyFloor, ("g", "r", "enter")),
    "incident-behind": (BusyFloor, ("g", "r", "enter", "enter")),
    "roles": (BusyFloor, ("g", "o")),
    "crew": (staffed_chair, ("g", "c")),
    "grants": (AskFloor, ("o", "T", "g", "a")),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_looks_as_it_was_seen(name, size):
    make, keys = SCREENS[name]
    chair = make()
    async with chair.cockpit(*size) as (app, pilot):
        app.absence = (12, "2026-11-22T00:01:00.000Z", "no key for 10 min")
        await press(pilot, *keys)
        await settled(pilot)
        look(f"{name}-{size[0]}x{size[1]}", "txt", screen_text(app))


async def test_words_too_long_for_one_row_take_more_until_the_next_key():
    chair = BusyFloor()
    async with chair.cockpit(80, 24) as (app, pilot):
        app.say(" ".join(f"word{number}" for number in range(40)))
        await settled(pilot)
        told = screen_text(app).splitlines()
        assert "word0" in told[-4]
        assert "word39" in told[-1]
        assert all(f"word{number}" in "\n".join(told[-4:]) for number in range(40))
        await press(pilot, "tab")
        assert "word" not in screen_text(app)
        assert "help" in hint(app)


async def test_a_line_becomes_a_form_that_is_shown_whole_and_sent_by_its_own_key():
    chair = Chair()
    chair.start_session()
    async with chair.cockpit(80, 24) as (app, pilot):
        await press(pilot, "t", "tab")
        assert "Ctrl-o: a form" in screen_text(app)
        await write(pilot, "Two things")
        await press(pilot, "ctrl+o")
        assert "a mission: what shall be true" in screen_text(app)
        app.screen.query_one("#written").insert("\n- the first\n- the second", (0, 10))
        await press(pilot, "escape")
        assert "the second" in screen_text(app)
        assert not app.state.missions, "leaving the form sends nothing"
        await press(pilot, "E")
        (mission,) = app.state.missions.values()
        assert mission.text == "Two things\n- the first\n- the second"
        assert type(app.screen).__name__ == "Floor"


async def test_a_form_that_is_thrown_away_sends_nothing():
    chair = Chair()
    chair.start_session()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "t")
        await press(pilot, "ctrl+o", "escape", "E")
        assert "nothing was written" in hint(app)
        await press(pilot, "escape")
        assert not app.state.missions


async def test_a_question_too_long_for_one_row_is_asked_whole():
    chair = Chair()
    chair.start_session()
    async with chair.cockpit(80, 24) as (app, pilot):
        await press(pilot, "t", "tab")
        rows = screen_text(app).splitlines()
        assert "the planner plans it" in "".join(rows[-4:])
        assert "Enter sends, Esc does not" in "".join(rows[-4:])
        assert "Tab: another kind" in "".join(rows[-4:])
