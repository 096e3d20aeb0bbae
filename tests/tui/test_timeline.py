"""The ledger on the screen: narrowed, stepped through forwards and back, each state the fold up to there."""

from __future__ import annotations

import pytest
from chair import BusyFloor, Chair, hint, press, screen_text, settled
from heart import small_task, state_bytes

from factory_tui.domain.evolve import fold
from factory_tui.tui.present.replay import FILTERS, STEP, Replay
from factory_tui.tui.screens.reader import Reader
from factory_tui.tui.screens.timeline import Timeline

SIZES = ((80, 24), (120, 40), (220, 60))


def test_every_state_is_the_fold_up_to_there_in_whatever_order_one_goes():
    chair = BusyFloor()
    replay = Replay()
    replay.take(chair.entries)
    last = len(chair.entries)
    assert last > 3
    for seq in (last, 0, 7, 6, 8, last - 1, 1, last):
        assert state_bytes(replay.state_at(seq)) == state_bytes(fold(chair.entries[:seq]))


def test_a_long_way_back_is_short():
    """States are kept on the way; the control is that without them every step back would fold from the beginning."""
    chair = BusyFloor()
    for _ in range(STEP):
        chair.answer("T-2", "comment", "again")
    replay = Replay()
    replay.take(chair.entries)
    replay.state_at(len(chair.entries))
    assert len(replay._kept) > 1


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_stepping_back_shows_how_it_was(size):
    chair = BusyFloor()
    async with chair.cockpit(*size) as (app, pilot):
        await press(pilot, "g", "t")
        assert f"after entry {app.state.seq}" in screen_text(app)
        assert "READY" in screen_text(app)
        await press(pilot, "g", "g")
        text = screen_text(app)
        assert "after entry 1" in text
        assert "READY" not in text
        await press(pilot, "j")
        assert "after entry 2" in screen_text(app)
        await press(pilot, "k")
        assert "as it was after entry 1 " in screen_text(app)


async def test_every_filter_shows_what_it_says():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3", "g", "t")
        seen = set()
        for _ in range(len(FILTERS)):
            await press(pilot, "f")
            seen.add(app.screen.filter)
            if app.screen.filter == "yours":
                assert "quality/q1" not in screen_text(app).split("as it was")[0]
            if app.screen.filter.startswith("denials"):
                assert "is denied: " in screen_text(app)
        assert "only the chosen task" in seen
        await press(pilot, "f")
        assert app.screen.filter == "everything"


async def test_sessions_are_gone_through_one_by_one():
    chair = Chair()
    chair.start_session()
    small_task(text="the first")(chair)
    chair.end_session()
    chair.answer("D-1", "ack")
    chair.start_session()
    chair.answer("T-1", "comment", "the second")
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "t")
        assert isinstance(app.screen, Timeline)
        assert "session 2 of 2" in screen_text(app)
        await press(pilot, "[")
        text = screen_text(app)
        assert "session 1 of 2" in text
        assert "finding.added" not in text
        await press(pilot, "[")
        assert "no session further on" in hint(app)
        await press(pilot, "]")
        assert "session 2 of 2" in screen_text(app)


async def test_an_entry_is_opened_whole():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "t", "enter")
        assert isinstance(app.screen, Reader)
        assert '"target": "pypi:jinja2"' in screen_text(app)


async def test_what_happens_meanwhile_is_followed_only_from_the_newest_entry():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "t")
        chair.answer("T-2", "comment", "new")
        await settled(pilot)
        assert app.screen.seq == app.state.seq
        await press(pilot, "k")
        here = app.screen.seq
        chair.answer("T-2", "comment", "newer")
        await settled(pilot)
        assert app.screen.seq == here
