"""A bell that the kernel rings when something happens in a directory; silence costs nothing.

watchfiles collects what happened, but waits for it by looking every few milliseconds, which is most of what an idle
cockpit would cost. The bell says when looking pays. Where there is none (another kernel, no inotify left) one looks on
the clock, as the library does by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Iterable, Iterator

_MODIFY, _ATTRIB, _CLOSE_WRITE, _MOVED, _CREATE, _DELETE, _SELF = 0x2, 0x4, 0x8, 0xC0, 0x100, 0x200, 0xC00
_RINGS = _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED | _CREATE | _DELETE | _SELF
_READ_AT_ONCE = 1 << 16


class Bell:
    """Rings for directories themselves, not for what lies deeper. Made by `hung_at`, in the loop that waits for it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """What is read is thrown away: that it rang is all that is asked of it."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._descriptor, _READ_AT_ONCE)
        self._rung.set()

    async def rung(self, seconds: float) -> bool:
        """Whether it rang since it was asked last, or rings within these seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)
        rung = self._rung.is_set()
        self._rung.clear()
        return rung


@contextlib.contextmanager
def hung_at(folders: Iterable[str]) -> Iterator[Bell | None]:
    """A bell for all of these directories; None where the kernel does not ring for every one of them."""
    descriptor = _hang(folders)
    if descriptor is None:
        yield None
        return
    bell, loop = Bell(descriptor), asyncio.get_running_loop()
    loop.add_reader(descriptor, bell.ring)
    try:
        yield bell
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _hang(folders: Iterable[str]) -> int | None:
    try:
        kernel = ctypes.CDLL(None)
        descriptor = int(kernel.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    except (OSError, AttributeError):
        return None
    if descriptor < 0:
        return None
    for folder in folders:
        if kernel.inotify_add_watch(descriptor, os.fsencode(folder), _RINGS) < 0:
            os.close(descriptor)
            return None
    return descriptor
