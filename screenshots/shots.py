"""Draws the pictures of this folder anew: `make shots`. Each shows what the program really did just now."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from factory_tui.demo import demo_door, play_demo, stage

HERE = Path(__file__).parent
STYLES = (("DENIED", "bold red"), ("FAIL", "bold red"), ("PASS", "bold green"), ("supervisor:", "bold cyan"))
FLOOR = (132, 40)
MOST_SECONDS = 60.0


def headless() -> None:
    """The demo that plays by itself."""
    with tempfile.TemporaryDirectory() as place:
        lines: list[str] = []
        ended = play_demo(lambda line: lines.append(line.replace(place, "demo")), keep=place)
    if ended != 0:
        raise SystemExit("the demo did not go as promised; nothing was drawn")
    console = Console(record=True, width=132, file=io.StringIO())
    console.print(Text("$ factory demo --headless", style="bold"))
    for line in lines:
        text = Text(line, no_wrap=False)
        for word, style in STYLES:
            text.highlight_words([word], style)
        console.print(text)
    _keep("demo.svg", console.export_svg(title="factory demo --headless", unique_id="demo"))


async def cockpit() -> None:
    """The cockpit on the same mission, played by keys: the floor while a builder works, and the change that it made."""
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    from factory_tui.tui.app import Cockpit

    with tempfile.TemporaryDirectory() as place:
        app = Cockpit(demo_door(stage(place), pace=0.02), bell=False)
        async with app.run_test(size=FLOOR) as pilot:

            async def until(kind: str, shown: str) -> None:
                """Waits for what waits, and answers handoffs on the way."""
                async with asyncio.timeout(MOST_SECONDS):
                    while not any(shown in line for line in _waits(app, kind)):
                        await pilot.pause(0.2)

            await until("handoff", "Plan the mission")
            await pilot.press("s", "o")
            await pilot.pause(1.0)
            await pilot.press("A")
            await until("plan", "plans")
            await pilot.press("o")
            await pilot.pause(1.0)
            await pilot.press("A")
            await until("change", "Bookings can be cancelled")
            await pilot.pause(1.0)
            _keep("floor.svg", app.export_screenshot(title="factory demo"))
            await pilot.press("o")
            await pilot.pause(1.5)
            _keep("change.svg", app.export_screenshot(title="factory demo"))
            app.leave("the picture is drawn")
        await app.door.close("the picture is drawn", "")


def _waits(app: object, kind: str) -> list[str]:
    from factory_tui.domain.waiting import waiting
    from factory_tui.tui.app import Cockpit

    assert isinstance(app, Cockpit)
    if app.view is None:
        return []
    return [item.title for item in waiting(app.view.state) if item.kind == kind]


def _keep(name: str, svg: str) -> None:
    (HERE / name).write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")


if __name__ == "__main__":
    headless()
    asyncio.run(cockpit())
