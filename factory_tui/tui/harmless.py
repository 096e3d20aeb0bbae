"""Text of any origin made harmless, in one place: nothing that a model or a file says steers the terminal.

Removed are escape sequences, control, bidi, zero-width and private-use tag characters, and lone surrogates; a carriage
return ends a line. What is left has a width, and the width of a text is the sum of the widths of its characters.
"""

from __future__ import annotations

import re

from rich.cells import get_character_cell_size

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff]"
)
"""Flags and skin tones are here too: terminals do not agree on their widths."""
_SEQUENCE = re.compile(
    "\x1b(?:\\[[0-?]{0,48}[ -/]{0,4}[@-~]|[\\]PX^_][^\x07\x1b\r\n]{0,2000}(?:\x07|\x1b\\\\)"
    "|[ -/]{1,2}[0-~]|[0-OQ-WYZ\\\\a-~])"
)
_UNFINISHED = re.compile("(?:\x1b(?:\\[[0-?]{0,48}[ -/]{0,4}|[\\]PX^_][^\x07\x1b\r\n]{0,2000}\x1b?|[ -/]{1,2})?|\r)\\Z")
TAB = "    "


def harmless(text: str) -> str:
    """Whole text, lines kept."""
    if not _UNSAFE.search(text) and "\t" not in text:
        return text
    # Line ends first: a sequence between them must not join them, or the cut into pieces would show.
    text = _SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _UNSAFE.sub("", text).replace("\t", TAB)


def one_line(text: str, most: int = 400) -> str:
    """Text as one line of at most `most` characters; what is left out is marked."""
    flat = " ".join(harmless(text[: most * 4]).split())
    return flat if len(flat) <= most and len(text) <= most * 4 else flat[: most - 1] + "…"


class Cleaner:
    """`harmless` for text that comes in pieces: however it is cut, the result is the same."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """What is certain by now; an escape sequence that may still go on is held back."""
        if not self._held and not _UNSAFE.search(piece):
            return piece.replace("\t", TAB)
        text = self._held + piece
        tail = _UNFINISHED.search(text, max(0, len(text) - 2100))
        self._held = tail.group() if tail else ""
        return harmless(text[: len(text) - len(self._held)])

    def finish(self) -> str:
        """What was held back, now that nothing follows."""
        text, self._held = self._held, ""
        return harmless(text)


def width_of(text: str) -> int:
    """Columns on the terminal."""
    return len(text) if text.isascii() else sum(map(get_character_cell_size, text))


def chars_that_fit(text: str, width: int) -> int:
    """How many characters from the start stand in `width` columns."""
    if text.isascii():
        return min(len(text), width)
    used = 0
    for number, character in enumerate(text):
        used += get_character_cell_size(character)
        if used > width:
            return number
    return len(text)


def cut(text: str, width: int) -> str:
    """At most `width` columns, the end marked when something is left out."""
    if width_of(text) <= width:
        return text
    return text[: chars_that_fit(text, max(0, width - 1))] + "…" if width > 0 else ""
