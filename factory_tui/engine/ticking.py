"""The engine's clock: time comes true only when it is on record, so it is recorded while something waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

from factory_tui.domain import commands as c
from factory_tui.domain.due import needs_time, seconds_to_sleep, waits_anew
from factory_tui.domain.terms import Actor
from factory_tui.engine.factory import Factory
from factory_tui.engine.ports import Clock

BY = Actor(kind="factory", name="clock")


async def tell_the_time(factory: Factory, clock: Clock) -> None:
    """Runs until the factory fails, or is cancelled."""
    while factory.failure is None:
        now = clock.now()
        if needs_time(factory.state, now):
            await factory.carried_out(c.PassTime(now=now), BY)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds_to_sleep(factory.state, now)):
                await factory.until(partial(waits_anew, factory.state))


@contextlib.asynccontextmanager
async def ticking(factory: Factory, clock: Clock) -> AsyncIterator[None]:
    """The time is told as long as the block runs."""
    telling = asyncio.ensure_future(tell_the_time(factory, clock))
    try:
        yield
    finally:
        telling.cancel()
