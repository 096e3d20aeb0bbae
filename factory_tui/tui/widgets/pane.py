"""A transcript on the screen: follows the newest row, or stays where somebody reads.

The price of streaming is frames times area, not tokens: rows become strips once and move up as they are, the view jumps
a third of its height at a time, and only rows that changed are drawn. While it follows, no layout happens.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import Literal

from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.strip import Strip

from factory_tui.tui.lines import Line, Span
from factory_tui.tui.painting import Painted, more_rows
from factory_tui.tui.transcript import ACTION_KINDS, Kind, Transcript, spans_of

JUMP = 0.34
"""Of the height; the view of a following pane moves this much at once."""

BELOW = -1
"""Stands for all rows below the text: they look alike."""

FILTERS: dict[str, frozenset[Kind] | None] = {
    "all": None,
    "actions": ACTION_KINDS | {"result"},
    "denied and asked": frozenset({"denied", "asked"}),
    "words": frozenset({"text", "heading", "bullet", "quote", "code", "fence", "add", "del", "hunk"}),
}
"""What a pane may be narrowed to, in the order in which a key goes through it."""


class Pane(Painted):
    """One transcript with a head line. Without a transcript it shows its `empty` text."""

    class Pressed(Message):
        """Clicked; `opened` when twice."""

        def __init__(self, pane: Pane, opened: bool) -> None:
            super().__init__()
            self.pane = pane
            self.opened = opened

    def __init__(self, *, id: str, edge: bool = False, jump: float = JUMP, follow: bool = True) -> None:
        super().__init__(id=id)
        self.edge = edge
        self.jump = jump
        self.follow = follow
        """False: a document, shown from its start."""
        self.active = False
        self.empty = ""
        self.needle = ""
        self.filter = "all"
        self.transcript: Transcript | None = None
        self._head: Line = ()
        self._head_right: Line = ()
        self._top = 0
        self._frozen_at: int | None = None
        """The newest row when reading began; None = it follows."""
        self._place = 0
        """Line at the top, to find the place again after a resize."""
        self._kept: OrderedDict[int, Strip] = OrderedDict()
        self._only: list[int] | None = None

    # --- in --------------------------------------------------------------------------------------

    def show(self, transcript: Transcript | None) -> None:
        """Another transcript, from its end (a document: from its start)."""
        if transcript is self.transcript:
            return
        self.transcript = transcript
        self._frozen_at = None
        self._only = None
        self._kept.clear()
        self._fit()
        if transcript is not None and not self.follow:
            while transcript.drain():
                pass
            self._frozen_at = transcript.pushed
            self._top = transcript.first
        self._choose_rows()
        self.touch()

    def say_empty(self, text: str) -> None:
        """What stands there while there is no transcript."""
        if text != self.empty:
            self.empty = text
            self.touch()

    def show_head(self, left: Line, right: Line = ()) -> None:
        if (left, right) != (self._head, self._head_right):
            self._head, self._head_right = left, right
            self.touch(0, 0)

    def activate(self, active: bool) -> None:
        if active != self.active:
            self.active = active
            self.touch(0, 0)

    def flush(self) -> bool:
        """Wraps what waits and draws what changed. True when anything did. Called by the ticker."""
        transcript = self.transcript
        if transcript is None or not transcript.is_waiting:
            return False
        before = transcript.pushed
        if not transcript.drain():
            return False
        if self._only is not None:
            self._choose_rows()
            if self._frozen_at is None:
                self._top = max(0, len(self._only) - self.height)
            self.touch()
            return True
        if self._frozen_at is not None:
            if self._top < transcript.first:
                self._top = transcript.first
                self.touch()
            else:
                self._draw_rows(before, transcript.pushed)
                self.touch(0, 0)
            return True
        height = self.height
        newest = self._newest()
        if newest - self._top >= height:
            self._top = max(transcript.first, newest - height + 1 + int(height * self.jump))
            self._strips.clear()
            self.refresh_rows(0, height - 1)
        else:
            self._draw_rows(before, transcript.pushed)
        return True

    def grown(self) -> None:
        """A document has more rows than before. Where it is read nothing moves."""
        if self.transcript is not None and self._frozen_at is not None:
            self._frozen_at = self.transcript.pushed
            self.touch()

    def _newest(self) -> int:
        """The last row with anything in it: the one that grows, once it has begun."""
        transcript = self.transcript
        assert transcript is not None
        growing = transcript.row(transcript.pushed)
        return transcript.pushed if growing and growing.text else max(transcript.first, transcript.pushed - 1)

    def _draw_rows(self, first: int, last: int) -> None:
        top = first - self._top
        bottom = last - self._top
        if bottom >= 0 and top < self.height:
            self.refresh_rows(max(0, top), min(bottom, self.height - 1))

    def refresh_rows(self, first: int, last: int) -> None:
        self.touch(first + 1, last + 1)

    # --- reading ---------------------------------------------------------------------------------

    @property
    def height(self) -> int:
        return max(1, self.box.height - 1)

    @property
    def standing(self) -> tuple[object, ...]:
        return (self._top, self._frozen_at)

    @property
    def is_following(self) -> bool:
        return self._frozen_at is None

    @property
    def new_rows(self) -> int:
        """Rows that came since somebody reads."""
        if self.transcript is None or self._frozen_at is None or not self.follow:
            return 0
        return max(0, self.transcript.pushed - self._frozen_at)

    def scroll(self, step: int) -> bool:
        """Reading; at the end it follows again. False when it cannot move that way."""
        if self.transcript is None:
            return False
        first, last = self._bounds()
        lowest = max(first, last - self.height + 1)
        top = min(max(min(self._top, lowest) + step, first), lowest)
        if step > 0 and top == lowest:
            moved = not (self.is_following and self._top >= lowest) and self._top != lowest
            if self.follow:
                moved = moved or not self.is_following
                self._resume()
            else:
                self._top = top
            self.touch()
            return moved
        if top == self._top and not self.is_following:
            return False
        if self._frozen_at is None:
            self._frozen_at = self.transcript.pushed
        self._top = top
        self._remember()
        self.touch()
        return True

    @property
    def line_on_top(self) -> int:
        """The line whose row is the first shown."""
        row = self.transcript.row(self._top) if self.transcript and self._only is None else None
        return row.line if row else 0

    def to_line(self, line: int) -> bool:
        """Scrolls until a line stands on top, as far as there are rows."""
        if self.transcript is None:
            return False
        return self.scroll(self.transcript.row_of_line(line) - self._top)

    def to_start(self) -> bool:
        return self.scroll(-1_000_000)

    def to_end(self) -> bool:
        return self.scroll(1_000_000)

    def find(self, needle: str, step: Literal[1, -1]) -> bool:
        """Goes to the next row that holds the text and stays there."""
        self.needle = needle
        transcript = self.transcript
        self._kept.clear()
        self.touch()
        if transcript is None or not needle:
            return False
        if self._only is not None:
            self.narrow("all")
        start = self._top + step if self._frozen_at is not None else transcript.pushed
        found = transcript.find(needle, start, step)
        if found is None:
            found = transcript.find(needle, transcript.first if step > 0 else transcript.pushed, step)
        if found is None:
            return False
        self._frozen_at = self._frozen_at if self._frozen_at is not None else transcript.pushed
        self._top = found
        self._remember()
        self.touch()
        return True

    def narrow(self, name: str) -> None:
        """Shows only rows of some kinds; a name of `FILTERS`."""
        self.filter = name
        self._only = None
        self._choose_rows()
        self._resume()
        self.touch()

    def _choose_rows(self) -> None:
        kinds = FILTERS.get(self.filter)
        transcript = self.transcript
        if kinds is None or transcript is None:
            self._only = None
            return
        numbers = range(transcript.first, transcript.pushed + 1)
        self._only = [n for n in numbers if (row := transcript.row(n)) is not None and row.kind in kinds and row.text]

    def _bounds(self) -> tuple[int, int]:
        assert self.transcript is not None
        if self._only is not None:
            return 0, max(0, len(self._only) - 1)
        return self.transcript.first, self.transcript.pushed

    def _resume(self) -> None:
        self._frozen_at = None
        if self.transcript is None:
            return
        first, last = self._bounds()
        last = last if self._only is not None else self._newest()
        self._top = max(first, last - self.height + 1)

    def _remember(self) -> None:
        row = self.transcript.row(self._top) if self.transcript and self._only is None else None
        self._place = row.line if row else self._place

    def _fit(self) -> None:
        """Wraps for this width, and finds the place again."""
        transcript = self.transcript
        if transcript is None or not self.box.width:
            return
        width = max(8, self.room - 2)
        if width != transcript.width:
            newer = self.new_rows
            transcript.rewrap(width)
            self._kept.clear()
            if self._frozen_at is not None:
                self._frozen_at = transcript.pushed - newer
                self._top = transcript.row_of_line(self._place)
        else:
            transcript.drain()
        if self._frozen_at is None:
            self._choose_rows()
            self._resume()

    def resized(self) -> None:
        self._kept.clear()
        self._fit()

    def repaint(self) -> None:
        self._kept.clear()
        super().repaint()

    # --- out -------------------------------------------------------------------------------------

    def strip_at(self, y: int) -> Strip:
        if y == 0 or self.transcript is None:
            return super().strip_at(y)
        number = self._number_at(y - 1)
        if number == self.transcript.pushed:
            self._strips.pop(y, None)
            return super().strip_at(y)
        if number is None or number > self.transcript.pushed:
            number = BELOW
        strip = self._kept.get(number)
        if strip is None:
            strip = self._kept[number] = super().strip_at(y)
            if len(self._kept) > 3 * self.height + 8:
                self._kept.popitem(last=False)
        self._strips.pop(y, None)
        return strip

    def _number_at(self, y: int) -> int | None:
        place = self._top + y
        if self._only is None:
            return place
        return self._only[place] if 0 <= place < len(self._only) else None

    def line_at(self, y: int) -> Line:
        if y == 0:
            return self._title()
        if self.transcript is None:
            return (Span(" "), Span(self.empty, "dim")) if y == 1 else ()
        number = self._number_at(y - 1)
        row = self.transcript.row(number) if number is not None else None
        if row is None:
            return ()
        spans = spans_of(row)
        if self.needle:
            spans = _marked(spans, self.needle)
        return (Span(" "), *spans)

    def _title(self) -> Line:
        right = self._head_right
        if self.new_rows:
            right = (Span(f"{self.new_rows} new lines, {self.key_of('move.end')} = newest", "warn"),)
        elif not self.is_following and self.follow:
            right = (Span(f"reading, {self.key_of('move.end')} = newest", "warn"),)
        elif self.filter != "all":
            right = (Span(f"only {self.filter}", "warn"),)
        elif not self.follow and self.transcript is not None:
            above = max(0, self._top - self.transcript.first)
            below = max(0, self._newest() + 1 - self._top - self.height)
            right = (*right, *more_rows(self.paint.glyphs, above, below, bool(right)))
        elif self.transcript is not None and self.transcript.dropped:
            right = (Span(f"{self.transcript.dropped:,} characters not shown", "warn"), Span("  "), *right)
        left = self._head
        if self.active:
            left = tuple(span._replace(style="title-active") if span.style == "title" else span for span in left)
        return self.rule(left, right)

    # --- mouse -----------------------------------------------------------------------------------

    def on_click(self, event: Click) -> None:
        self.post_message(self.Pressed(self, event.chain > 1))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self.scroll(3)
        event.stop()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self.scroll(-3)
        event.stop()


def _marked(spans: Line, needle: str) -> Line:
    """The places where the text stands, marked; a place that spans two styles is marked from its start."""
    whole = "".join(span.text for span in spans)
    low, wanted = whole.casefold(), needle.casefold()
    if len(low) != len(whole) or wanted not in low:
        return spans
    hits: list[tuple[int, int]] = []
    place = low.find(wanted)
    while place >= 0:
        hits.append((place, place + len(wanted)))
        place = low.find(wanted, place + len(wanted))
    found: list[Span] = []
    start = 0
    for text, style, _ in spans:
        end = start + len(text)
        marks = sorted({start, end, *(edge for hit in hits for edge in hit if start < edge < end)})
        for left, right in pairwise(marks):
            inside = any(hit[0] <= left < hit[1] for hit in hits)
            found.append(Span(whole[left:right], "found" if inside else style))
        start = end
    return tuple(found)
