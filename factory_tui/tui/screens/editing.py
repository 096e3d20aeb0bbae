"""Editing a brief before it is released. What comes of it is shown as a difference, and sent only by its own key."""

from __future__ import annotations

from typing import ClassVar

from factory_tui.domain.item import Waiting
from factory_tui.engine.exhibits import difference
from factory_tui.tui.bindings import Act
from factory_tui.tui.screens.writing import Writing


class Editing(Writing):
    """First the text, then what changed in it."""

    places: ClassVar[tuple[str, ...]] = ("edit", "card")
    sender, sends, shows = "answer.edit", "put the edit on record", "shows what changed"

    def __init__(self, item: Waiting, text: str, kept: str = "") -> None:
        """`kept`: an edit that was refused before, to go on with."""
        super().__init__(f"brief of {item.id}", text)
        self.item = item
        self.new = kept or self.new

    def shown_as(self) -> tuple[str, str]:
        changed = difference(self.old, self.new, f"brief of {self.item.id}")
        return "what your edit changes", changed or "Nothing changed."

    def not_now(self, act: Act) -> str:
        if act.id == "answer.edit":
            return "nothing changed" if self.new == self.old else "it was sent" if self._sent else ""
        if act.is_answer:
            by = self.key_of(self.sender)
            return f"an edit is put on record with {by}, then the handoff is approved on its own card"
        return super().not_now(act)

    def act_answer_edit(self) -> None:
        self.cockpit.answer(self.item, "edit", self.new, self._done)

    def _done(self) -> None:
        self._sent = True
        if self.is_current:
            self.cockpit.go_back()
