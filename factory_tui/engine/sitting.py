"""A seat at work: held to its time, interrupted at any moment, and closed with all it started whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager

from factory_tui.domain.errors import FactoryError
from factory_tui.engine.seat_ports import CLOSE_SECONDS, INTERRUPT_SECONDS, Desk, Seat, SeatOutcome, TurnBrief


async def sit(
    seat: Seat,
    brief: TurnBrief,
    desk: Desk,
    seconds: float | None,
    *,
    interrupt_seconds: float = INTERRUPT_SECONDS,
    close_seconds: float = CLOSE_SECONDS,
    within: Callable[[float | None], AbstractAsyncContextManager[object]] = asyncio.timeout,
) -> SeatOutcome:
    """Plays one turn; exactly one outcome, and the seat is closed before it is told.

    `seconds` None = as long as it takes; `within` measures them, and may stand still. Cancelled, it interrupts and
    closes the seat, then raises CancelledError; so it does when it is cancelled again meanwhile.
    """
    run = asyncio.ensure_future(seat.run(brief, desk))
    is_late = False
    try:
        with contextlib.suppress(TimeoutError):
            async with within(seconds):
                await asyncio.wait({run})
        is_late = not run.done()
    finally:
        await _whatever_happens(_let_go(seat, run, desk, interrupt_seconds, close_seconds))
    return _outcome(seat, run, is_late)


def _outcome(seat: Seat, run: asyncio.Future[SeatOutcome], is_late: bool) -> SeatOutcome:
    if is_late:
        return SeatOutcome(kind="budget", note="the budget of the turn is used up: its minutes")
    if run.cancelled():
        return SeatOutcome(kind="failed", note="the seat ended by itself as if it had been interrupted")
    error = run.exception()
    if isinstance(error, FactoryError):
        return SeatOutcome(kind="failed", note=str(error))
    if isinstance(error, Exception):
        return SeatOutcome(kind="failed", note=f"the seat failed: {type(error).__name__}: {error}")
    outcome = run.result()
    if outcome.kind == "interrupted" and seat.facts.control != "human":
        # Or it would be started again for ever.
        return SeatOutcome(kind="failed", note=f"the seat ended by itself, saying it was interrupted: {outcome.note}")
    return outcome


async def _let_go(
    seat: Seat, run: asyncio.Future[SeatOutcome], desk: Desk, interrupt_seconds: float, close_seconds: float
) -> None:
    if not run.done():
        run.cancel()
        await asyncio.wait({run}, timeout=interrupt_seconds)
    try:
        async with asyncio.timeout(close_seconds):
            await seat.close()
    except Exception as error:
        why = f"not in {close_seconds:g} s" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"
        desk.notice("note", f"the seat {seat.kind} did not close: {why}")
    if not run.done():
        run.cancel()
        run.add_done_callback(_forget)
        desk.notice(
            "note", f"the seat {seat.kind} did not answer the interrupt in {interrupt_seconds:g} s; left behind"
        )


def _forget(run: asyncio.Future[SeatOutcome]) -> None:
    """What a seat that was left behind says later is nobody's."""
    if not run.cancelled():
        run.exception()


async def _whatever_happens(work: Coroutine[object, object, None]) -> None:
    """Ends the work however often we are cancelled meanwhile; raises CancelledError then, and only then."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()
