"""What presenters make and widgets draw: lines of spans, each a text and the name of a style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from factory_tui.tui.harmless import chars_that_fit, fits, most_chars, width_of


class Span(NamedTuple):
    text: str
    style: str = "text"
    """A name of `palette.STYLES`."""
    rest: str = ""
    """Of a mark that something was cut: what was."""


Line = tuple[Span, ...]


class Item(NamedTuple):
    """One thing in a list; it may take several lines."""

    key: str
    """What it is about: `T-12`, `Q2`; empty = it cannot be chosen."""
    lines: tuple[Line, ...]


def line(*spans: Span | tuple[str, str] | str) -> Line:
    """A line from spans, pairs, or plain text."""
    return tuple(Span(span) if isinstance(span, str) else Span(*span) for span in spans if span)


def item(key: str, *lines: Line) -> Item:
    return Item(key, lines)


def text_of(spans: Line) -> str:
    return "".join(span.text for span in spans)


def whole_text(spans: Line) -> str:
    """What a line says when nothing of it is cut."""
    return "".join(span.rest or span.text for span in spans)


def line_width(spans: Line) -> int:
    return sum(width_of(span.text) for span in spans)


def cut_line(spans: Line, width: int) -> Line:
    """At most `width` columns; `…` in the last one when something is left out, which goes with the mark."""
    if sum(len(span.text) for span in spans) <= most_chars(width) and line_width(spans) <= width:
        return spans
    kept: list[Span] = []
    left = max(0, width - 1)
    for number, span in enumerate(spans):
        if not fits(span.text, left):
            end = chars_that_fit(span.text, left)
            rest = (span.rest or span.text[end:]) + whole_text(spans[number + 1 :])
            kept.append(Span(span.text[:end], span.style))
            kept.append(Span("…", span.style, rest))
            break
        kept.append(span)
        left -= width_of(span.text)
    return tuple(kept)[: len(spans) + 1] if width > 0 else ()


def ends(left: Line, right: Line, width: int, gap: str = "text") -> Line:
    """Left and right with space of a style between; the left gives way."""
    room = width - line_width(right)
    left = cut_line(left, max(0, room - 1))
    return (*left, Span(" " * max(0, width - line_width(left) - line_width(right)), gap), *cut_line(right, width))


def with_marks(told: Line, marks: Line, width: int, gap: str = "text") -> Line:
    """Marks at the end of a line that may fill its width already: its widest space gives way before its words do."""
    over = line_width(told) + line_width(marks) + 1 - width
    widest = max(range(len(told)), key=lambda place: _blanks(told[place]), default=-1)
    if over > 0 and widest >= 0 and (blanks := _blanks(told[widest])):
        left = Span(" " * max(1, blanks - over), told[widest].style)
        told = (*told[:widest], left, *told[widest + 1 :])
    return ends(told, marks, width, gap)


def _blanks(span: Span) -> int:
    return len(span.text) if not span.text.strip(" ") else 0


def wrap_words(text: str, width: int, indent: str = "") -> list[str]:
    """A paragraph as lines of at most `width` columns; continuation lines begin with `indent`."""
    rows: list[str] = []
    row, place, reach = "", 0, most_chars(width) + 1
    while True:
        # Only what may stand on a row is looked at: the rest of a long text is neither measured nor copied.
        more = text[place : place + reach - len(row)] if len(row) < reach else ""
        row, place = row + more, place + len(more)
        if place >= len(text) and fits(row, width):
            break
        end = chars_that_fit(row, width) or 1
        gap = end if row[end : end + 1] == " " else row.rfind(" ", len(indent) + 1, end)
        if gap <= 0:
            rows.append(row[:end])
            row = indent + row[end:]
        else:
            rows.append(row[:gap])
            row = indent + row[gap + 1 :]
    rows.append(row)
    return rows


def wrapped(text: str, width: int, style: str = "text", indent: str = "") -> list[Line]:
    """Text of several lines as styled lines of at most `width` columns."""
    width = max(width, len(indent) + 4)
    return [line((row, style)) for part in text.split("\n") for row in wrap_words(part, width, indent)]


def joined(items: Sequence[Item]) -> list[Line]:
    return [single for one in items for single in one.lines]


def first_lines(text: str, most: int) -> tuple[str, int]:
    """At most that many lines of it, and how many are left."""
    whole = text.count("\n") + 1
    if whole <= most:
        return text, 0
    place = -1
    for _ in range(most):
        place = text.find("\n", place + 1)
    return text[:place], whole - most
