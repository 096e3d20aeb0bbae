"""A list one can move in: tasks, rules, crew, memory, what waits, a timeline. Items come whole, the choice is ours."""

from __future__ import annotations

from collections.abc import Sequence

from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message

from factory_tui.tui.lines import Item, Line, Span, line_width
from factory_tui.tui.painting import Painted, more_rows


class Rows(Painted):
    """Items under a title; one of them is chosen. What fits is shown, the title says how many are above and below."""

    class Chosen(Message):
        """The choice moved, by key or mouse; `opened` when it was double-clicked."""

        def __init__(self, rows: Rows, key: str, opened: bool = False) -> None:
            super().__init__()
            self.rows = rows
            self.key = key
            self.opened = opened

    class Scrolled(Message):
        """Other rows came into view by the wheel, and nothing else was chosen."""

        def __init__(self, rows: Rows) -> None:
            super().__init__()
            self.rows = rows

    def __init__(self, *, id: str, edge: bool = False, framed: bool = True) -> None:
        super().__init__(id=id)
        self.edge = edge
        self.framed = framed
        """With a title row."""
        self.active = False
        """Whether keys go here; drawn in the title and the choice."""
        self.key = ""
        self._title: Line = ()
        self._items: tuple[Item, ...] = ()
        self._flat: list[tuple[int, Line]] = []
        self._drawn: list[tuple[int, Line]] = []
        self._top = 0

    def set_framed(self, framed: bool) -> None:
        """With a title row, or without."""
        if framed != self.framed:
            self.framed = framed
            self.resized()
            self.repaint()

    # --- in --------------------------------------------------------------------------------------

    def show(self, items: Sequence[Item], title: Line = (), empty: str = "") -> None:
        """The whole content. Rows that did not change are not drawn anew; the choice stays on its key."""
        items = tuple(items)
        if not items and empty:
            items = (Item("", ((Span(empty, "dim"),),)),)
        if title != self._title:
            self._title = title
            if self.framed:
                self.touch(0, 0)
        if items == self._items:
            return
        self._items = items
        self._flat = [(number, single) for number, one in enumerate(items) for single in one.lines]
        keys = [one.key for one in items if one.key]
        if self.key not in keys:
            self.key = keys[0] if keys else ""
        self._settle()

    def choose(self, key: str) -> None:
        """Moves the choice without telling anybody."""
        if key != self.key and any(one.key == key for one in self._items):
            self.key = key
            self._settle()

    def activate(self, active: bool) -> None:
        if active != self.active:
            self.active = active
            self.touch()

    # --- moving ----------------------------------------------------------------------------------

    @property
    def items(self) -> tuple[Item, ...]:
        return self._items

    @property
    def height(self) -> int:
        return max(0, self.box.height - (1 if self.framed else 0))

    def move(self, step: int) -> bool:
        """The choice goes `step` items; without choosable items the view scrolls. False at an end."""
        keys = [one.key for one in self._items if one.key]
        if not keys:
            return self.scroll(step)
        place = keys.index(self.key) if self.key in keys else 0
        wanted = min(max(place + step, 0), len(keys) - 1)
        if keys[wanted] == self.key:
            return self.scroll(step)
        self.key = keys[wanted]
        self._settle()
        self.post_message(self.Chosen(self, self.key))
        return True

    @property
    def standing(self) -> tuple[object, ...]:
        return (self.key, self._top)

    def scroll(self, step: int) -> bool:
        top = min(max(self._top + step, 0), max(0, len(self._flat) - self.height))
        if top == self._top:
            return False
        self._top = top
        self.touch()
        return True

    @property
    def key_on_top(self) -> str:
        return self._items[self._flat[self._top][0]].key if self._top < len(self._flat) else ""

    def stand(self, chosen: str, top: str) -> None:
        """One item is chosen and another on top, as far as the chosen one stays in view."""
        self.choose(chosen)
        self._top = next((y for y, (number, _) in enumerate(self._flat) if self._items[number].key == top), self._top)
        self._settle()
        self.touch()

    def keys_in_view(self) -> list[str]:
        """Of the items of which a line is on the screen."""
        seen = {self._items[number].key for number, _ in self._flat[self._top : self._top + self.height]}
        return [key for key in seen if key]

    def bring_up(self) -> None:
        """Scrolls until the choice stands at the top, as far as there are rows."""
        place = next((y for y, (number, _) in enumerate(self._flat) if self._items[number].key == self.key), 0)
        self.scroll(place - self._top)

    def find(self, needle: str, step: int) -> bool:
        """The next item after the chosen one (before it, with -1) that holds the text."""
        known = [one for one in self._items if one.key]
        keys = [one.key for one in known]
        start = keys.index(self.key) if self.key in keys else 0
        wanted = needle.casefold()
        for offset in range(1, len(known) + 1):
            one = known[(start + offset * step) % len(known)]
            if any(wanted in "".join(span.text for span in single).casefold() for single in one.lines):
                self.key = one.key
                self._settle()
                self.post_message(self.Chosen(self, self.key))
                return True
        return False

    def _settle(self) -> None:
        """Brings the choice into view and draws what differs."""
        rows = [y for y, (number, _) in enumerate(self._flat) if self._items[number].key == self.key and self.key]
        top = min(self._top, max(0, len(self._flat) - self.height))
        if rows and self.height:
            if rows[-1] >= top + self.height:
                top = min(rows[-1] - self.height + 1, rows[0])
            top = min(top, rows[0])
        if top != self._top:
            self._top = top
            self.touch()
        else:
            self._touch_changes()

    def _touch_changes(self) -> None:
        shift = 1 if self.framed else 0
        if self.framed:
            self.touch(0, 0)
        for y in range(self.height):
            if self._seen(y) != (self._drawn[y] if y < len(self._drawn) else None):
                self.touch(y + shift, y + shift)

    def resized(self) -> None:
        self._drawn = []
        self._settle()

    # --- out -------------------------------------------------------------------------------------

    def _seen(self, y: int) -> tuple[int, Line]:
        place = self._top + y
        if place >= len(self._flat):
            return (-1, ())
        number, spans = self._flat[place]
        chosen = bool(self._items[number].key) and self._items[number].key == self.key
        return (1 if chosen else 0, spans)

    def line_at(self, y: int) -> Line:
        if self.framed:
            if y == 0:
                return self._head()
            y -= 1
        while len(self._drawn) <= y:
            self._drawn.append((-2, ()))
        self._drawn[y] = seen = self._seen(y)
        chosen, spans = seen
        if chosen != 1:
            return spans
        style = "chosen" if self.active else "chosen-quiet"
        shown = tuple(span._replace(style=style) for span in spans) if self.active else spans
        room = self.room - line_width(shown)
        return (*shown, Span(" " * room, style)) if self.active and room > 0 else shown

    def _head(self) -> Line:
        above, below = self._top, max(0, len(self._flat) - self._top - self.height)
        title = self._title
        if self.active:
            title = tuple(span._replace(style="title-active") if span.style == "title" else span for span in title)
        return self.rule(title, more_rows(self.paint.glyphs, above, below))

    # --- mouse -----------------------------------------------------------------------------------

    def on_click(self, event: Click) -> None:
        y = event.y - (1 if self.framed else 0) + self._top
        key = ""
        if 0 <= y < len(self._flat) and event.y >= (1 if self.framed else 0):
            key = self._items[self._flat[y][0]].key
        if key:
            self.key = key
            self._settle()
        # A title or an empty place is nobody's row: clicking it twice opens nothing.
        self.post_message(self.Chosen(self, self.key, opened=event.chain > 1 and bool(key)))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self._wheel(3)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self._wheel(-3)

    def _wheel(self, step: int) -> None:
        """The choice stays: only what is on the screen is another."""
        if self.scroll(step):
            self.post_message(self.Scrolled(self))
