"""Editing a brief before it is released. What comes of it is shown as a difference, and sent only by its own key."""

from __future__ import annotations

from typing import ClassVar

from factory_tui.domain.item import Waiting
from factory_tui.engine.exhibits import difference
from factory_tui.engine.reception import Reply
from factory_tui.tui.bindings import Act
from factory_tui.tui.screens.writing import Writing


class Editing(Writing):
    """First the text, then what changed in it."""

    places: ClassVar[tuple[str, ...]] = ("edit", "card")
    sends, shows = "put the edit on record", "shows what changed"

    def __init__(self, item: Waiting, text: str) -> None:
        super().__init__(f"brief of {item.id}", text)
        self.item = item

    def shown_as(self) -> tuple[str, str]:
        changed = difference(self.old, self.new, f"brief of {self.item.id}")
        return "what your edit changes", changed or "Nothing changed."

    def not_now(self, act: Act) -> str:
        if act.id == "answer.edit":
            return "nothing changed" if self.new == self.old else "it was sent" if self._sent else ""
        if act.is_answer:
            return "an edit is put on record with E, then the handoff is approved on its own card"
        return super().not_now(act)

    def act_answer_edit(self) -> None:
        self._sent = True
        request = Reply(id=self.item.id, verb="edit", content=self.new, sha256=self.item.sha256)
        self.cockpit.ask(request, f"the edited brief of {self.item.id} is on record; look and approve it", self._done)

    def _done(self) -> None:
        if self.is_current:
            self.cockpit.go_back()
