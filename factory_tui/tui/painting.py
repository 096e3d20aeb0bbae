"""Widgets that draw lines themselves: the one barrier through which all text reaches the screen.

Textual's own way builds new strips for every dirty line. Here a strip is made once for a line and kept, styles are
resolved once for a theme, and nothing is ever markup. CSS borders and padding do not apply: frames are lines.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from factory_tui.tui.glyphs import ASCII, UNICODE, to_ascii
from factory_tui.tui.harmless import harmless, width_of
from factory_tui.tui.keymap import USUAL, Keys
from factory_tui.tui.lines import Line, Span, cut_line, line_width, whole_text
from factory_tui.tui.palette import THEMES, Theme

if TYPE_CHECKING:
    from textual.events import Resize


class Paint:
    """Style names to styles, for one theme; and whether signs are ASCII."""

    def __init__(self, theme: Theme, *, ascii_only: bool = False) -> None:
        self.theme = theme
        self.ascii_only = ascii_only
        self.glyphs = ASCII if ascii_only else UNICODE
        self._styles = {
            name: Style(
                color=look.fore or None,
                bgcolor=look.back or theme.back or None,
                **dict.fromkeys(look.attributes.split(), True),  # type: ignore[arg-type]
            )
            for name, look in theme.looks.items()
        }

    def style(self, name: str) -> Style:
        return self._styles.get(name) or self._styles["text"]

    def strip(self, spans: Line, width: int, fill: str = "text") -> Strip:
        """A line as exactly `width` columns. Here, and nowhere else, text becomes something the terminal gets."""
        segments: list[Segment] = []
        used = 0
        for text, name, _ in cut_line(spans, width):
            safe = harmless(text).replace("\n", " ")
            size = width_of(safe)
            if used + size > width:
                break
            if self.ascii_only:
                safe = to_ascii(safe, size)
            segments.append(Segment(safe, self.style(name)))
            used += size
        if used < width:
            segments.append(Segment(" " * (width - used), self.style(fill)))
        return Strip(segments, width)


def more_rows(glyphs: dict[str, str], above: int, below: int, follows: bool = False) -> Line:
    """How many rows are above and below what is shown."""
    told = [f"{glyphs['up']}{above}"] if above else []
    told += [f"{glyphs['down']}{below}"] if below else []
    return (Span("  " if follows else ""), Span(" ".join(told), "dim")) if told else ()


LEAST_TITLE = 18
"""Columns of a title's left side that are kept before its right side is."""
DEFAULT_PAINT = Paint(THEMES["dark"])


class Painted(Widget, can_focus=False):
    """Draws `line_at(y)` for each row; keeps strips until `touch` says that rows changed."""

    DEFAULT_CSS = """
    Painted { width: 1fr; height: 1fr; }
    """

    ALLOW_SELECT = False
    fill = "text"
    """Style of what no span covers."""
    edge = False
    """A bar in the first column, towards the neighbour on the left."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.box = Size(0, 0)
        """Size as of the last resize; Textual's property computes it anew each time."""
        self._strips: dict[int, Strip] = {}
        self._cut: set[int] = set()

    @cached_property
    def _edge_line(self) -> Span:
        return Span(self.paint.glyphs["bar"], "rule-line")

    @property
    def paint(self) -> Paint:
        found = getattr(self.app, "paint", None)
        return found if isinstance(found, Paint) else DEFAULT_PAINT

    def key_of(self, action: str) -> str:
        """The key that does an action now, for a title that names it."""
        found = getattr(self.app, "keys", None)
        return (found if isinstance(found, Keys) else USUAL).key(action)

    @property
    def room(self) -> int:
        """Columns a line may use."""
        return max(0, self.box.width - (1 if self.edge else 0))

    def set_edge(self, edge: bool) -> None:
        """With the bar towards the neighbour on the left, or without."""
        if edge != self.edge:
            self.edge = edge
            self.resized()
            self.repaint()

    @property
    def standing(self) -> tuple[object, ...]:
        """Where somebody is in it: what is chosen, which row is on top."""
        return ()

    def line_at(self, y: int) -> Line:
        """The spans of row `y` of the widget."""
        return ()

    def fill_at(self, y: int) -> str:
        return self.fill

    def touch(self, first: int = 0, last: int | None = None) -> None:
        """Rows `first` to `last` changed (all by default); they are drawn anew in the next frame."""
        width, height = self.box
        last = height - 1 if last is None else min(last, height - 1)
        if first == 0 and last >= height - 1:
            self._strips.clear()
        else:
            for y in range(first, last + 1):
                self._strips.pop(y, None)
        if width and first <= last:
            self.refresh(Region(0, first, width, last - first + 1))

    def repaint(self) -> None:
        """The theme changed."""
        self.__dict__.pop("_edge_line", None)
        self.touch()

    def on_resize(self, event: Resize) -> None:
        self.box = event.size
        self._strips.clear()
        self._cut.clear()
        self.resized()
        self.refresh()

    def resized(self) -> None:
        """`box` has just changed."""

    def strip_at(self, y: int) -> Strip:
        strip = self._strips.get(y)
        if strip is None:
            spans = self.line_at(y)
            if self.edge:
                spans = (self._edge_line, *spans)
            strip = self.finished(spans, self.fill_at(y))
            self._strips[y] = strip
            if any(span.rest for span in spans) or line_width(spans) > self.box.width:
                self._cut.add(y)
            else:
                self._cut.discard(y)
        return strip

    @property
    def has_cut(self) -> bool:
        """Whether a row that is drawn had to leave something out."""
        return bool(self._cut)

    def whole_rows(self) -> list[str]:
        """The rows that had to leave something out, in full."""
        rows = [whole_text(self.line_at(y)) for y in sorted(self._cut) if y < self.box.height]
        return [" ".join(row.replace(self.paint.glyphs["rule"] * 2, " ").split()) for row in rows]

    def finished(self, spans: Line, fill: str) -> Strip:
        """The strip of a line. Textual's colour filters are left out: every colour here is a true one, or none."""
        return self.paint.strip(spans, self.box.width, fill)

    def render_lines(self, crop: Region) -> list[Strip]:
        whole = [self.strip_at(y) for y in crop.line_range]
        if crop.x == 0 and crop.right == self.box.width:
            return whole
        return [strip.crop(crop.x, crop.right) for strip in whole]

    def rule(self, left: Line, right: Line = ()) -> Line:
        """A title row: left, a rule, right."""
        glyph = self.paint.glyphs["rule"]
        width = self.room
        tail: Line = (Span(" "), *right, Span(" ")) if right else ()
        rest = width - line_width(tail) - 2
        if rest < min(LEAST_TITLE, line_width(left) + 3):
            tail, rest = (), width
        told = (Span(" ", "text"), *left, Span(" ", "text")) if line_width(left) else ()
        left = cut_line((Span(glyph, "rule-line"), *told), rest)
        return (*left, Span(glyph * (width - line_width(left) - line_width(tail)), "rule-line"), *tail)
