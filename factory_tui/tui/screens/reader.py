"""A text to be read: whole, scrolling, with search, part by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult

from factory_tui.tui.bindings import Act
from factory_tui.tui.lines import Line, Span
from factory_tui.tui.screens.arrangement import Place
from factory_tui.tui.screens.room import Room
from factory_tui.tui.transcript import Transcript
from factory_tui.tui.widgets.bar import Bar
from factory_tui.tui.widgets.pane import Pane

MOST_CHARACTERS = 20_000_000
MOST_ROWS = 400_000
AT_ONCE = 262_144
"""Characters that are laid out before a text is first shown, and then in each beat, while it can be read already."""


class Document:
    """Titled texts as one transcript, laid out piece by piece. What is not laid out yet costs its characters alone."""

    def __init__(self, parts: Sequence[tuple[str, str]], width: int = 80) -> None:
        self.transcript = Transcript(width, max_rows=MOST_ROWS, max_pending=MOST_CHARACTERS)
        self.starts: list[int] = []
        """The line at which each part begins, as far as it is laid out."""
        self._left = [(title, text.rstrip("\n") + "\n\n") for title, text in reversed(parts)]
        self._whole = sum(len(text) for _, text in self._left)
        self._done = 0

    @property
    def is_whole(self) -> bool:
        return not self._left

    @property
    def percent(self) -> int:
        return 100 * self._done // max(1, self._whole)

    def lay_out(self, most: int = AT_ONCE) -> bool:
        """About `most` characters more. Whether all of it is there now."""
        end = self._done + most
        while self._left and self._done < end:
            title, text = self._left.pop()
            if title:
                self.starts.append(self.transcript.lines)
                self.transcript.put(f"## {title}", "heading")
            piece, rest = text[: end - self._done], text[end - self._done :]
            self.transcript.feed(piece)
            self._done += len(piece)
            if rest:
                self._left.append(("", rest))
            while self.transcript.drain():
                pass
        return not self._left


def document_of(parts: Sequence[tuple[str, str]], width: int = 80) -> tuple[Transcript, list[int]]:
    """Titled texts as one transcript, whole, and the line at which each begins."""
    document = Document(parts, width)
    while not document.lay_out():
        pass
    return document.transcript, document.starts


OF_THE_WHOLE = frozenset({"search", "search.next", "search.before", "part.next", "part.before", "move.end"})
"""What needs the whole text to be laid out."""
PANE_MARGIN = 2
"""Columns of a pane that its text does not use."""


class Reader(Room):
    """Texts, each under its title."""

    places: ClassVar[tuple[str, ...]] = ("text",)

    def __init__(self, title: str, parts: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.head = title
        self.parts = list(parts)
        self._document = Document(())

    def compose(self) -> ComposeResult:
        yield self.box_of(Bar(id="header"))
        yield self.box_of(Pane(id="text", follow=False))
        yield self.box_of(Bar(id="hints"))

    def places_for(self, width: int, height: int) -> dict[str, Place]:
        return {
            "header": Place(0, 0, width, 1),
            "text": Place(0, 1, width, max(1, height - 2)),
            "hints": Place(0, height - 1, width, 1),
        }

    def prepare(self) -> None:
        self.show_parts()

    def show_parts(self) -> None:
        """Shows the parts from the beginning; a long text goes on being laid out while it can be read."""
        width = (self.pane.room or self.app.size.width) - PANE_MARGIN
        self._document = Document(self.parts, width)
        is_whole = self._document.lay_out()
        self.pane.show(self._document.transcript)
        self.pane.active = True
        if not is_whole:
            self.cockpit.wake()

    def flush(self, chosen_only: bool) -> bool:
        """Lays out a piece more of a long text."""
        if self._document.is_whole:
            return False
        is_whole = self._document.lay_out()
        self.pane.grown()
        self.present()
        if is_whole:
            self.show_hints()
        return True

    def present(self) -> None:
        if self.is_ready:
            self.show_header(self.header())
            self.pane.show_head(*self.pane_head())

    def header(self) -> Line:
        return (Span(f" {self.head}", "bar"),)

    def pane_head(self) -> tuple[Line, Line]:
        number = len(self.parts)
        return (Span(f"{number} parts", "title"),) if number > 1 else (), self.progress()

    def progress(self) -> Line:
        """How much of a long text is there; empty = all of it."""
        document = self._document
        if document.is_whole:
            return ()
        return (Span(f"{document.percent} % laid out, {document.transcript.lines:,} lines", "warn"),)

    @property
    def pane(self) -> Pane:
        return self.pane_at("text")

    def not_now(self, act: Act) -> str:
        if act.id in OF_THE_WHOLE and not self._document.is_whole:
            return f"the text is still being laid out, {self._document.percent} %"
        match act.id:
            case "search.next" | "search.before" if not self.needle:
                return f"nothing was searched; {self.key_of('search')} searches"
            case "part.next" | "part.before" if len(self.parts) < 2:
                return "there is one part"
            case _:
                return ""

    # --- keys ------------------------------------------------------------------------------------

    def act_move_down(self, step: int = 1) -> None:
        if not self.pane.scroll(step):
            self.say("this is the end" if step > 0 else "this is the beginning", "bar-dim")

    def act_move_up(self) -> None:
        self.act_move_down(-1)

    def act_move_page_down(self) -> None:
        self.act_move_down(max(1, self.pane.height - 1))

    def act_move_page_up(self) -> None:
        self.act_move_down(-max(1, self.pane.height - 1))

    def act_move_top(self) -> None:
        self.pane.to_start()

    def act_move_end(self) -> None:
        self.pane.to_end()

    def act_part_next(self, step: int = 1) -> None:
        self.pane.to_line(self._neighbour(step))

    def act_part_before(self) -> None:
        self.act_part_next(-1)

    def _neighbour(self, step: int) -> int:
        here = self.pane.line_on_top
        if step > 0:
            return next((start for start in self._document.starts if start > here), self._document.starts[-1])
        return next((start for start in reversed(self._document.starts) if start < here), 0)

    def act_search(self) -> None:
        self.type("find", self._search)

    def _search(self, text: str) -> None:
        self.needle = text
        self._find(1)

    def _find(self, step: int) -> None:
        found = self.pane.find(self.needle, 1 if step > 0 else -1) if self.needle else False
        if not found:
            self.say(f"nothing here holds {self.needle!r}" if self.needle else "the search is off", "warn")

    def act_search_next(self) -> None:
        self._find(1)

    def act_search_before(self) -> None:
        self._find(-1)

    def act_copy(self) -> None:
        text = "\n\n".join(f"## {title}\n{text}" for title, text in self.parts)
        self.cockpit.copy(text, self.head)
