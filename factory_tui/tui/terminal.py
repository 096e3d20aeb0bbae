"""The terminal itself: whether it keeps up, how to be heard, what becomes of it when it goes away."""

from __future__ import annotations

import os
import select
import threading
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.driver import Driver


def is_busy(driver: Any) -> bool:
    """Whether the terminal has not yet taken what was written before. Unknown = it has.

    Textual's writer holds thirty writes and then blocks the loop; it says nothing about it, so this looks inside.
    """
    queue = getattr(getattr(driver, "_writer_thread", None), "_queue", None)
    try:
        return bool(queue is not None and queue.qsize() > 0)
    except (AttributeError, NotImplementedError):
        return False


_GONE = threading.Event()
"""Somebody found the terminal closed: the thread that writes, a signal, or whoever looked."""


def has_hung_up(descriptor: int = 0) -> bool:
    """Whether nobody is at the other end any more. Not every terminal that goes away sends SIGHUP: only the one that
    controls the process does."""
    if _GONE.is_set():
        return True
    poll = select.poll()
    poll.register(descriptor, 0)
    return bool(poll.poll(0))


def is_gone() -> None:
    """The terminal was closed: from here on writes go nowhere, so that nothing blocks or fails while work is kept."""
    _GONE.set()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


class Unfailing:
    """A file whose writes go nowhere once the terminal is gone.

    Textual writes on a thread of its own, which an error ends; the loop then waits for ever for room in its queue, and
    neither a signal nor a digest comes through.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except (OSError, ValueError):
            is_gone()
            return len(text)

    def flush(self) -> None:
        try:
            self._file.flush()
        except (OSError, ValueError):
            is_gone()

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()


def steady(driver: type[Driver]) -> type[Driver]:
    """That driver, writing through an `Unfailing` file (one that writes to no file as it is), and with one thread that
    reads, however often the process is told to go on."""

    class Steady(driver):  # type: ignore[misc, valid-type]
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            if (file := getattr(self, "_file", None)) is not None:
                self._file = Unfailing(file)

        def _sigcont_application(self, *given: Any) -> None:
            # A terminal that closes sends it along with SIGHUP; what was stopped from outside still has its thread.
            if has_hung_up():
                return
            reader = getattr(self, "_key_thread", None)
            if reader is not None and reader.is_alive() and getattr(self, "_auto_restart", False):
                self.suspend_application_mode()
            super()._sigcont_application(*given)

        def start_application_mode(self) -> None:
            if (ends := getattr(self, "exit_event", None)) is not None:
                ends.clear()
            super().start_application_mode()

        def disable_input(self) -> None:
            super().disable_input()
            if (ends := getattr(self, "exit_event", None)) is not None:
                ends.set()  # for good: a thread that missed the moment would keep the process for ever

    return Steady


RESTORE = (
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?2004l\x1b[?1004l\x1b[<u\x1b[?25h\x1b[0m\x1b[?1049l"
)
"""Mouse, paste and focus modes off, cursor shown, the first screen back."""
