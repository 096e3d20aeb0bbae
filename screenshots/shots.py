"""Draws the pictures of this folder anew: `make shots`. Each shows what the program really did just now."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text
from textual.pilot import Pilot

from factory_tui.adapters.rehearsal_script import read_script
from factory_tui.adapters.seats.rehearsal import RehearsalSeat
from factory_tui.bootstrap.grounds import supervisor
from factory_tui.bootstrap.house import House, open_house
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.demo import Staged, demo_door, play_demo, stage
from factory_tui.domain import commands as c
from factory_tui.domain.waiting import waiting
from factory_tui.tui.app import Cockpit
from factory_tui.tui.door import WorksDoor
from factory_tui.tui.view import Hear
from screenshots.picture import png_of

HERE = Path(__file__).parent
STYLES = (("DENIED", "bold red"), ("FAIL", "bold red"), ("PASS", "bold green"), ("supervisor:", "bold cyan"))
SIZE = (132, 40)
MOST_SECONDS = 120.0
ASKING = """
turns:
  - role: builder
    steps:
      - say: |
          Codes must not be guessed. The standard library draws them, but it does not slow down who tries them all.
      - act: {kind: read, path: bookings/service.py}
      - act: {kind: fetch, resource: package, target: limits}
"""
"""A builder that wants a package, for the picture of an ask."""


def headless() -> None:
    """The demo that plays by itself, and what it leaves behind of deployments and incidents."""
    with tempfile.TemporaryDirectory() as place:
        lines: list[str] = []
        ended = play_demo(lambda line: lines.append(line.replace(place, "demo")), keep=place)
        if ended != 0:
            raise SystemExit("the demo did not go as promised; nothing was drawn")
        asyncio.run(production(place))
    console = Console(record=True, width=132, file=io.StringIO())
    console.print(Text("$ factory demo --headless", style="bold"))
    for line in lines:
        text = Text(line, no_wrap=False)
        for word, style in STYLES:
            text.highlight_words([word], style)
        console.print(text)
    _keep("demo", console.export_svg(title="factory demo --headless", unique_id="demo"))


class Camera:
    """One cockpit, played by keys; pictures of what stands on its screen."""

    def __init__(self, app: Cockpit, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *keys: str) -> None:
        """Keys one after the other; answers wait until the object was on the screen for long enough."""
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause(0.6)

    async def until(self, kind: str, shown: str = "") -> None:
        """Something of that kind waits for the supervisor."""
        async with asyncio.timeout(MOST_SECONDS):
            while not any(item.kind == kind and shown in item.title for item in waiting(self.app.state)):
                await self.pilot.pause(0.1)
        await self.pilot.pause(0.6)

    async def until_at_work(self, role: str) -> None:
        """A turn of the role has said something."""
        async with asyncio.timeout(MOST_SECONDS):
            while not any(one.role == role and one.transcript.lines > 8 for one in self.app.chronicle.running):
                await self.pilot.pause(0.05)

    def take(self, name: str) -> None:
        _keep(name, self.app.export_screenshot(title=f"factory demo: {name}"))


async def cockpit() -> None:
    """The demo's mission, played by keys, and the morning after it."""
    with tempfile.TemporaryDirectory() as place:
        staged = stage(place)
        door = demo_door(staged, pace=0.03)
        app = Cockpit(door, bell=False, environment={})
        async with app.run_test(size=SIZE) as pilot:
            camera = Camera(app, pilot)
            await camera.until("handoff", "Plan the mission")
            await camera.press("o")
            camera.take("handoff")
            await camera.press("A")
            await camera.until("plan")
            await camera.press("escape", "s", "o", "A")
            await camera.until_at_work("builder")
            camera.take("floor")
            await camera.until("ask")
            await camera.press("o", "R", *"no")
            await camera.press("enter", "escape")
            await camera.until("change", "Bookings can be cancelled")
            await camera.press("2", "g", "e")
            camera.take("gate")
            await camera.press("escape", "g", "r")
            camera.take("rules")
            await camera.press("escape", "o", "d")
            camera.take("change")
            app.leave("it is late")
        await door.close("it is late", "Land the cancelling first thing tomorrow.")
        door = demo_door(staged, pace=0.03)
        app = Cockpit(door, bell=False, environment={})
        async with app.run_test(size=SIZE) as pilot:
            camera = Camera(app, pilot)
            await camera.until("digest")
            async with asyncio.timeout(MOST_SECONDS):
                while app.phase:
                    await pilot.pause(0.1)
            await pilot.pause(0.6)
            camera.take("briefing")
            app.leave("the picture is drawn")
        await door.close("the picture is drawn", "")


async def production(place: str) -> None:
    """A demo that was played to its end: the release that was taken back, its incident, and the release after it."""
    door = demo_door(stage(place), pace=0.03)
    app = Cockpit(door, bell=False, environment={})
    async with app.run_test(size=SIZE) as pilot:
        camera = Camera(app, pilot)
        await camera.until("digest")
        async with asyncio.timeout(MOST_SECONDS):
            while app.phase:
                await pilot.pause(0.1)
        await camera.press("g", "p")
        camera.take("deployment")
        await camera.press("h")
        camera.take("taken-back")
        await camera.press("escape", "!", "j", "j", "enter")
        camera.take("incident")
        app.leave("the picture is drawn")
    await door.close("the picture is drawn", "")


async def asking() -> None:
    """The same product, and a builder that wants a package."""
    with tempfile.TemporaryDirectory() as place:
        staged = stage(place)
        door = WorksDoor(
            name="bookings",
            make=lambda hear: _asking_house(staged, hear),
            by=supervisor("tty"),
            mode="flow",
            begin=_task,
        )
        app = Cockpit(door, bell=False, environment={})
        async with app.run_test(size=SIZE) as pilot:
            camera = Camera(app, pilot)
            await camera.until("ask")
            await camera.press("o")
            camera.take("ask")
            app.leave("the picture is drawn")
        await door.close("the picture is drawn", "")


def _asking_house(staged: Staged, hear: Hear) -> House:
    script = read_script("asking", ASKING, frozenset())
    return open_house(
        staged.ground,
        seats=lambda charter: SeatTable({"rehearsal": lambda: RehearsalSeat(script)}, charter, "rehearsal"),
        progress=hear,
        holder="make shots",
    )


async def _task(house: House) -> None:
    base, base_ref = await house.worktrees.head(), await house.worktrees.base_ref()
    wish = c.OpenSmallTask(text="Slow down whoever guesses codes", role="builder", base_ref=base_ref, base=base)
    await house.factory.carried_out(wish, supervisor("tty"))


def _keep(name: str, svg: str) -> None:
    svg = "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"
    (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")
    (HERE / f"{name}.png").write_bytes(png_of(svg))


if __name__ == "__main__":
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    headless()
    asyncio.run(cockpit())
    asyncio.run(asking())
