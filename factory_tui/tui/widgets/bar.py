"""One line or a few: header, needs-you strip, tabs, the crew's one line."""

from __future__ import annotations

from textual.events import Click
from textual.message import Message

from factory_tui.tui.lines import Line
from factory_tui.tui.painting import Painted


class Bar(Painted):
    """Shows lines as they are given; only a changed one is drawn anew."""

    class Pressed(Message):
        """Somebody clicked. `column` counts from 0."""

        def __init__(self, bar: Bar, column: int, row: int) -> None:
            super().__init__()
            self.bar = bar
            self.column = column
            self.row = row

    def __init__(self, *, id: str, fill: str = "bar") -> None:
        super().__init__(id=id)
        self.fill = fill
        self._lines: tuple[Line, ...] = ()
        self._fills: tuple[str, ...] = ()

    def show(self, *lines: Line, fills: tuple[str, ...] = ()) -> None:
        """`fills` may name another background for a row."""
        before, self._lines = self._lines, lines
        fills_before, self._fills = self._fills, fills
        for y in range(max(len(before), len(lines))):
            same_fill = fills_before[y : y + 1] == fills[y : y + 1]
            if not same_fill or before[y : y + 1] != lines[y : y + 1]:
                self.touch(y, y)

    @property
    def lines(self) -> tuple[Line, ...]:
        return self._lines

    def line_at(self, y: int) -> Line:
        return self._lines[y] if y < len(self._lines) else ()

    def fill_at(self, y: int) -> str:
        return self._fills[y] if y < len(self._fills) else self.fill

    def on_click(self, event: Click) -> None:
        self.post_message(self.Pressed(self, event.x, event.y))
