"""Calls of a model whose own program runs on meanwhile: one after the other, until one of them ends the turn.

What ends it ends it at once: nothing more comes back to the program, so that it calls its model no more. Shared by the
seats that put somebody else's program to work.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import NoReturn

from factory_tui.adapters.model_calls import FULL, HAND_ON, Call, Calls
from factory_tui.engine.seat_ports import ActionResult, Desk, SeatOutcome, TurnBrief


class LiveCalls:
    """Of one turn."""

    def __init__(self, brief: TurnBrief, desk: Desk) -> None:
        self.calls = Calls(brief)
        self.over: asyncio.Future[SeatOutcome] = asyncio.get_running_loop().create_future()
        """How the turn ended, as soon as it did, whatever its program still does."""
        self.is_full = False
        """The context is nearly full: it is asked for its last words next."""
        self.is_handing_on = False
        """It was asked for them; whatever it says now is them."""
        self._last_words = ""
        self._desk = desk
        self._acting = asyncio.Lock()

    def stop(self, outcome: SeatOutcome) -> None:
        """The first to say so counts."""
        if not self.over.done():
            self.over.set_result(outcome)

    def said(self, text: str) -> None:
        if self.is_handing_on:
            self._last_words += text

    def hand_on(self) -> str:
        """What is asked of a model whose context is nearly full; what it says from now on are its last words."""
        self.is_handing_on = True
        return HAND_ON

    def handed_on(self) -> SeatOutcome:
        """For a fresh turn, from its last words and our own account."""
        self._desk.notice("note", FULL)
        return self.calls.handed_on(self._last_words, FULL)

    async def carry(self, name: str, arguments: object) -> ActionResult:
        """One at a time, in the order in which they come; once the turn is over nothing is done and nothing comes
        back."""
        async with self._acting:
            if self.over.done():
                await _never()
            (result,) = await self.calls.carry(self._desk, [Call(name=name, arguments=arguments)])
            if self.calls.delivered:
                self.stop(SeatOutcome(kind="ok"))
            elif self.calls.given_up:
                self.stop(SeatOutcome(kind="failed", note=self.calls.given_up))
            if self.over.done():
                await _never()
        return result

    async def act(self, name: str, arguments: object) -> ActionResult:
        """As `carry`, for one whose context may be nearly full."""
        if self.is_handing_on:
            # It was asked for words alone; what it wants instead is for the fresh turn to do.
            self.stop(self.handed_on())
        result = await self.carry(name, arguments)
        return replace(result, text=f"{result.text}\n\n{self.hand_on()}") if self.is_full else result


async def _never() -> NoReturn:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody answers it")
