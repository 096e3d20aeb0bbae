"""Keys in the order in which they were typed: each is done, with all that it moved, before the next is looked at.

Textual gives a key to whatever has the focus when the key arrives. Of keys that come in one burst, over a slow line or
while the screen was busy, the later ones would go to where the first one leads away from: letters would miss the line
they were meant for, and a correction would come before what it corrects.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

if TYPE_CHECKING:
    from textual.screen import Screen

SECONDS = 2.0
"""After which the next key is looked at in any case: what a key began may take longer, and what it went to may be
gone."""
Typed = events.Key | events.Paste


class InTurn(App[None], inherit_bindings=False):
    """Beneath the cockpit."""

    def __init__(self, *, ansi_color: bool = False) -> None:
        super().__init__(ansi_color=ansi_color)
        self._typed_ahead: deque[Typed] = deque()
        self._under_way: object | None = None
        """Of the key that is being done; None = none is."""

    @property
    def has_keys(self) -> bool:
        """Whether a key that was typed is not done yet."""
        return self._under_way is not None

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent | events.Paste) and not self.screen_stack:
            return  # it comes while the last screen goes
        if not isinstance(event, Typed) or event.is_forwarded:
            await super().on_event(event)
        elif self._under_way is None:
            await self._do(event)
        else:
            self._typed_ahead.append(event)

    async def _do(self, key: Typed) -> None:
        front = self.screen
        began_at: MessagePump = self.focused or front
        this = self._under_way = object()
        asyncio.get_running_loop().call_later(SECONDS, self.call_later, self._next, this)
        await super().on_event(key)
        self._after(began_at, lambda: self._after(front, lambda: self._after(self, lambda: self._led_to(this))))

    def _led_to(self, this: object) -> None:
        """The key went up from where it began. Where it opened a screen, that is made; where it gave the focus away,
        that is done last."""
        to: Screen[object] | None = self.screen_stack[-1] if self.screen_stack else None
        if to is None:
            self._under_way = None
        else:
            self._after(to, lambda: self._after(self, lambda: self.call_later(self._next, this)))

    def _after(self, pump: MessagePump, then: Callable[[], object]) -> None:
        """Once a pump has done what it was given until now; at once when it is closed."""
        if not pump.call_later(then):
            then()

    async def _next(self, this: object) -> None:
        if self._under_way is not this:
            return
        self._under_way = None
        if self._typed_ahead and self.screen_stack:
            await self._do(self._typed_ahead.popleft())
