"""A door that is built behind the first frame: everything the factory needs is imported on a thread meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from factory_tui.domain.errors import FactoryError

if TYPE_CHECKING:
    from factory_tui.engine.checklist import Report
    from factory_tui.tui.view import Door, Elsewhere, Hear, View


class LateDoor:
    """Satisfies `Door`. `build` may take its time and may raise FactoryError; it is called once. `instead` gives the
    door to go through when that one does not open; None = there is none, and what was wrong is raised."""

    def __init__(
        self, name: str, build: Callable[[], Door], instead: Callable[[FactoryError], Door | None] = lambda error: None
    ) -> None:
        self.name = name
        self._build, self._instead = build, instead
        self._door: Door | None = None

    @property
    def place(self) -> str:
        return self._door.place if self._door is not None else ""

    @property
    def elsewhere(self) -> Elsewhere | None:
        return self._door.elsewhere if self._door is not None else None

    async def open(self, hear: Hear) -> View:
        self._door = await asyncio.to_thread(self._build)
        try:
            return await self._door.open(hear)
        except FactoryError as error:
            other = self._instead(error)
            if other is None:
                raise
            self._door = other
            return await other.open(hear)

    async def start_up(self, report: Report) -> None:
        assert self._door is not None
        await self._door.start_up(report)

    async def close(self, reason: str, words: str) -> str:
        return await self._door.close(reason, words) if self._door is not None else ""
