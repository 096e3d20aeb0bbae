"""A terminal whose size changes more than once while the cockpit is busy."""

from __future__ import annotations

from chair import BusyFloor, press, screen_text, settled
from textual.events import Resize
from textual.geometry import Size


async def test_two_sizes_that_come_while_a_screen_is_made_end_in_the_newer_one():
    """Each asks for a layout, and a layout of another size tells the screen of that size: the two would go on telling
    it in turn for ever, and nothing else would be heard again, a closed terminal or SIGTERM least of all."""
    chair = BusyFloor()
    async with chair.cockpit(width=120, height=40) as (app, pilot):
        for keys in ("", "g r", "escape o"):
            await press(pilot, *keys.split())
            room = app.room
            app._size = Size(100, 30)
            heard: list[Size] = []
            for size in (Size(80, 24), Size(100, 30)):
                room.post_message(Resize(size, size))
                room.call_later(heard.append, size)
            while len(heard) < 2:
                await pilot.pause(0)
            await settled(pilot)
            assert room.size == app.size == Size(100, 30)
            assert all(len(line) <= 100 for line in screen_text(app).splitlines())
