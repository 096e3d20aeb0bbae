"""The terminal itself: whether it keeps up, how to be heard, what becomes of it when it goes away."""

from __future__ import annotations

import os
import select
from typing import Any


def is_busy(driver: Any) -> bool:
    """Whether the terminal has not yet taken what was written before. Unknown = it has.

    Textual's writer holds thirty writes and then blocks the loop; it says nothing about it, so this looks inside.
    """
    queue = getattr(getattr(driver, "_writer_thread", None), "_queue", None)
    try:
        return bool(queue is not None and queue.qsize() > 0)
    except (AttributeError, NotImplementedError):
        return False


def has_hung_up(descriptor: int = 0) -> bool:
    """Whether nobody is at the other end any more. Not every terminal that goes away sends SIGHUP: only the one that
    controls the process does."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return bool(poll.poll(0))


def is_gone() -> None:
    """The terminal was closed: from here on writes go nowhere, so that nothing blocks or fails while work is kept."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


RESTORE = (
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?2004l\x1b[?1004l\x1b[<u\x1b[?25h\x1b[0m\x1b[?1049l"
)
"""Mouse, paste and focus modes off, cursor shown, the first screen back."""
