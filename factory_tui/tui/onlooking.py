"""A second cockpit on a factory that runs elsewhere: it shows everything as the ledger says it, and answers nothing.

It takes no lock and writes no byte. What agents say word by word is not on record, so it streams only where they run;
what they do is, and is followed as it is written.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from factory_tui.domain.commands import Command
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import FactoryError, LedgerError, Refusal
from factory_tui.domain.evolve import evolve, fold
from factory_tui.domain.item import Waiting
from factory_tui.domain.terms import Sha256
from factory_tui.engine.checklist import Report
from factory_tui.engine.exhibits import Part, parts_of
from factory_tui.engine.factory import Subscriber
from factory_tui.engine.ports import Clock, EvidenceStore
from factory_tui.engine.reception import PreviewDigest, Request
from factory_tui.tui.present.elsewhere import only_looks
from factory_tui.tui.view import MEMORY, Elsewhere, Hear, View, unreadable_home

SECONDS_BETWEEN_LOOKS = 0.25
LOOKS_PER_QUESTION = 4
"""Whether the other process still lives is asked less often than its ledger is looked at."""


class GrowingLedger(Protocol):
    """A ledger that somebody else writes."""

    @property
    def entries(self) -> Sequence[Entry]: ...

    @property
    def damage(self) -> LedgerError | None:
        """Why nothing after the last entry is trusted; None = all is well."""

    def refresh(self) -> Sequence[Entry]:
        """What was written since the last look. Raises FactoryError when it cannot be read."""


class Window(Protocol):
    """What an onlooker can see of a factory that runs elsewhere. Every method may take its time: it runs on a thread.
    Satisfied by whoever knows where that factory keeps its things."""

    @property
    def place(self) -> str:
        """As `Door.place`."""

    def ledger(self) -> GrowingLedger:
        """Raises FactoryError when there is none, or it cannot be read."""

    @property
    def evidence(self) -> EvidenceStore: ...

    @property
    def clock(self) -> Clock: ...

    def holder(self) -> str:
        """What the process that holds the session says of itself; empty = nobody holds it any more."""

    def preview(self, request: PreviewDigest) -> dict[str, Any]:
        """The digest as that process would write it now. Raises FactoryError."""


class OnlookerView:
    """What the ledger says. Satisfies `View`; every answer and command is refused with the way on."""

    def __init__(self, window: Window, ledger: GrowingLedger, refuse: Callable[[], Refusal]) -> None:
        self.who = ""
        self.past: Sequence[Entry] = tuple(ledger.entries)
        self.state = fold(self.past)
        self._window, self._ledger, self._refuse = window, ledger, refuse
        self._clock = window.clock
        self._subscribers: list[Subscriber] = []

    async def look(self) -> bool:
        """Tells what was written since; whether anything was. Raises FactoryError."""
        fresh = await asyncio.to_thread(self._ledger.refresh)
        for entry in fresh:
            self.state = evolve(self.state, entry)
            for subscriber in tuple(self._subscribers):
                subscriber(entry, self.state)
        if self._ledger.damage is not None:
            raise self._ledger.damage
        return bool(fresh)

    def now(self) -> str:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def evidence(self, sha256: Sha256) -> bytes:
        return self._window.evidence.get(sha256)

    def parts(self, item: Waiting) -> Sequence[Part]:
        return parts_of(self.state, item, self._window.evidence)

    async def submit(self, command: Command) -> Sequence[Entry]:
        raise self._refuse()

    async def ask(self, request: Request) -> dict[str, Any]:
        if isinstance(request, PreviewDigest):  # the one request that only looks
            return await asyncio.to_thread(self._window.preview, request)
        raise self._refuse()


class OnlookerDoor:
    """Satisfies `Door`. `window` may take its time: it is made on a thread."""

    def __init__(self, name: str, holder: str, window: Callable[[], Window]) -> None:
        self.name = name
        self.elsewhere = Elsewhere(holder=holder)
        self._make = window
        self._window: Window | None = None
        self._view: OnlookerView | None = None
        self._following: asyncio.Task[None] | None = None
        self._hear: Hear = lambda about, text: None

    @property
    def place(self) -> str:
        return self._window.place if self._window is not None else ""

    async def open(self, hear: Hear) -> View:
        self._hear = hear
        self._window, view = await asyncio.to_thread(self._open)
        self._view = view
        return view

    def _open(self) -> tuple[Window, OnlookerView]:
        window = self._make()
        return window, OnlookerView(window, window.ledger(), self._refusal)

    def _refusal(self) -> Refusal:
        return Refusal(what=only_looks(self.elsewhere), next_step="nothing ends by leaving it")

    async def start_up(self, report: Report) -> None:
        """No session of its own: from here on it follows the other's."""
        if self._following is None:
            self._following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        assert self._view is not None
        looks = 0
        while True:
            try:
                grew = await self._view.look()
                # Nobody holds an ended one: it is asked about again only when somebody writes to it.
                if grew or (looks % LOOKS_PER_QUESTION == 0 and not self.elsewhere.has_ended):
                    await self._ask_who()
            except FactoryError as error:
                self._hear(MEMORY, unreadable_home(self._view.now(), error.what))
                return
            looks += 1
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def _ask_who(self) -> None:
        assert self._window is not None
        holder = await asyncio.to_thread(self._window.holder)
        self.elsewhere = Elsewhere(holder=holder or self.elsewhere.holder, has_ended=not holder)

    async def close(self, reason: str, words: str) -> str:
        """Touches nothing, so there is nothing to keep and no digest."""
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
        return ""
