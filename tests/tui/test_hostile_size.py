"""Huge text where a seat's words stand: it fits the screen, at once, in memory that is bounded. # T3"""

from __future__ import annotations

from pathlib import Path

import pytest
from chair import press, screen_text, settled
from hostile import haunt, is_whole
from test_card import planning
from test_sheets import AskFloor, StepFloor

from factory_tui.domain.waiting import waiting

HUGE = {"line": "A" * 1_000_000, "lines": "line\n" * 100_000, "marks": "e" + "\u0301" * 999_999}

MOST = 256 << 20
"""Bytes. Measured were 41 to 97 MiB for these texts, and 2 for a few words."""


def resident() -> int:
    """Bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this machine does not tell resident memory so")
@pytest.mark.parametrize(
    ("make", "huge"),
    [(StepFloor, "lines"), (planning, "line"), (AskFloor, "line"), (StepFloor, "marks")],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
async def test_what_is_huge_fits_the_screen_and_bounded_memory(make, huge):
    chair = haunt(make(), HUGE[huge])
    before = resident()
    async with chair.cockpit(80, 24) as (app, pilot):
        for turn in chair.state.turns:
            chair.say(turn, HUGE[huge])
        for item in waiting(app.state):
            app.open_item(item.id)
            await settled(pilot)
            is_whole(screen_text(app), 80, 24)
            await press(pilot, "G")
            is_whole(screen_text(app), 80, 24)
            app.go_floor()
            await settled(pilot)
        await press(pilot, "g", "t", "k")
        is_whole(screen_text(app), 80, 24)
    assert resident() - before < MOST
