"""Where a person's turn and their "I am done" meet.

A human seat waits here for its task; a command line, a socket or a cockpit hands over. Safe to use from any thread.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

from factory_tui.domain.errors import Refusal


@dataclass(frozen=True, kw_only=True)
class Handover:
    """What a person says when they hand over."""

    message: str = ""
    """The commit message; empty = as the form says, else the task's title."""
    note: str = ""
    form_path: str = ""
    """The filled-in form, absolute; empty = the one that was laid out."""
    question: str = ""
    """A question instead of a delivery: it goes to whom the role's card escalates to."""


@dataclass(frozen=True)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    given: asyncio.Future[Handover]


class Handovers:
    """Human turns that wait, by task."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: dict[str, _Waiter] = {}
        self._places: dict[str, tuple[str, str]] = {}

    def lay_out(self, task: str, directory: str, form: str) -> None:
        """Where the person of this task works: a tree, and a form to fill in; an author has none."""
        with self._lock:
            self._places[task] = (directory, form)

    def place_of(self, task: str) -> tuple[str, str]:
        """Directory and form, absolute. Raises Refusal when no person's turn was laid out on it."""
        with self._lock:
            found = self._places.get(task)
        if found is None:
            raise Refusal(what=f"no person works on {task} now", next_step="look at `factory status`")
        return found

    @property
    def waiting(self) -> tuple[str, ...]:
        """Tasks whose person may hand over now."""
        with self._lock:
            return tuple(sorted(self._waiters))

    async def wait(self, task: str) -> Handover:
        """The next handover of this task, however long it takes. Cancelling stops waiting."""
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop, loop.create_future())
        with self._lock:
            if task in self._waiters:
                raise Refusal(what=f"a human turn on {task} waits already", next_step="end that turn first")
            self._waiters[task] = waiter
        try:
            return await waiter.given
        finally:
            with self._lock:
                if self._waiters.get(task) is waiter:
                    del self._waiters[task]

    def give(self, task: str, handover: Handover) -> None:
        """Hand over. Raises Refusal when no person's turn on this task waits, naming those that do."""
        with self._lock:
            waiter = self._waiters.pop(task, None)
            others = tuple(sorted(self._waiters))
        if waiter is None:
            raise Refusal(
                what=f"nobody waits for a handover of {task}",
                why=f"waiting are {', '.join(others)}"
                if others
                else "no human turn waits now; one may be checked just now",
                next_step="look at `factory status`, then hand over again",
            )
        waiter.loop.call_soon_threadsafe(_settle, waiter.given, handover)


def _settle(given: asyncio.Future[Handover], handover: Handover) -> None:
    if not given.done():
        given.set_result(handover)
