"""Editing a brief before it is released. What comes of it is shown as a difference, and sent only by its own key."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Key
from textual.widgets import TextArea

from factory_tui.domain.item import Waiting
from factory_tui.engine.exhibits import difference
from factory_tui.engine.reception import Reply
from factory_tui.tui.bindings import Act
from factory_tui.tui.harmless import harmless
from factory_tui.tui.lines import Line, Span
from factory_tui.tui.screens.arrangement import Place
from factory_tui.tui.screens.reader import document_of
from factory_tui.tui.screens.room import Room
from factory_tui.tui.widgets.bar import Bar
from factory_tui.tui.widgets.pane import Pane


class Editing(Room):
    """First the text, then what changed in it."""

    places: ClassVar[tuple[str, ...]] = ("edit", "card")

    def __init__(self, item: Waiting, text: str) -> None:
        super().__init__()
        self.item = item
        self.old = harmless(text)
        self.new = self.old
        self.is_writing = True
        self._sent = False

    def compose(self) -> ComposeResult:
        yield self.box_of(Bar(id="header"))
        yield TextArea(self.old, id="brief", soft_wrap=True, tab_behavior="focus")
        yield self.box_of(Pane(id="changes", follow=False))
        yield self.box_of(Bar(id="hints"))

    def places_for(self, width: int, height: int) -> dict[str, Place]:
        main = Place(0, 1, width, max(1, height - 2))
        return {
            "header": Place(0, 0, width, 1),
            "hints": Place(0, height - 1, width, 1),
            "brief" if self.is_writing else "changes": main,
        }

    def prepare(self) -> None:
        self._area.focus()

    @property
    def _area(self) -> TextArea:
        return self.query_one("#brief", TextArea)

    def present(self) -> None:
        if self.is_ready:
            what = "write; Esc when it is done" if self.is_writing else "what your edit changes"
            self.show_header((Span(f" brief of {self.item.id}: {what}", "bar"),))

    def hints(self, width: int) -> Line:
        if self.is_writing:
            return (Span(" Esc", "key"), Span(" shows what changed; nothing is sent by that", "bar"))
        return (
            Span(" E", "key"),
            Span(" put the edit on record ", "bar"),
            Span(" e", "key"),
            Span(" $EDITOR ", "bar"),
            Span(" Esc", "key"),
            Span(" throw it away", "bar"),
        )

    def typed_key(self, event: Key) -> None:
        if self.is_writing:
            if event.key == "escape":
                event.stop()
                event.prevent_default()
                self._show_changes(self._area.text)
            return
        super().typed_key(event)

    def _show_changes(self, text: str) -> None:
        self.new, self.is_writing = text, False
        self.set_focus(None)
        changed = difference(self.old, self.new, f"brief of {self.item.id}")
        document, _ = document_of([("difference", changed or "Nothing changed.")])
        self.pane_at("changes").show(document)
        self.lay_out()
        self.renew()

    def not_now(self, act: Act) -> str:
        if act.id == "answer.edit":
            return "nothing changed" if self.new == self.old else "it was sent" if self._sent else ""
        if act.is_answer:
            return "an edit is put on record with E, then the handoff is approved on its own card"
        return ""

    def act_answer_edit(self) -> None:
        self._sent = True
        request = Reply(id=self.item.id, verb="edit", content=self.new, sha256=self.item.sha256)
        self.cockpit.ask(request, f"the edited brief of {self.item.id} is on record; look and approve it", self._done)

    def _done(self) -> None:
        if self.is_current:
            self.cockpit.go_back()

    def act_card_editor(self) -> None:
        """The supervisor's own editor, on a file that only they can read."""
        editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
        with tempfile.TemporaryDirectory(prefix="factory-brief-") as place:
            path = Path(place) / f"{self.item.id}.md"
            path.write_text(self.new, encoding="utf-8")
            with self.app.suspend():
                subprocess.run([*editor, str(path)], check=False)
            self._show_changes(harmless(path.read_text("utf-8", "replace")))
