"""What a turn said and did, as rows that fit a width: bounded, wrapped as it grows, styled like Markdown.

`feed` only keeps; `drain` wraps what is pending and is called by the one ticker. Greedy wrapping changes nothing but
the last row, so a delta costs its own length, however it was cut into pieces. A hidden turn costs nothing more until
somebody looks.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from typing import Literal, NamedTuple

from factory_tui.tui.harmless import Cleaner, chars_that_fit, fits, harmless, most_chars
from factory_tui.tui.lines import Line, Span

MOST_ROWS = 5_000
MOST_PENDING = 262_144
"""Characters. Over it the oldest go, counted."""
LONGEST_LINE = 32_768
"""Characters; a longer line goes on as the next one."""

Kind = Literal[
    "text",
    "heading",
    "bullet",
    "quote",
    "fence",
    "code",
    "add",
    "del",
    "hunk",
    "allowed",
    "asked",
    "denied",
    "result",
    "note",
]
ACTION_KINDS: frozenset[Kind] = frozenset({"allowed", "asked", "denied"})

_STYLES: dict[Kind, str] = {
    "text": "text",
    "heading": "heading",
    "bullet": "text",
    "quote": "quote",
    "fence": "dim",
    "code": "code",
    "add": "add",
    "del": "del",
    "hunk": "hunk",
    "allowed": "ok",
    "asked": "ask",
    "denied": "bad",
    "result": "dim",
    "note": "dim",
}
_BULLET = re.compile(r"\s{0,8}(?:[-*+]|\d{1,3}[.)])\s+")
_INLINE = re.compile(r"(?<![/*\w])\*\*(?=[^\s/*])|(?<=[^\s/*])\*\*(?![/*\w])|`")
"""Bold and code. The stars of `docs/**` and of `a**b` are no bold: they are what was said, and stay."""


class Row(NamedTuple):
    """One row on the screen, finished."""

    text: str
    kind: Kind
    line: int
    """Number of the line it belongs to, counted from 0 for ever."""
    bold: bool = False
    """Bold was open where the row begins; so was code, below."""
    code: bool = False


class Transcript:
    """Rows by absolute number: `first` is the oldest kept, `pushed` the one that still grows."""

    __slots__ = (
        "_bold",
        "_cleaner",
        "_code",
        "_diff",
        "_fence",
        "_grown",
        "_indent",
        "_kind",
        "_line",
        "_lines",
        "_open",
        "_pending",
        "_pending_size",
        "_rows",
        "dropped",
        "max_pending",
        "max_rows",
        "pushed",
        "width",
    )

    def __init__(self, width: int = 80, max_rows: int = MOST_ROWS, max_pending: int = MOST_PENDING) -> None:
        self.width = max(8, width)
        self.max_rows = max_rows
        self.max_pending = max_pending
        self.dropped = 0
        """Characters that were never shown because too many waited."""
        self.pushed = 0
        """Rows finished since the beginning."""
        self._rows: deque[Row] = deque()
        self._lines: deque[tuple[str, Kind | None]] = deque()
        self._line = 0
        self._pending: deque[tuple[str, Kind | None]] = deque()
        self._pending_size = 0
        self._cleaner = Cleaner()
        self._fence = ""
        self._diff = False
        self._kind: Kind | None = None
        self._start_line()

    # --- in --------------------------------------------------------------------------------------

    def feed(self, piece: str) -> None:
        """Streaming text, in any pieces. Cheap."""
        if len(piece) > self.max_pending:
            self.dropped += len(piece) - self.max_pending
            piece = piece[-self.max_pending :]
        self._pending.append((piece, None))
        self._pending_size += len(piece)
        while self._pending_size > self.max_pending:
            lost, _ = self._pending.popleft()
            self._pending_size -= len(lost)
            self.dropped += len(lost)

    def put(self, text: str, kind: Kind = "note") -> None:
        """A whole line of its own: an action, a result, a note."""
        text = harmless(text[:4_000]).replace("\n", " ").rstrip()
        self._pending.append((text, kind))
        self._pending_size += len(text)

    @property
    def is_waiting(self) -> bool:
        """Something was fed and not wrapped."""
        return bool(self._pending)

    def drain(self, most: int = 65_536) -> bool:
        """Wraps what is pending, at most about `most` characters of it. True when anything changed."""
        if not self._pending:
            return False
        done = 0
        while self._pending and done < most:
            text, kind = self._pending.popleft()
            self._pending_size -= len(text)
            done += len(text)
            if kind is None:
                pieces = [text]
                while self._pending and self._pending[0][1] is None and done < most:
                    more, _ = self._pending.popleft()
                    self._pending_size -= len(more)
                    done += len(more)
                    pieces.append(more)
                self._write(self._cleaner.feed("".join(pieces)))
            else:
                self._write(self._cleaner.finish())
                if self._grown or self._open:
                    self._end_line()
                self._put(text, kind)
        return True

    def _write(self, text: str) -> None:
        first = True
        for part in text.split("\n"):
            if not first:
                self._end_line()
            first = False
            while self._size + len(part) > LONGEST_LINE:
                room = LONGEST_LINE - self._size
                self._grow(part[:room])
                part = part[room:]
                self._end_line()
            if part:
                self._grow(part)

    def _put(self, text: str, kind: Kind) -> None:
        self._kind = kind
        self._indent = "  "
        self._grow(text)
        self._end_line(given=kind)

    # --- wrapping --------------------------------------------------------------------------------

    def _start_line(self) -> None:
        self._open = ""
        self._kind = None
        self._indent = ""
        self._grown: list[str] = []
        self._bold = False
        self._code = False

    @property
    def _size(self) -> int:
        return sum(map(len, self._grown)) if len(self._grown) < 64 else self._compact()

    def _compact(self) -> int:
        whole = "".join(self._grown)
        self._grown = [whole]
        return len(whole)

    def _grow(self, part: str) -> None:
        self._grown.append(part)
        row, place, reach = self._open, 0, most_chars(self.width) + 1
        while True:
            # Only what may stand on a row is looked at: the rest of a long line is neither measured nor copied.
            more = part[place : place + reach - len(row)] if len(row) < reach else ""
            row, place = row + more, place + len(more)
            if place >= len(part) and fits(row, self.width):
                break
            end = chars_that_fit(row, self.width) or 1
            least = len(self._indent) if self._kind is not None else 0
            gap = end if row[end : end + 1] == " " else row.rfind(" ", least + 1, end)
            head, rest = (row[:end], row[end:]) if gap <= 0 else (row[:gap], row[gap + 1 :])
            self._push(head)
            row = self._indent + rest
        self._open = row

    def _push(self, text: str) -> None:
        if self._kind is None:
            self._kind = self._kind_of(text)
            self._indent = self._indent_of(text)
        self._rows.append(Row(text, self._kind, self._line, self._bold, self._code))
        self.pushed += 1
        if self._kind in ("text", "bullet", "quote"):
            self._bold, self._code = _after(text, self._bold, self._code)
        if len(self._rows) > self.max_rows:
            self._rows.popleft()
            while self._lines and self._line - len(self._lines) < self._rows[0].line:
                self._lines.popleft()

    def _end_line(self, given: Kind | None = None) -> None:
        self._push(self._open)
        whole = "".join(self._grown)
        self._lines.append((whole, given))
        self._line += 1
        if given is None:
            self._note_block(whole)
        self._start_line()

    def _kind_of(self, start: str) -> Kind:
        """What a line is, from its first row."""
        bare = start.lstrip(" ")
        if bare.startswith("```"):
            return "fence"
        if self._fence == "diff" or (not self._fence and (self._diff or start.startswith("@@ "))):
            for sign, kind in (("@@", "hunk"), ("+", "add"), ("-", "del")):
                if start.startswith(sign):
                    return kind  # type: ignore[return-value]
            if self._fence or start.startswith((" ", "\\")):
                return "code"
        if self._fence:
            return "code"
        if start.startswith(("diff --git ", "--- a/", "+++ b/")):
            return "hunk"
        if bare.startswith("#") and bare.lstrip("#").startswith(" "):
            return "heading"
        if bare.startswith(">"):
            return "quote"
        return "bullet" if _BULLET.match(start) else "text"

    def _note_block(self, whole: str) -> None:
        bare = whole.strip()
        if bare.startswith("```"):
            self._fence = "" if self._fence else ("diff" if bare[3:].strip() in ("diff", "patch") else "code")
        elif not self._fence:
            self._diff = whole.startswith(("@@ ", "diff --git ", "--- a/", "+++ b/", "index ")) or (
                self._diff and whole[:1] in ("+", "-", " ", "\\", "@")
            )

    def _indent_of(self, start: str) -> str:
        found = _BULLET.match(start) if self._kind == "bullet" else None
        return " " * len(found.group()) if found and len(found.group()) * 2 < self.width else ""

    def rewrap(self, width: int) -> None:
        """The same lines for another width. Row numbers start anew; `row_of_line` finds a place again."""
        width = max(8, width)
        while self._pending:
            self.drain()
        if width == self.width:
            return
        self.width = width
        lines, first = tuple(self._lines), self._line - len(self._lines)
        growing = "".join(self._grown)
        self._rows.clear()
        self._lines.clear()
        self._fence, self._diff, self._line = "", False, first
        self._start_line()
        for text, kind in lines:
            if kind is None:
                self._grow(text)
                self._end_line()
            else:
                self._put(text, kind)
        self._grow(growing)

    # --- out -------------------------------------------------------------------------------------

    @property
    def lines(self) -> int:
        """Lines finished since the beginning: the number of the one that grows."""
        return self._line

    @property
    def first(self) -> int:
        return self.pushed - len(self._rows)

    def row(self, number: int) -> Row | None:
        """The row with that absolute number; the last one still grows."""
        place = number - self.first
        if 0 <= place < len(self._rows):
            return self._rows[place]
        if place == len(self._rows):
            kind = self._kind or self._kind_of(self._open)
            return Row(self._open, kind, self._line, self._bold, self._code)
        return None

    def row_of_line(self, line: int) -> int:
        """The first row kept of that line, or of the next one."""
        return self.first + bisect_left(self._rows, line, key=lambda row: row.line)

    def find(self, needle: str, start: int, step: Literal[1, -1]) -> int | None:
        """The next row at or after `start` (or before it) whose line holds `needle`, whatever the case."""
        wanted = needle.casefold()
        if not wanted:
            return None
        first_line = self._line - len(self._lines)
        here = self.row(min(max(start, self.first), self.pushed))
        texts = [text for text, _ in self._lines] + ["".join(self._grown)]
        line = here.line if here else self._line
        while first_line <= line <= self._line:
            if wanted in texts[line - first_line].casefold():
                found = self._row_in_line(line, wanted)
                if (found - start) * step >= 0:
                    return found
            line += step
        return None

    def _row_in_line(self, line: int, wanted: str) -> int:
        number = first = self.row_of_line(line)
        while (row := self.row(number)) is not None and row.line == line:
            if wanted in row.text.casefold():
                return number
            number += 1
        return first

    def text(self) -> str:
        """All that is kept, as plain text."""
        while self._pending:
            self.drain()
        return "\n".join([*(text for text, _ in self._lines), "".join(self._grown)]).rstrip("\n")


def spans_of(row: Row) -> Line:
    """A row with its styles."""
    style = _STYLES[row.kind]
    if row.kind in ACTION_KINDS:
        sign, rest = row.text[:1], row.text[1:]
        return (Span(sign, style), Span(rest, "text" if row.kind == "allowed" else style))
    if row.kind not in ("text", "bullet", "quote") or not (row.bold or row.code or _INLINE.search(row.text)):
        return (Span(row.text, style),)
    spans: list[Span] = []
    bold, code, place = row.bold, row.code, 0
    for found in _INLINE.finditer(row.text):
        is_code = found.group() == "`"
        if code and not is_code:
            continue
        spans.append(Span(row.text[place : found.start()], _inline(style, bold, code)))
        if is_code:
            code = not code
        else:
            bold = not bold
        place = found.end()
    spans.append(Span(row.text[place:], _inline(style, bold, code)))
    return tuple(span for span in spans if span.text)


def _inline(style: str, bold: bool, code: bool) -> str:
    return "code" if code else "strong" if bold else style


def _after(text: str, bold: bool, code: bool) -> tuple[bool, bool]:
    for found in _INLINE.finditer(text):
        if found.group() == "`":
            code = not code
        elif not code:
            bold = not bold
    return bold, code
