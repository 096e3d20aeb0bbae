"""Whatever is typed, in whatever order, on whatever screen: nothing ends the cockpit but leaving it."""

from __future__ import annotations

from random import Random

import pytest
from chair import press, settled, typed
from gallery import GALLERY, SIZES, begun

from factory_tui.tui.bindings import ACTS

LEAVE = ("q", "ctrl+c")
KEYS = sorted(
    {key for act in ACTS for keys in act.keys for key in keys.split() if key not in LEAVE}
    | {*"abcxyz /", "escape", "enter", "tab", "backspace", "up", "down"}
)
SMALLER = ((40, 10), (200, 15))


@pytest.mark.parametrize("name", GALLERY)
async def test_random_keys_crash_nothing(name: str):
    dice = Random(name)
    make, way = GALLERY[name]
    async with make().cockpit(*dice.choice(SIZES)) as (app, pilot):
        await press(pilot, *(key for key in way if key not in LEAVE))
        for _ in range(30):
            for key in dice.choices(KEYS, k=dice.choice((1, 1, 2, 3, 8))):
                app.post_message(typed(key))
            await settled(pilot)
            if dice.random() < 0.1:
                await pilot.resize_terminal(*dice.choice(SIZES + SMALLER))
            assert app.is_running
            assert app.return_code is None
        assert app.crash is None


async def test_copying_says_when_no_turn_has_begun():
    told = set()
    async with begun().cockpit(80, 24) as (app, pilot):
        for _ in range(7):
            told.add(app.room.why_not(app.keys.by_id["copy"]))
            await press(pilot, "y", "tab")
            assert app.is_running
    assert told == {"", "no turn has begun, so there is no transcript"}, "each box was tried, the pane too"
