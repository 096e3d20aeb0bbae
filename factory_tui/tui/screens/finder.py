"""The palette: any action found by its words. What does not work now is listed too, and says why."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Key

from factory_tui.tui.bindings import Act
from factory_tui.tui.keymap import shown
from factory_tui.tui.lines import Item, Line, Span, cut_line, item, line
from factory_tui.tui.screens.arrangement import Place
from factory_tui.tui.screens.room import Room
from factory_tui.tui.widgets.bar import Bar
from factory_tui.tui.widgets.line_input import LineInput
from factory_tui.tui.widgets.rows import Rows


def found(acts: list[Act], text: str) -> list[Act]:
    """Actions that hold every word, those whose label begins with it first."""
    words = text.casefold().split()
    hits = [act for act in acts if all(word in f"{act.label} {act.doc} {act.id}".casefold() for word in words)]
    start = words[0] if words else ""
    return sorted(hits, key=lambda act: (not act.label.casefold().startswith(start), acts.index(act)))


class Finder(Room):
    """Type, choose, Enter."""

    places: ClassVar[tuple[str, ...]] = ("finder",)
    own_keys: ClassVar[tuple[str, ...]] = ("enter", "up", "down")

    def __init__(self, room: Room) -> None:
        super().__init__()
        self.below = room
        self._words = LineInput(id="words")

    def compose(self) -> ComposeResult:
        yield self.box_of(Bar(id="header"))
        yield self._words
        yield self.box_of(Rows(id="rows", framed=False))
        yield self.box_of(Bar(id="hints"))

    def places_for(self, width: int, height: int) -> dict[str, Place]:
        return {
            "header": Place(0, 0, width, 1),
            "words": Place(0, 1, width, 1),
            "rows": Place(0, 2, width, max(1, height - 3)),
            "hints": Place(0, height - 1, width, 1),
        }

    def prepare(self) -> None:
        self._words.focus()

    def present(self) -> None:
        if not self.is_ready:
            return
        self.show_header((Span(" all actions; type words, Enter does it", "bar"),))
        rows = self.rows_at("rows")
        rows.activate(True)
        here = sorted(self.cockpit.keys.here(self.below.places), key=lambda act: act.group == "move")
        acts = found(here, self._words.value)
        width = self.app.size.width
        rows.show([self._row(act, width) for act in acts], (), " no action has these words")

    def hints(self, width: int) -> Line:
        """Letters are words here: other keys than these do nothing else."""
        return cut_line(
            (
                Span(" Enter", "key"),
                Span(" does it, or says why not now ", "bar"),
                Span(" Up", "key"),
                Span(" Down", "key"),
                Span(" choose ", "bar"),
                Span(" Esc", "key"),
                Span(" back ", "bar"),
            ),
            width,
        )

    def _row(self, act: Act, width: int) -> Item:
        why = self.below.why_not(act)
        keys = " ".join(shown(key) for key in act.keys)
        body = line(
            (f" {keys:<14}", "warn" if not why else "dim"),
            (f"{act.label:<18} ", "strong" if not why else "dim"),
            (act.doc, "text" if not why else "dim"),
            (f"  not now: {why}" if why else "", "warn"),
        )
        return item(act.id, cut_line(body, width))

    def on_input_changed(self, event: LineInput.Changed) -> None:
        self.present()

    def on_input_submitted(self, event: LineInput.Submitted) -> None:
        event.stop()
        self._do(self.rows_at("rows").key)

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        message.stop()
        if message.opened:
            self._do(message.key)

    def _do(self, id: str) -> None:
        if not id:
            return
        self.cockpit.go_back()
        act = self.cockpit.keys.by_id[id]
        self.below.call_after_refresh(self.below.perform, act)

    def press(self, key: str, at: float = 0.0) -> None:
        """A click on the strip: typed keys come by `typed_key`."""
        if key == "enter":
            self._do(self.rows_at("rows").key)
        elif key in ("up", "down"):
            self.rows_at("rows").move(1 if key == "down" else -1)
        else:
            super().press(key, at)

    def typed_key(self, event: Key) -> None:
        rows = self.rows_at("rows")
        steps = {"down": 1, "up": -1, "pagedown": 10, "pageup": -10, "tab": 1, "shift+tab": -1}
        if event.key in steps:
            rows.move(steps[event.key])
        elif event.key == "escape":
            self.cockpit.go_back()
        elif event.key == "ctrl+c":
            self.cockpit.interrupt()
        else:
            return  # the line one types into has keys of its own
        event.stop()
        event.prevent_default()
