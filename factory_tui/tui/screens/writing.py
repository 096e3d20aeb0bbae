"""More than a line: inline or in one's own editor. What came of it is shown first; its own key alone sends it."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Key
from textual.widgets import TextArea

from factory_tui.tui.bindings import Act
from factory_tui.tui.harmless import harmless
from factory_tui.tui.lines import Line, Span
from factory_tui.tui.screens.arrangement import Place
from factory_tui.tui.screens.reader import document_of
from factory_tui.tui.screens.room import Room
from factory_tui.tui.widgets.bar import Bar
from factory_tui.tui.widgets.pane import Pane


class Writing(Room):
    """First the text, then what is sent. Subclasses say what of it is shown, and what their own key does."""

    places: ClassVar[tuple[str, ...]] = ("edit", "writing")
    sender, sends, shows = "writing.send", "send it", "shows what you wrote"

    def __init__(self, told: str, text: str, then: Callable[[str], None] = lambda text: None) -> None:
        """`told`: what is written, for the header. `then` is given the text once it is sent."""
        super().__init__()
        self.told = told
        self.old = harmless(text)
        self.new = self.old
        self.is_writing = True
        self._then = then
        self._sent = False

    def compose(self) -> ComposeResult:
        yield self.box_of(Bar(id="header"))
        yield TextArea(self.new, id="written", soft_wrap=True, tab_behavior="focus")
        yield self.box_of(Pane(id="shown", follow=False))
        yield self.box_of(Bar(id="hints"))

    def places_for(self, width: int, height: int) -> dict[str, Place]:
        main = Place(0, 1, width, max(1, height - 2))
        return {
            "header": Place(0, 0, width, 1),
            "hints": Place(0, height - 1, width, 1),
            "written" if self.is_writing else "shown": main,
        }

    def prepare(self) -> None:
        self._area.focus()

    @property
    def _area(self) -> TextArea:
        return self.query_one("#written", TextArea)

    def present(self) -> None:
        if self.is_ready:
            what = "write; Esc when it is done" if self.is_writing else self.shown_as()[0]
            self.show_header((Span(f" {self.told}: {what}", "bar"),))

    def shown_as(self) -> tuple[str, str]:
        """What is shown before it is sent: its title, and the text."""
        return "what is sent", self.new or "Nothing was written."

    def hints(self, width: int) -> Line:
        if self.is_writing:
            return (Span(" Esc", "key"), Span(f" {self.shows}; nothing is sent by that", "bar"))
        acts = {self.sender: self.sends, "card.editor": "$EDITOR", "back": "throw it away"}
        told = ((self.key_of(act), word) for act, word in acts.items())
        return tuple(span for key, word in told for span in (Span(f" {key}", "key"), Span(f" {word} ", "bar")))

    def typed_key(self, event: Key) -> None:
        if self.is_writing:
            if event.key == "escape":
                event.stop()
                event.prevent_default()
                self._show(self._area.text)
            return
        super().typed_key(event)

    def _show(self, text: str) -> None:
        self.new, self.is_writing = text, False
        self.set_focus(None)
        document, _ = document_of([self.shown_as()])
        self.pane_at("shown").show(document)
        self.lay_out()
        self.renew()

    def not_now(self, act: Act) -> str:
        if act.id == "writing.send":
            return "nothing was written" if not self.new.strip() else "it was sent" if self._sent else ""
        return ""

    def act_writing_send(self) -> None:
        self._sent = True
        self.cockpit.go_back()
        self._then(self.new.strip())

    def act_card_editor(self) -> None:
        self.cockpit.soon(self._in_editor())

    async def _in_editor(self) -> None:
        """The supervisor's own editor, on a file that only they can read; the factory goes on meanwhile."""
        editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
        with tempfile.TemporaryDirectory(prefix="factory-text-") as place:
            path = Path(place) / "text.md"
            path.write_text(self.new, encoding="utf-8")
            code = await self.cockpit.step_aside((*editor, str(path)), place)
            if code == 0:
                self._show(harmless(path.read_text("utf-8", "replace")))
            else:
                self.say(f"{editor[0]} ended with exit code {code}; the text is as it was", "warn")
