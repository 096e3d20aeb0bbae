"""Every screen, the state that it is looked at in, and the keys that open it: one list, which tests go through."""

from __future__ import annotations

from collections.abc import Callable

from chair import BusyFloor, Chair, press, settled
from deployed_floor import floor_with
from heart import SUPERVISOR
from test_briefing import next_morning
from test_card import planning
from test_crew_room import staffed_chair
from test_limits import ProvenFloor
from test_memory_marks import ProposingFloor, TouchedFloor
from test_reading import came_back
from test_sheets import AskFloor, StepFloor, StuckFloor
from test_two_keys import Waits

from factory_tui.domain import commands as c

STREAMED = "## Plan\n1. read the **brief**\n2. write `subtract`\n```diff\n+new\n-old\n```\n> done soon\n"
SIZES = ((80, 24), (120, 40), (220, 60))


class StoppedFloor(BusyFloor):
    """An incident is open, and nothing lands meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.do(c.Freeze(reason="the page is down since the last landing", landings=True), SUPERVISOR)
        self.do(c.OpenIncident(title="The page is down", task="T-1"), SUPERVISOR)


def begun() -> Chair:
    """A session in which nothing was stated yet."""
    chair = Chair()
    chair.start_session()
    return chair


def waits(kind: str) -> Callable[[], Chair]:
    return lambda: Waits(kind)


GALLERY: dict[str, tuple[Callable[[], Chair], tuple[str, ...]]] = {
    "first-minute": (begun, ()),
    "floor": (BusyFloor, ()),
    "zoom": (BusyFloor, ("3", "z")),
    "rules": (BusyFloor, ("g", "r")),
    "rule": (BusyFloor, ("g", "r", "enter")),
    "incident-behind": (BusyFloor, ("g", "r", "enter", "enter")),
    "needs-you": (BusyFloor, ("g", "n")),
    "leaving": (BusyFloor, ("q",)),
    "help": (BusyFloor, ("?",)),
    "palette": (BusyFloor, (":",)),
    "in-full": (BusyFloor, ("=",)),
    "change": (BusyFloor, ("o",)),
    "change-beside": (BusyFloor, ("o", "d", "v")),
    "handoff": (StepFloor, ("o",)),
    "editing": (StepFloor, ("o", "E")),
    "stating": (begun, ("t",)),
    "writing": (begun, ("t", "ctrl+o")),
    "redirecting": (StepFloor, ("o", "D")),
    "plan": (planning, ("o",)),
    "proposal": (ProposingFloor, ("g", "n", "G", "enter")),
    "changed-document": (ProposingFloor, ("g", "m", "j", "enter")),
    "memory": (TouchedFloor, ("g", "m")),
    "ask": (AskFloor, ("o",)),
    "stuck": (StuckFloor, ("o", "o")),
    "question": (waits("question"), ("o",)),
    "notice": (waits("notice"), ("o",)),
    "turn": (waits("turn"), ("o",)),
    "budget": (waits("budget"), ("o",)),
    "world": (waits("world"), ("o",)),
    "incident": (waits("incident"), ("o",)),
    "drafting": (waits("incident"), ("o", "e")),
    "picking": (waits("incident"), ("o", "+")),
    "incidents": (StoppedFloor, ("!",)),
    "briefing": (next_morning, ()),
    "briefing-without-checks": (came_back, ()),
    "away": (BusyFloor, ("g", "w")),
    "timeline": (BusyFloor, ("g", "t", "k", "k")),
    "gate": (BusyFloor, ("2", "g", "e")),
    "digest": (BusyFloor, ("g", "d")),
    "figures": (BusyFloor, ("g", "s")),
    "limits": (ProvenFloor, ("g", "l")),
    "roles": (BusyFloor, ("g", "o")),
    "crew": (staffed_chair, ("g", "c")),
    "crew-role": (staffed_chair, ("g", "c", "enter")),
    "budgets": (staffed_chair, ("g", "c", "b")),
    "grants": (AskFloor, ("o", "T", "g", "a")),
    "deployment": (lambda: floor_with("verified"), ("g", "p")),
    "proposing": (lambda: floor_with("landed_only"), ("g", "p", "p")),
}
"""A deployment's other states have pictures of their own, by its own tests."""


async def opened(app, pilot, name: str, pressing=press) -> None:
    """The screen of that name, at rest."""
    app.absence = (12, "2026-11-22T00:01:00.000Z", "no key for 10 min")
    _, keys = GALLERY[name]
    for turn in app.door.state.turns if name in ("floor", "zoom", "in-full") else ():
        app.door.say(turn, STREAMED)
    for _ in range(6):
        app._tick()
        await settled(pilot)
    await pressing(pilot, *keys)
    await settled(pilot)
