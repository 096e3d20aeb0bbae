"""Text of any origin on the screen: made harmless piece by piece, measured and cut.

What is left of a text has a width, and the width of a text is the sum of the widths of its characters.
"""

from __future__ import annotations

import re

from rich.cells import get_character_cell_size

from factory_tui.domain.harmless import TAB, UNSAFE, harmless, one_line

__all__ = ["TAB", "Cleaner", "chars_that_fit", "cut", "fits", "harmless", "most_chars", "one_line", "width_of"]

_UNFINISHED = re.compile("(?:\x1b(?:\\[[0-?]{0,48}[ -/]{0,4}|[\\]PX^_][^\x07\x1b\r\n]{0,2000}\x1b?|[ -/]{1,2})?|\r)\\Z")


class Cleaner:
    """`harmless` for text that comes in pieces: however it is cut, the result is the same."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """What is certain by now; an escape sequence that may still go on is held back."""
        if not self._held and not UNSAFE.search(piece):
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


def most_chars(width: int) -> int:
    """Characters of a row, however little room they take: without a bound a million marks would stand on one letter."""
    return 4 * width


def fits(text: str, width: int) -> bool:
    """Whether a text is one row. What is far too long is not measured."""
    return len(text) <= most_chars(width) and width_of(text) <= width


def chars_that_fit(text: str, width: int) -> int:
    """How many characters from the start stand in a row of `width` columns. No more of the text is looked at."""
    text = text[: most_chars(width)]
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
    if fits(text, width):
        return text
    return text[: chars_that_fit(text, max(0, width - 1))] + "…" if width > 0 else ""
