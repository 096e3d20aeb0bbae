"""A screen can be rebuilt from the ledger at any moment: who saw everything happen, and who opens a cockpit afterwards,
see the same."""

from __future__ import annotations

import pytest
from chair import Chair, press, screen_text, settled
from gallery import GALLERY

from factory_tui.domain.entries import Entry
from factory_tui.domain.evolve import evolve
from factory_tui.domain.state import State
from factory_tui.engine.factory import Subscriber
from factory_tui.tui.app import Cockpit

SCREENS = (
    "floor", "zoom", "rules", "needs-you", "change", "handoff", "plan", "proposal", "ask", "stuck", "incidents",
    "incident", "briefing", "timeline", "gate", "figures", "limits", "roles", "deployment",
)  # fmt: skip
"""Those whose text says what is, or was, in the factory."""


class Witness:
    """Satisfies `Door` and `View`: what a chair has on record comes in one entry after the other."""

    elsewhere = None
    name, place = "adder", ""

    def __init__(self, chair: Chair) -> None:
        self._chair, self._left = chair, list(chair.entries)
        self.past: tuple[Entry, ...] = ()
        self.state = State()
        self._subscribers: list[Subscriber] = []

    @property
    def left(self) -> int:
        return len(self._left)

    async def open(self, hear):
        self._view = await self._chair.open(hear)
        return self

    async def start_up(self, report) -> None:
        for checked in self._chair.checked:
            report(checked)

    async def close(self, reason: str, words: str) -> str:
        return ""

    def come_in(self) -> None:
        """The next entry."""
        entry = self._left.pop(0)
        self.state = evolve(self.state, entry)
        for subscriber in tuple(self._subscribers):
            subscriber(entry, self.state)

    def subscribe(self, subscriber: Subscriber):
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def __getattr__(self, name: str):
        return getattr(self._view, name)


async def seen(door, keys: tuple[str, ...], missing: int = 0) -> str:
    """What the screen says at last. `missing`: so many of the newest entries a witness has not seen yet."""
    app = Cockpit(door, arm_seconds=0.0)
    async with app.run_test(size=(160, 50)) as pilot:
        while app.view is None:
            assert app.is_running, "it did not open"
            await pilot.pause(0)
        await settled(pilot)
        while isinstance(door, Witness) and door.left > missing:
            door.come_in()
        await settled(pilot)
        app.go_floor()
        app.quiet()
        app.room.renew()
        await settled(pilot)
        await press(pilot, *keys)
        return screen_text(app)


@pytest.mark.parametrize("name", SCREENS)
async def test_one_who_saw_it_happen_and_one_who_reads_the_ledger_see_the_same(name):
    make, keys = GALLERY[name]
    assert await seen(Witness(make()), keys) == await seen(make(), keys)


async def test_one_who_has_not_seen_the_last_entries_sees_something_else():
    """Control: what is compared does come from the entries."""
    make, keys = GALLERY["floor"]
    assert await seen(Witness(make()), keys, missing=5) != await seen(make(), keys)
