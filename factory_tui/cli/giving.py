"""Giving a person's handover to the seat that waits for it, and waiting for what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from factory_tui.adapters.handovers import Handover, Handovers
from factory_tui.cli.speech import say
from factory_tui.domain.errors import Refusal
from factory_tui.domain.state import State
from factory_tui.engine.factory import Factory
from factory_tui.engine.reception import HandOver


async def first_of(*waiting: Awaitable[Any]) -> Any:
    """What the first of them returns or raises; the others are cancelled."""
    wait = [asyncio.ensure_future(one) for one in waiting]
    try:
        await asyncio.wait(wait, return_when=asyncio.FIRST_COMPLETED)
        return next(one for one in wait if one.done()).result()
    finally:
        for one in wait:
            one.cancel()


class Heard(Handovers):
    """Says when a person's turn has come so far that it waits for them: brief and form are laid out."""

    def __init__(self) -> None:
        super().__init__()
        self._waits = asyncio.Event()

    async def wait(self, task: str) -> Handover:
        # Whoever is woken runs after the line below has entered the task.
        self._waits.set()
        self._waits = asyncio.Event()
        return await super().wait(task)

    def another(self) -> Awaitable[Any]:
        """Returns when the next one waits, counted from this call: one that comes before it is awaited counts too."""
        return self._waits.wait()


class Gives:
    """Satisfies `reception.HandoverPort`; its `show` is what the person's seat tells them."""

    def __init__(self, *, quiet: bool) -> None:
        self.handovers = Heard()
        self.factory: Factory | None = None
        self._quiet = quiet
        self._told: dict[str, str] = {}
        """The last thing said about a task since it was handed over."""

    def show(self, text: str) -> None:
        self._told[text.split(maxsplit=1)[0]] = text
        if not self._quiet:
            say(text)

    def place_of(self, task: str) -> tuple[str, str]:
        return self.handovers.place_of(task)

    async def give(self, request: HandOver) -> str:
        """Returns when the turn has ended. Raises Refusal with the reasons when it stays with the person."""
        factory = self.factory
        assert factory is not None
        task = factory.state.task(request.task).id
        turn = next((turn.id for turn in factory.state.turns.values() if turn.task == task), "")
        self._told.pop(task, None)
        self.handovers.give(
            task,
            Handover(
                message=request.message,
                note=request.note,
                form_path=request.form_path,
                question=request.question,
            ),
        )
        while turn in factory.state.turns and task not in self._told:
            await first_of(factory.until(_moved_from(factory.state.seq)), self.handovers.another())
        if turn in factory.state.turns and task in self._told:
            raise Refusal(
                what=f"{task} stays with you",
                why=_reasons(self._told[task]),
                next_step="mend that, then hand over again",
            )
        return _came_of_it(factory.state, task)


def _came_of_it(state: State, task: str) -> str:
    found = state.task(task)
    if found.stage == "offered" and found.handoff:
        return f"handed over; {found.handoff.id} passes it to {found.handoff.to}"
    if found.stage == "ready" and found.candidate and found.candidate.review:
        return f"handed over; {found.candidate.review.summary}"
    return f"handed over; it is {found.stage} now"


def _moved_from(seq: int) -> Callable[[State], bool]:
    return lambda state: state.seq != seq


def _reasons(told: str) -> str:
    """Of what the seat said, only why."""
    lines = [line for line in told.splitlines()[1:] if not line.startswith("Then: ")]
    return "\n".join(lines) or told
