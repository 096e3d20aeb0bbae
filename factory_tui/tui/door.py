"""The door to a factory that runs in this process: opened behind the first frame, closed with the digest on every way.

Whoever starts the cockpit says how the factory is made; this knows its shape only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from factory_tui.domain.commands import Command
from factory_tui.domain.entries import Entry
from factory_tui.domain.events import Mode
from factory_tui.domain.item import Waiting
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor, Sha256
from factory_tui.engine.checklist import Report, ledger_line
from factory_tui.engine.deployments import Deployments
from factory_tui.engine.exhibits import Part, parts_of
from factory_tui.engine.factory import Factory, Subscriber
from factory_tui.engine.incidents import IncidentDesk
from factory_tui.engine.ports import Clock, EvidenceStore
from factory_tui.engine.reception import HandoverPort, Reception, Request
from factory_tui.engine.session import Session
from factory_tui.engine.settling import CardDesk
from factory_tui.tui.view import MEMORY, Hear, View, changed_document, unreadable_home


class Repair(Protocol):
    """What was cut off a ledger that ended in the middle of a line."""

    @property
    def size(self) -> int: ...


class LedgerEntries(Protocol):
    """A ledger, as far as the past goes."""

    @property
    def entries(self) -> Sequence[Entry]: ...
    @property
    def repaired(self) -> Repair | None: ...

    def close(self) -> None: ...


class Works(Protocol):
    """A joined factory: what `bootstrap.open_house` returns."""

    @property
    def factory(self) -> Factory: ...
    @property
    def session(self) -> Session: ...
    @property
    def evidence(self) -> EvidenceStore: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def ledger(self) -> LedgerEntries: ...
    @property
    def state(self) -> State: ...
    @property
    def home_dir(self) -> str: ...
    @property
    def deployments(self) -> Deployments: ...
    @property
    def state_dir(self) -> str: ...
    async def propose_disk(self) -> None: ...
    def incident_desk(self) -> IncidentDesk: ...
    def card_desk(self) -> CardDesk: ...
    async def start(self, by: Actor, mode: Mode | None = None, report: Report = ...) -> None: ...
    async def close(self, reason: str, by: Actor, words: str = "") -> str: ...


Beside = Callable[[Any, Reception, Hear], contextlib.AbstractAsyncContextManager[Any]]


class Marks:
    """What is said of the home's documents as they change on disk, and what follows: they are proposed."""

    def __init__(self, works: Works, hear: Hear) -> None:
        self._works, self._hear = works, hear

    def changed(self, path: str, old: Sha256, new: Sha256) -> None:
        """`path` relative to the home; no sha256 = no document."""
        self._hear(f"{MEMORY}{path}", changed_document(self._works.clock.now(), old, new))

    def wrong(self, path: str, what: str) -> None:
        """The home cannot be read; `path` may be empty."""
        self._hear(f"{MEMORY}{path}", unreadable_home(self._works.clock.now(), what))

    async def propose(self) -> None:
        """What is on disk and not in force; before the session begins, its start does that."""
        if self._works.state.session_open:
            await self._works.propose_disk()


class FactoryView:
    """A running factory. Satisfies `View`."""

    def __init__(
        self,
        *,
        factory: Factory,
        evidence: EvidenceStore,
        reception: Reception,
        clock: Clock,
        by: Actor,
        past: Sequence[Entry],
    ) -> None:
        """`by` is the supervisor."""
        self._factory, self._evidence, self._reception = factory, evidence, reception
        self._clock, self._by, self._past = clock, by, tuple(past)

    @property
    def state(self) -> State:
        return self._factory.state

    @property
    def who(self) -> str:
        return self._by.name

    @property
    def past(self) -> Sequence[Entry]:
        return self._past

    def now(self) -> str:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        return self._factory.subscribe(subscriber)

    def evidence(self, sha256: Sha256) -> bytes:
        return self._evidence.get(sha256)

    def parts(self, item: Waiting) -> Sequence[Part]:
        return parts_of(self.state, item, self._evidence)

    async def submit(self, command: Command) -> Sequence[Entry]:
        return await self._factory.carried_out(command, self._by)

    async def ask(self, request: Request) -> dict[str, Any]:
        return await self._reception.answer(request, self._by, at_terminal=True)


class WorksDoor:
    """Satisfies `Door`. `make` may take its time: it runs on a thread."""

    elsewhere = None

    def __init__(
        self,
        *,
        name: str,
        make: Callable[[Hear], Works],
        by: Actor,
        mode: Mode | None = None,
        begin: Callable[[Any], Awaitable[None]] | None = None,
        beside: Beside | None = None,
        handovers: HandoverPort | None = None,
    ) -> None:
        """`begin` is done once the session has started, `beside` is open as long as it lasts (socket, watch)."""
        self.name = name
        self._make, self._by, self._mode, self._begin, self._beside = make, by, mode, begin, beside
        self._handovers = handovers
        self._works: Works | None = None
        self._open = contextlib.AsyncExitStack()
        self._reception: Reception | None = None
        self._hear: Hear = lambda about, text: None
        self._is_beside = self._has_started = False
        self._digest = ""

    @property
    def works(self) -> Works | None:
        """The factory, once it was opened."""
        return self._works

    @property
    def place(self) -> str:
        return self._works.state_dir if self._works is not None else ""

    async def open(self, hear: Hear) -> View:
        works = await asyncio.to_thread(self._make, hear)
        self._works, self._hear = works, hear
        self._reception = Reception(
            factory=works.factory,
            session=works.session,
            evidence=works.evidence,
            propose=works.propose_disk,
            handovers=self._handovers,
            incidents=works.incident_desk(),
            cards=works.card_desk(),
            deployments=works.deployments,
        )
        return FactoryView(
            factory=works.factory,
            evidence=works.evidence,
            reception=self._reception,
            clock=works.clock,
            by=self._by,
            past=tuple(works.ledger.entries),
        )

    async def start_up(self, report: Report) -> None:
        works = self._works
        assert works is not None
        assert self._reception is not None
        repaired = works.ledger.repaired
        report(ledger_line(len(works.ledger.entries), repaired.size if repaired else 0))
        if self._beside is not None and not self._is_beside:
            await self._open.enter_async_context(self._beside(works, self._reception, self._hear))
            self._is_beside = True
        if not self._has_started:
            await works.start(self._by, self._mode, report)
            self._has_started = True
        if self._begin is not None:
            await self._begin(works)

    async def close(self, reason: str, words: str) -> str:
        works, self._works = self._works, None
        if works is None:
            return self._digest
        try:
            if works.state.session_open:
                path = await works.close(reason, self._by, words)
                self._digest = f"{works.home_dir}/{path}" if path else ""
            else:
                works.ledger.close()
        finally:
            await self._open.aclose()
        return self._digest
