"""Writing what goes on record with an incident: its form, or its rule. A refusal leaves the text where it is."""

from __future__ import annotations

from collections.abc import Callable

from factory_tui.engine.exhibits import difference
from factory_tui.tui.bindings import Act
from factory_tui.tui.screens.writing import Writing

Send = Callable[[str, Callable[[], None]], None]
"""Sends the text, and calls back once it is on record."""


class Drafting(Writing):
    """First the text, then what changed in it."""

    sends, shows = "put it on record", "shows what changed"

    def __init__(self, told: str, text: str, send: Send, *, may_be_same: bool = False) -> None:
        """`may_be_same`: it is new, also when nothing of it was changed."""
        super().__init__(told, text)
        self._send, self._may_be_same = send, may_be_same

    def shown_as(self) -> tuple[str, str]:
        changed = difference(self.old, self.new, self.told)
        return "what your edit changes", changed or "Nothing changed."

    def not_now(self, act: Act) -> str:
        if act.id == "writing.send" and self.new == self.old and not self._may_be_same:
            return "nothing changed"
        return super().not_now(act)

    def act_writing_send(self) -> None:
        self._send(self.new, self._done)

    def _done(self) -> None:
        self._sent = True
        if self.is_current:
            self.cockpit.go_back()
