"""`!` stops the bleeding first; `g s` shows figures whose entries are one key away."""

from __future__ import annotations

import pytest
from chair import BusyFloor, Chair, hint, press, screen_text, write

from factory_tui.domain import commands as c
from factory_tui.domain import events as e


async def test_two_keys_open_an_incident_and_freeze_landings_and_one_lets_them_go_on() -> None:
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "!")
        assert "stop the bleeding" in screen_text(app)
        assert "nothing is frozen" in screen_text(app)
        await press(pilot, "!")
        await write(pilot, "The page is down")
        await press(pilot, "enter")
        opened = [entry.event for entry in chair.entries if isinstance(entry.event, e.IncidentOpened)]
        assert [one.title for one in opened] == ["The page is down"]
        assert "FROZEN landings and deployments" in screen_text(app)
        await press(pilot, "f")
        assert "nothing is frozen" in screen_text(app)
        await press(pilot, "p")
        assert "not now" in hint(app)


async def test_the_form_is_filled_where_the_incident_is_shown_whole() -> None:
    chair = Chair()
    chair.start_session()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "!", "!")
        await write(pilot, "The page is down")
        await press(pilot, "enter", "j", "enter")
        assert "not said yet" in screen_text(app)
        await press(pilot, "F")
        await write(pilot, "cost: two hours")
        await press(pilot, "enter")
        assert chair.factory.state.incidents["I-1"].cost == "two hours"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (220, 60)])
async def test_figures_open_their_entries_at_every_size(width: int, height: int) -> None:
    chair = BusyFloor()
    async with chair.cockpit(width, height) as (app, pilot):
        await press(pilot, "g", "s")
        shown = screen_text(app)
        assert "features (missions)" in shown
        assert "nothing landed yet" in shown
        place = next(n for n, one in enumerate(app.room.rows.items) if one.key == "figure:level_3_caught")
        await press(pilot, *(["j"] * place), "enter")
        assert "level 3" in screen_text(app)
        assert "#" in screen_text(app)


async def test_a_freeze_is_seen_by_who_comes_later() -> None:
    chair = BusyFloor()
    chair.do(c.Freeze(reason="the page is down", landings=True))
    async with chair.cockpit(80, 24) as (app, pilot):
        assert " FROZEN" in screen_text(app).splitlines()[0]
        await press(pilot, "!")
        assert "the page is down" in screen_text(app)
        assert " FROZEN" in screen_text(app).splitlines()[0]
