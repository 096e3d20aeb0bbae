"""A difference as rows: unified, or old beside new. Each row knows the line it is about, so that one can comment on it.

Made from text that a model wrote: a line that is no part of a difference is shown as it is, never dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from factory_tui.tui.harmless import chars_that_fit, harmless, most_chars, width_of
from factory_tui.tui.lines import Line, Span, first_lines, line_width
from factory_tui.tui.present.code import coloured

MOST_LINES = 4_000
"""Of a difference that are made into rows; the last row says how many are left, and opens the whole."""
MOST_COLUMNS = 4_000
"""Of one line that are wrapped into rows; the end of a longer one is counted."""

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,\d{1,9})? \+(\d{1,9})(?:,\d{1,9})? @@")
Kind = Literal["file", "hunk", "add", "del", "same", "other"]


@dataclass(frozen=True)
class DiffLine:
    """One line of a difference, with its place in the old and the new file (0 = it is not in it)."""

    kind: Kind
    text: str
    path: str = ""
    old: int = 0
    new: int = 0

    @property
    def about(self) -> str:
        """`line:adder.py:3`; empty for what is no line of a file."""
        return f"line:{self.path}:{self.new or self.old}" if self.kind in ("add", "del", "same") and self.path else ""


def read_diff(text: str) -> Iterator[DiffLine]:
    """Every line of it, in order."""
    path, old, new, inside = "", 0, 0, False
    for raw in harmless(text).split("\n"):
        if raw.startswith("diff --git "):
            path, inside = raw.rsplit(" b/", 1)[-1], False
            yield DiffLine("file", raw, path)
        elif found := _HUNK.match(raw):
            old, new, inside = int(found[1]), int(found[2]), True
            yield DiffLine("hunk", raw, path)
        elif not inside:
            if raw.startswith("+++ ") and raw[4:] != "/dev/null":
                path = raw[4:].removeprefix("b/").removeprefix("proposed/")
            yield DiffLine("other", raw, path)
        elif raw.startswith("+"):
            yield DiffLine("add", raw[1:], path, 0, new)
            new += 1
        elif raw.startswith("-"):
            yield DiffLine("del", raw[1:], path, old, 0)
            old += 1
        elif raw.startswith(" ") or not raw:
            yield DiffLine("same", raw[1:], path, old, new)
            old, new = old + 1, new + 1
        else:
            yield DiffLine("other", raw, path)


def diff_lines(text: str) -> tuple[tuple[DiffLine, ...], int]:
    """At most `MOST_LINES` of them, and how many are left."""
    text, left = first_lines(text.rstrip("\n"), MOST_LINES)
    return tuple(read_diff(text)) if text else (), left


# --- unified -------------------------------------------------------------------------------------

_ON: dict[Kind, str] = {"add": "added", "del": "removed", "same": "", "other": "", "file": "", "hunk": ""}
_SIGNS: dict[Kind, str] = {"add": "+", "del": "-", "same": " ", "other": " ", "file": " ", "hunk": " "}


def unified(one: DiffLine, width: int) -> tuple[Line, ...]:
    """Both numbers, the sign, the coloured text; as many rows as it takes."""
    if one.kind in ("file", "hunk", "other"):
        style = {"file": "heading", "hunk": "hunk", "other": "dim"}[one.kind]
        return wrap_spans((Span(_cut(one.text), style),), width, (Span(" "),), (Span(" "),))
    on = _ON[one.kind]
    numbers = f"{one.old or '':>5}{one.new or '':>5} "
    gutter = (Span(numbers, "dim"), Span(f"{_SIGNS[one.kind]} ", on or "dim"))
    again = (Span(" " * len(numbers), "dim"), Span("  ", on or "dim"))
    return wrap_spans(coloured(_cut(one.text), one.path, on), width, gutter, again, fill=on)


# --- side by side --------------------------------------------------------------------------------


def paired(lines: tuple[DiffLine, ...]) -> Iterator[tuple[DiffLine | None, DiffLine | None]]:
    """Old beside new: removed lines beside those added in their place. A heading stands on both sides."""
    gone: list[DiffLine] = []
    come: list[DiffLine] = []

    def flush() -> Iterator[tuple[DiffLine | None, DiffLine | None]]:
        for number in range(max(len(gone), len(come))):
            yield (gone[number] if number < len(gone) else None, come[number] if number < len(come) else None)
        gone.clear()
        come.clear()

    for one in lines:
        if one.kind == "del":
            if come:
                yield from flush()
            gone.append(one)
        elif one.kind == "add":
            come.append(one)
        else:
            yield from flush()
            yield one, one
    yield from flush()


def beside(old: DiffLine | None, new: DiffLine | None, width: int, bar: str) -> tuple[Line, ...]:
    """One pair as rows of two halves."""
    if old is not None and old is new and old.kind not in ("same",):
        return unified(old, width)
    half = max(12, (width - 1) // 2)
    left, right = _half(old, half, is_old=True), _half(new, half, is_old=False)
    rows: list[Line] = []
    for number in range(max(len(left), len(right))):
        one = left[number] if number < len(left) else (Span(" " * half),)
        two = right[number] if number < len(right) else ()
        rows.append((*one, Span(" " * (half - line_width(one))), Span(bar, "rule-line"), *two))
    return tuple(rows)


def _half(one: DiffLine | None, width: int, *, is_old: bool) -> tuple[Line, ...]:
    if one is None:
        return ()
    on = _ON[one.kind]
    number = one.old if is_old else one.new
    gutter = (Span(f"{number or '':>5} ", "dim"), Span(f"{_SIGNS[one.kind]} ", on or "dim"))
    again = (Span(" " * 6, "dim"), Span("  ", on or "dim"))
    return wrap_spans(coloured(_cut(one.text), one.path, on), width, gutter, again, fill=on)


# --- wrapping ------------------------------------------------------------------------------------


def _cut(text: str) -> str:
    if len(text) <= MOST_COLUMNS:
        return text
    return f"{text[:MOST_COLUMNS]} [{len(text) - MOST_COLUMNS:,} characters more in this line]"


def wrap_spans(
    spans: Line, width: int, gutter: Line, again: Line = (), fill: str = "", *, by_words: bool = False
) -> tuple[Line, ...]:
    """Spans as rows of at most `width` columns behind a gutter; `fill` colours the rest of each row."""
    room = max(8, width - line_width(gutter))
    rows: list[Line] = []
    row: list[Span] = []
    used = 0

    def end() -> None:
        nonlocal row, used
        head = again if rows else gutter
        tail = (Span(" " * (room - used), fill),) if fill and used < room else ()
        rows.append((*head, *row, *tail))
        row, used = [], 0

    for text, style, _ in spans:
        place = 0
        while place < len(text):
            ahead = text[place : place + most_chars(room) + 1]
            fits = chars_that_fit(ahead, room - used)
            if not fits and not used:
                fits = 1
            skip = 0
            if by_words and fits < len(ahead):
                gap = ahead.rfind(" ", 0, fits + 1)
                if gap > 0 or (gap == 0 and used):
                    fits, skip = gap, 1
                elif used:
                    fits = 0
            if fits:
                row.append(Span(ahead[:fits], style))
                used += width_of(ahead[:fits])
            place += fits + skip
            if place < len(text):
                end()
    if row or not rows:
        end()
    return tuple(rows)
