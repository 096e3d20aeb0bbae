"""The keys of a turn, in every pane and in the zoom: what is pressed, and which command follows."""

from __future__ import annotations

import asyncio

import pytest
from chair import BusyFloor, hint, press, screen_text, write

from factory_tui.domain import commands as c
from factory_tui.domain import events as e


def last(chair: BusyFloor, kind: type) -> object:
    return next(entry.event for entry in reversed(chair.entries) if isinstance(entry.event, kind))


@pytest.fixture(params=[(), ("z",)], ids=["floor", "zoom"])
def view(request) -> tuple[str, ...]:
    return request.param


async def test_m_says_something_to_the_turn_of_the_pane(view: tuple[str, ...]):
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3", *view, "m")
        assert "to builder/b3" in screen_text(app)
        await write(pilot, "mind zero")
        await press(pilot, "enter")
        sent = last(chair, e.MessageSent)
        assert isinstance(sent, e.MessageSent)
        assert (sent.turn, sent.text) == ("builder/b3", "mind zero")
        assert not any(finding.title == "mind zero" for finding in app.state.tasks["T-3"].findings)
        async with asyncio.timeout(60):
            while "you said: mind zero" not in screen_text(app):
                await pilot.pause(0.02)


async def test_p_pauses_this_turn_alone_and_lets_it_go_on(view: tuple[str, ...]):
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3", *view, "p")
        assert app.state.turns["builder/b3"].paused
        assert not app.state.turns["designer/d1"].paused
        assert not app.state.paused
        assert "PAUSED" in screen_text(app)
        await press(pilot, "p")
        assert not app.state.turns["builder/b3"].paused
        await press(pilot, "p", "u")
        assert not app.state.turns["builder/b3"].paused


async def test_x_interrupts_the_turn_and_says_so_on_record(view: tuple[str, ...]):
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3", *view, "x")
        assert app.state.tasks["T-3"].held == "builder/b3 was interrupted: by the supervisor"


async def test_r_parks_the_task_with_a_reason(view: tuple[str, ...]):
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3", *view, "r")
        await write(pilot, "it loops")
        await press(pilot, "enter")
        assert last(chair, e.TurnRetired) == e.TurnRetired(turn="builder/b3", reason="it loops", parks=True)
        assert "retiring" in screen_text(app)
        chair.do(c.EndTurn(turn="builder/b3", outcome="interrupted"))
        assert chair.task("T-3").stage == "stuck"


@pytest.mark.parametrize(
    ("tabs", "text", "to", "seat"), [(1, "performance: slow", "performance", ""), (2, "human: slow", "", "human")]
)
async def test_r_and_tab_hand_the_task_on(tabs: int, text: str, to: str, seat: str):
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3", "r", *["tab"] * tabs)
        await write(pilot, text)
        await press(pilot, "enter")
        assert last(chair, e.TurnRetired) == e.TurnRetired(turn="builder/b3", reason="slow", to=to)
        assert app.state.tasks["T-3"].seat == seat


async def test_handing_on_without_a_name_or_to_a_role_that_cannot_sends_nothing():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3", "r", "tab")
        await write(pilot, "just slow")
        await press(pilot, "enter")
        assert "nothing was sent" in hint(app)
        await press(pilot, "r", "tab")
        await write(pilot, "quality: slow")
        await press(pilot, "enter")
        assert "delivers" in hint(app)
        assert app.state.turns["builder/b3"].retired is None


@pytest.mark.parametrize("chosen", ["human", "anthropic_api/claude-haiku-5-5@low", "/claude-haiku-5-5", "@max"])
async def test_a_chooses_seat_model_or_effort_of_the_next_turn(chosen: str):
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3", "a")
        await write(pilot, chosen)
        await press(pilot, "enter")
        assert app.state.tasks["T-3"].seat == chosen
        assert app.state.turns["builder/b3"].seat == "mind"


@pytest.mark.parametrize("key", ["p", "r"])
async def test_what_needs_a_turn_says_why_it_does_nothing_without_one(key: str):
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "2", key)
        assert "no turn runs on T-2" in hint(app)
