"""Every screen is two keys away from the floor, and from any other screen; a new one has to say how."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from chair import BusyFloor, Chair, press, settled
from heart import small_task

from factory_tui.tui import screens
from factory_tui.tui.bindings import ACTS
from factory_tui.tui.keymap import Keys
from factory_tui.tui.screens.room import Room


def every_screen() -> set[str]:
    """The names of all screens that are ever shown, found by looking."""
    for module in pkgutil.iter_modules(screens.__path__):
        importlib.import_module(f"{screens.__name__}.{module.name}")
    found, left = set(), [Room]
    while left:
        one = left.pop()
        left += one.__subclasses__()
        found.add(one.__name__)
    return found


BENEATH = {"Typing", "Room", "Armed", "Choosing", "TurnActs", "Listing"}
"""What screens are made of; none is shown by itself. A list is shown under the name of what it lists."""

SCREENS = {
    "Floor": "g f",
    "NeedsYou": "g n",
    "Crew": "g c",
    "Timeline": "g t",
    "LimitsMatrix": "g l",
    "Grants": "g a",
    "Stats": "g s",
    "Briefing": "g b",
    "Away": "g w",
    "Incidents": "!",
    "Finder": ":",
    "QuitCard": "q",
    "Reader": "?",
    "Sheet": "o",
    "Card": "o",
    "Editing": "o E",
    "IncidentSheet": "o",
    "Drafting": "o e",
    "Picking": "o +",
    "Writing": "m ctrl+o",
    "DeploymentSheet": "g p",
    "Proposing": "p",
    "RuleReader": "enter",
    "ChangedDocument": "enter",
}
"""How each is reached, from the floor or from the list that holds what it shows."""

GOING = [act for act in ACTS if act.id.startswith("go.")]
PLACES = {"the floor": (), "a card": ("o",), "a list": ("g", "n"), "a text": ("?",), "the timeline": ("g", "t")}


def test_every_screen_says_how_it_is_reached_in_two_keys():
    assert every_screen() - BENEATH == set(SCREENS)
    assert all(len(keys.split()) <= 2 for keys in SCREENS.values())


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.id)
def test_no_action_takes_more_than_two_keys(act):
    assert all(len(key.split()) <= 2 for key in act.keys)


@pytest.mark.parametrize("place", PLACES)
async def test_any_screen_is_reached_from_any_place(place):
    """Each `go` of the table, pressed in each kind of screen."""
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        app.absence = (1, "2026-11-22T00:00:00.000Z", "ten minutes without a key")
        for act in GOING:
            await press(pilot, "g", "f", *PLACES[place])
            before = app.screen
            assert Keys().find(act.keys[0], app.room.places) is act, "another action has its key here"
            why = app.room.why_not(act)
            await press(pilot, *act.keys[0].split())
            if act.id == "go.deployment" and why:
                continue  # nothing was ever deployed here; its own tests have one
            assert not why, (act.id, place, why)
            reached = app.screen is not before or type(before).__name__ == type(app.screen).__name__
            assert reached, (act.id, place)


OWN = ("enter", "g p", "p", "o", "o E", "o e", "o +")
"""Keys that need something to stand there; tests of their own have it."""


@pytest.mark.parametrize("name", [name for name, keys in SCREENS.items() if keys not in OWN])
async def test_its_keys_open_it(name):
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        app.absence = (1, "2026-11-22T00:00:00.000Z", "ten minutes without a key")
        await press(pilot, *SCREENS[name].split())
        assert type(app.screen).__name__ == name


async def test_a_handoffs_card_and_its_editor_are_two_keys_away():
    chair = Chair()
    chair.start_session(mode="step")
    small_task()(chair)
    chair.seal()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        assert type(app.screen).__name__ == "Sheet"
        await press(pilot, "E")
        assert type(app.screen).__name__ == "Editing"
        await settled(pilot)


@pytest.mark.parametrize("name", [name for name, keys in SCREENS.items() if keys not in OWN])
async def test_a_beat_while_the_screens_are_taken_away_draws_nothing(name, monkeypatch):
    chair, beaten = BusyFloor(), []
    async with chair.cockpit() as (app, pilot):
        app.absence = (1, "2026-11-22T00:00:00.000Z", "ten minutes without a key")
        await press(pilot, *SCREENS[name].split())
        room, close_all = app.room, app._close_all

        async def with_a_beat_in_between():
            await room.query("*").remove()
            app._dirty, app._beat = True, -1
            for beat in (app._tick, app._second, app._draw_soon, room.renew):
                beat()
                beaten.append(beat)
            await close_all()

        monkeypatch.setattr(app, "_close_all", with_a_beat_in_between)
    assert len(beaten) == 4
