"""A turn's time, which stands still while the turn waits for the supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from factory_tui.domain.asking import stands_still
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import State
from factory_tui.engine.factory import Factory


@asynccontextmanager
async def time_of(factory: Factory, turn: str, seconds: float | None) -> AsyncIterator[asyncio.Timeout]:
    """Raises TimeoutError once the turn has worked for `seconds`; None = it is never hurried."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(seconds) as limit:
        left: float | None = None
        """Seconds, while the time stands still."""

        def look(entry: Entry | None, state: State) -> None:
            nonlocal left
            now, until = loop.time(), limit.when()
            found = state.turns.get(turn)
            if found is None or limit.expired():
                return
            waits = stands_still(state, found)
            if waits and until is not None:
                left = until - now
                limit.reschedule(None)
            elif not waits and left is not None:
                limit.reschedule(now + left)
                left = None

        look(None, factory.state)
        end = factory.subscribe(look)
        try:
            yield limit
        finally:
            end()
