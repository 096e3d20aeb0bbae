"""What a scripted stream may cost: frames, bytes, and the processor beside a widget that only draws blanks."""

from __future__ import annotations

import time

from chair import BusyFloor, settled
from rich.segment import Segment
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.strip import Strip
from textual.widget import Widget

BEATS = 60
"""Two seconds at thirty a second."""
TOKENS = 7
"""Of each turn between two beats: two hundred a second."""
MOST_RATIO = 6.0
"""Measured: 3.2, with text in every pane."""


async def streamed(chair: BusyFloor, app, pilot, beats: int = BEATS) -> None:
    """The same words every time; beats come from here, and from no clock."""
    turns = list(chair.state.turns)
    for beat in range(beats):
        for token in range(TOKENS):
            for number, turn in enumerate(turns):
                chair.say(turn, f"word{beat * TOKENS + token + number} " + ("\n" if token == 3 else ""))
        app._tick()
        await pilot.pause(0)


async def test_a_stream_draws_a_frame_for_a_beat_and_few_bytes_for_each():
    chair = BusyFloor()
    async with chair.cockpit(200, 60) as (app, pilot):
        app._ticker.stop()
        app._ticker = None
        await settled(pilot)
        sizes = []
        display = app._display

        def counted(screen, update):
            if isinstance(update, CompositorUpdate):
                sizes.append(len(update.render_segments(app.console).encode()))
            return display(screen, update)

        app._display = counted
        await streamed(chair, app, pilot)
        assert 0 < len(sizes) <= BEATS + 10, "at most a frame for each beat, and the clock's own"
        assert sum(sizes) / (BEATS / 30) < 250_000, "bytes for each second of the stream"


class Blank(Widget):
    """As large as the screen, and empty: what Textual itself takes for a frame."""

    def render_lines(self, crop):
        return [Strip([Segment(" " * self.size.width)], self.size.width)] * crop.height


class Empty(App[None]):
    def compose(self):
        yield Blank()


async def test_a_stream_takes_little_more_than_frames_of_an_empty_widget():
    """Processor time, not the clock's; the least of three, each beside its neighbour."""
    ours, theirs = [], []
    for _ in range(3):
        chair = BusyFloor()
        async with chair.cockpit(200, 60) as (app, pilot):
            app._ticker.stop()
            app._ticker = None
            await streamed(chair, app, pilot, 6)
            start = time.process_time()
            await streamed(chair, app, pilot)
            ours.append(time.process_time() - start)
        empty = Empty()
        async with empty.run_test(size=(200, 60)) as pilot:
            blank = empty.query_one(Blank)
            start = time.process_time()
            for _ in range(BEATS):
                blank.refresh()
                await pilot.pause(0)
            theirs.append(time.process_time() - start)
    assert min(ours) < MOST_RATIO * min(theirs), (ours, theirs)
