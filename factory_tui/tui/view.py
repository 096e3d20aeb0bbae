"""What the cockpit is given: a state that comes down whole, commands that go up, and the way in and out.

No screen knows a factory. Whoever satisfies `View` can be supervised: a running factory, a replay, a fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # the first frame does not wait for the engine
    from factory_tui.domain.commands import Command
    from factory_tui.domain.entries import Entry
    from factory_tui.domain.item import Waiting
    from factory_tui.domain.state import State
    from factory_tui.domain.terms import Sha256
    from factory_tui.engine.checklist import Report
    from factory_tui.engine.exhibits import Part
    from factory_tui.engine.factory import Subscriber
    from factory_tui.engine.reception import Request

Hear = Callable[[str, str], None]
MEMORY = "memory:"
"""What `hear` is told about a document of the home: this and its path, or this alone for the home as a whole."""


def changed_document(at: str, old: Sha256, new: Sha256) -> str:
    """What `hear` is told when a document on disk is another than before. `at` in UTC; no sha256 = no document."""
    return f"{at} {old or '-'} {new or '-'}"


def unreadable_home(at: str, what: str) -> str:
    """What `hear` is told when the home cannot be read."""
    return f"{at} ! {what}"


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """A session that another process holds while this cockpit only looks on."""

    holder: str
    """What that process says of itself."""
    has_ended: bool = False
    """It is over, or the process is gone: the session can be taken over here."""


class View(Protocol):
    """A factory as seen from a chair."""

    @property
    def state(self) -> State: ...

    @property
    def who(self) -> str:
        """Whose commands these are, by the name that goes on record; empty = nobody commands from here."""

    @property
    def past(self) -> Sequence[Entry]:
        """Everything on record when the cockpit looked first."""

    def now(self) -> str:
        """UTC, as the ledger writes it."""

    def monotonic(self) -> float:
        """Seconds, for durations: it stands still while the machine sleeps."""

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Called for each entry with the state after it; returns what ends it."""

    def evidence(self, sha256: Sha256) -> bytes:
        """Raises FactoryError when it is absent or altered."""

    def parts(self, item: Waiting) -> Sequence[Part]:
        """Everything that an answer to the item is about."""

    async def submit(self, command: Command) -> Sequence[Entry]:
        """Carried out and on disk. Raises FactoryError when it makes no sense now."""

    async def ask(self, request: Request) -> dict[str, Any]:
        """What the reception answers to somebody who sits at the terminal. Raises FactoryError."""


class Door(Protocol):
    """How the cockpit gets into a factory, and out of it on every way."""

    @property
    def name(self) -> str:
        """Of the repository, for the header."""

    @property
    def place(self) -> str:
        """An absolute directory of the user's own, outside of the repository; empty = none is known."""

    @property
    def elsewhere(self) -> Elsewhere | None:
        """Where the session is, when it is not here: nothing is answered here, and leaving ends nothing."""

    async def open(self, hear: Hear) -> View:
        """Opens the ledger. `hear` is told (turn, task or document, text) as things happen."""

    async def start_up(self, report: Report) -> None:
        """Starts the session; each line of its checklist is told as its check ends. May be tried again after a
        FactoryError."""

    async def close(self, reason: str, words: str) -> str:
        """Interrupts, keeps, writes the digest; may be called twice. Returns its absolute path; empty = none owed."""
