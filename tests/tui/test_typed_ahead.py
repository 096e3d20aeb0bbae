"""Keys that come in one burst, as over a slow line: each is done before the next is looked at, and none is lost."""

from __future__ import annotations

import pytest
from chair import BusyFloor, Chair, settled, typed
from heart import small_task
from textual.events import Paste

from factory_tui.tui.widgets.line_input import LineInput


async def burst(pilot, *keys: str) -> None:
    for key in keys:
        pilot.app.post_message(typed(key))
    await settled(pilot)


def written(app) -> str:
    return app.screen.query_one(LineInput).value


@pytest.mark.parametrize("opens", [("/",), ("m",), ("g", "n", "/"), (":",)], ids=" ".join)
async def test_what_is_typed_ahead_of_a_line_stands_in_it(opens):
    async with BusyFloor().cockpit() as (app, pilot):
        await burst(pilot, *opens, *"cancel it")
        assert written(app) == "cancel it"


async def test_what_is_typed_ahead_of_a_form_stands_in_it():
    async with BusyFloor().cockpit() as (app, pilot):
        await burst(pilot, "m", *"do", "ctrl+o", *"not ")
        assert app.screen.query_one("#written").text == "not do"


async def test_what_is_pasted_ahead_of_a_line_stands_in_it_in_its_place():
    async with BusyFloor().cockpit() as (app, pilot):
        app.post_message(typed("m"))
        app.post_message(typed("a"))
        app.post_message(Paste("bc"))
        await burst(pilot, "d")
        assert written(app) == "abcd"


async def test_a_key_that_takes_back_takes_back_what_was_typed_before_it():
    async with BusyFloor().cockpit() as (app, pilot):
        await burst(pilot, "/", *"abc", "backspace", "backspace", *"xy", "home", "z")
        assert written(app) == "zaxy"


async def test_a_line_after_a_line_in_one_burst_is_a_line_of_its_own():
    async with BusyFloor().cockpit() as (app, pilot):
        await burst(pilot, "g", "n", *("/", "x", "enter") * 3, "/", "y", "escape", "/", *"zzz", "enter")
        assert (app.room.needle, app.room.is_typing) == ("zzz", False)
        await burst(pilot, "/", *"q")
        assert written(app) == "q"


async def test_a_way_through_many_screens_in_one_burst_ends_where_it_leads():
    async with BusyFloor().cockpit() as (app, pilot):
        await burst(pilot, *"gtgn", "o", "escape", *"gs", ":", *"quit", "escape", *"gt/reads")
        assert (type(app.screen).__name__, written(app)) == ("Timeline", "reads")


async def test_a_key_that_comes_while_the_last_screen_goes_is_nobodys():
    async with BusyFloor().cockpit() as (app, _):
        pass
    assert not app.screen_stack
    gone_up = typed("b")
    gone_up._set_forwarded()
    for key in (typed("a"), gone_up, Paste("c")):
        await app.on_event(key)
    assert not app.has_keys


async def test_an_answer_typed_ahead_is_refused_and_what_follows_it_answers_nothing():
    chair = Chair()
    chair.start_session(mode="step")
    small_task()(chair)
    chair.seal()
    before = len(chair.entries)
    async with chair.cockpit() as (app, pilot):
        await burst(pilot, "o", "E", *"Approve this. A")
        assert type(app.screen).__name__ == "Sheet"
    assert not [entry for entry in chair.entries[before:] if entry.by.kind == "supervisor"]
