"""Huge text where a seat's words stand: it fits the screen, at once, in memory that is bounded. # T3"""

from __future__ import annotations

from pathlib import Path

import pytest
from chair import press, screen_text, settled
from hostile import POISON, haunt, is_whole
from test_card import planning
from test_sheets import AskFloor, StepFloor

from factory_tui.domain.waiting import waiting

HUGE = {
    "line": "A" * 1_000_000,
    "lines": "line\n" * 100_000,
    "marks": "e" + "\u0301" * 999_999,
    "hidden": "\u200b" * 1_000_000,
    "dense": (POISON * 7_000)[:1_000_000],
}
PLAIN = "plain words\n" * 83_333
"""As much text that does nothing: what it takes is the measure of the rest."""
TIMES = 4
"""How much more than that the others may take: none is more than twice as much, but for noise."""
ROOM = 160 << 20
"""Bytes that are no sign of anything: of the interpreter, of four bytes a character, of what was imported meanwhile."""


def resident() -> int:
    """Bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this machine does not tell resident memory so")
@pytest.mark.parametrize(
    ("make", "huge"),
    [
        (StepFloor, "lines"),
        (planning, "line"),
        (AskFloor, "line"),
        (StepFloor, "marks"),
        (AskFloor, "hidden"),
        (AskFloor, "dense"),
        (StepFloor, "dense"),
    ],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
async def test_what_is_huge_fits_the_screen_and_takes_little_more_memory_than_plain_words(make, huge):
    control = await taken(make, PLAIN)
    assert await taken(make, HUGE[huge]) < TIMES * control + ROOM


async def taken(make, text: str) -> int:
    """Bytes that the process grew by while everything that waits was opened, to its end."""
    chair = haunt(make(), text)
    before = resident()
    async with chair.cockpit(80, 24) as (app, pilot):
        for turn in chair.state.turns:
            chair.say(turn, text)
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
        grown = resident() - before
    return max(0, grown)
