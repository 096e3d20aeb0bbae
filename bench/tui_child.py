# ruff: noqa: E402, SIM905
"""What `tui_bench` measures, in a process of its own: the cockpit with fifteen turns that stream, or a stock app.

`python -m bench.tui_child '{"kind": "cockpit", "rate": 200, "seconds": 4, "out": "..."}'`
"""

from __future__ import annotations

import sys

from factory_tui.tui.skeleton import Skeleton

FRAME = Skeleton()
if __name__ == "__main__" and '"kind": "cockpit"' in sys.argv[1]:
    FRAME.paint("bench")  # before anything heavy, as the command does

import asyncio
import json
import os
import resource
import time
from collections.abc import Callable
from typing import Any

WORDS = """the agent reads the handoff packet and checks rule seven before it writes a plan ; tests pass on `main` ,
so the reviewer **approves** the change and the gate opens . def fold ( events ) : return reduce ( apply , events )
""".split()


def text_of(seed: int) -> Callable[[], str]:
    place = seed * 7

    def token() -> str:
        nonlocal place
        place += 1
        start = "\n\n" if place % 97 == 0 else "\n- " if place % 31 == 0 else ""
        return start + WORDS[place % len(WORDS)] + " "

    return token


async def stream(turns: int, rate: float, seconds: float, feed: Callable[[int, str], None]) -> dict[str, Any]:
    """Feeds, and measures itself: processor time, and how late the loop is."""
    tokens = [text_of(number) for number in range(turns)]
    late: list[float] = []
    sent = 0
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    while (now := time.perf_counter() - start) < seconds:
        wanted = int(now * rate)
        for _ in range(wanted - sent):
            for number in range(turns):
                feed(number, tokens[number]())
        sent = wanted
        asked = time.perf_counter()
        await asyncio.sleep(0.005)
        late.append((time.perf_counter() - asked - 0.005) * 1_000)
    after, took = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - start
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    late.sort()
    return {"cpu": 100 * used / took, "lag95": late[int(len(late) * 0.95)]}


def cockpit(options: dict[str, Any]) -> None:
    os.environ.setdefault("TEXTUAL_FPS", "120")
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    from factory_tui.tui.run import run_cockpit

    def door() -> Any:
        from bench.tui_floor import BenchDoor

        return BenchDoor(options, stream)

    def glimpse() -> Any:
        from bench.tui_floor import state_in

        return state_in(options)

    run_cockpit(door, title="bench", skeleton=FRAME, glimpse=glimpse)


def stock(options: dict[str, Any]) -> None:
    """The same text in Textual's own widgets."""
    from textual.app import App, ComposeResult
    from textual.containers import Grid
    from textual.widgets import Footer, Log, Static

    class Stock(App[None]):
        CSS = "Grid { grid-size: 5 3; } #top { height: 1; }"
        BINDINGS = [("percent_sign", "one", "one"), ("ampersand", "two", "two"), ("q", "quit", "quit")]

        def compose(self) -> ComposeResult:
            yield Static("", id="top", markup=False)
            if options["turns"]:
                yield Grid(*(Log(max_lines=5_000) for _ in range(options["turns"])))
            yield Footer()

        def on_mount(self) -> None:
            self.call_after_refresh(self.begin)

        def begin(self) -> None:
            self._job = asyncio.create_task(self.play())

        async def play(self) -> None:
            logs = list(self.query(Log))
            pending: list[list[str]] = [[] for _ in logs]

            def tick() -> None:
                for log, texts in zip(logs, pending, strict=True):
                    if texts:
                        log.write("".join(texts))
                        texts.clear()

            self.set_interval(1 / 15, tick)
            self.query_one("#top", Static).update("READY")
            if options["rate"]:
                await asyncio.sleep(0.5)
                told = await stream(len(logs), options["rate"], options["seconds"], lambda n, t: pending[n].append(t))
                finish(options, told)
                self.query_one("#top", Static).update("FINISHED")

        def action_one(self) -> None:
            self.query_one("#top", Static).update("`%` pressed", layout=False)

        def action_two(self) -> None:
            self.query_one("#top", Static).update("`&` pressed", layout=False)

    Stock().run()


def finish(options: dict[str, Any], told: dict[str, Any]) -> None:
    with open(options["out"], "w", encoding="utf-8") as file:
        json.dump(told, file)


if __name__ == "__main__":
    chosen = json.loads(sys.argv[1])
    {"cockpit": cockpit, "stock": stock}[chosen["kind"]](chosen)
