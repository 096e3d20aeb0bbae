"""The palette: any action found by its words. What does not work now is listed too, and says why."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Key

from factory_tui.tui.bindings import Act
from factory_tui.tui.keymap import shown
from factory_tui.tui.lines import Item, Span, cut_line, item, line
from factory_tui.tui.screens.arrangement import Place
from factory_tui.tui.screens.room import Room
from factory_tui.tui.widgets.bar import Bar
from factory_tui.tui.widgets.entry import Entry
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

    def __init__(self, room: Room) -> None:
        super().__init__()
        self.below = room

    def compose(self) -> ComposeResult:
        yield Bar(id="header")
        yield Entry(id="words")
        yield Rows(id="rows", framed=False)
        yield Bar(id="hints")

    def places_for(self, width: int, height: int) -> dict[str, Place]:
        return {
            "header": Place(0, 0, width, 1),
            "words": Place(0, 1, width, 1),
            "rows": Place(0, 2, width, max(1, height - 3)),
            "hints": Place(0, height - 1, width, 1),
        }

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#words", Entry).focus()

    def present(self) -> None:
        if not self.is_mounted:
            return
        self.query_one("#header", Bar).show((Span(" all actions; type words, Enter does it", "bar"),))
        rows = self.query_one("#rows", Rows)
        rows.activate(True)
        acts = found(self.cockpit.keys.here(self.below.places), self.query_one("#words", Entry).value)
        width = self.app.size.width
        rows.show([self._row(act, width) for act in acts], (), " no action has these words")

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

    def on_input_changed(self, event: Entry.Changed) -> None:
        self.present()

    def on_input_submitted(self, event: Entry.Submitted) -> None:
        event.stop()
        self._do(self.query_one("#rows", Rows).key)

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

    def on_key(self, event: Key) -> None:
        rows = self.query_one("#rows", Rows)
        steps = {"down": 1, "up": -1, "pagedown": 10, "pageup": -10, "tab": 1, "shift+tab": -1}
        if event.key in steps:
            rows.move(steps[event.key])
        elif event.key == "escape":
            self.cockpit.go_back()
        elif event.key == "ctrl+c":
            self.cockpit.interrupt()
        event.stop()
        event.prevent_default()
