"""Escape and the key after it, where a terminal sends both as one: two keys, never the second one alone.

tmux holds Esc back for `escape-time` (half a second, unless it is told otherwise) and sends it together with the key
that comes meanwhile. Textual reads the two as that key with Alt held, so that somebody who leaves a card by Esc and
goes on typing would answer it. No action has a key with Alt, so nothing is lost by reading them as what was pressed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from textual import events
from textual._xterm_parser import XTermParser

if TYPE_CHECKING:
    from textual.driver import Driver

ESC = "\x1b"
BEGINS_MORE = "[O]P_^X\t" + ESC
"""After an escape these begin a sequence of the terminal's own; Escape and Tab are the Linux console's Shift-Tab."""
OF_WORDS = ("\x1bb", "\x1bf", "\x1b\x7f")
"""Alt-b, Alt-f, Alt-Backspace: by words in a line that is typed into, as shells have it."""


class Keystrokes(XTermParser):
    """Textual's reader of what a terminal sends, without Alt."""

    is_typing: Callable[[], bool] = staticmethod(lambda: False)
    """Whether a line is typed into."""

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        joined = len(sequence) == 2 and sequence[0] == ESC and sequence[1] not in BEGINS_MORE
        if joined and sequence in OF_WORDS and self.is_typing():
            joined = False
        if alt or joined:
            yield events.Key("escape", ESC)
            sequence = sequence[-1]
        yield from super()._sequence_to_key_events(sequence)


def read_apart(driver: type[Driver], is_typing: Callable[[], bool]) -> None:
    """From now on that driver reads by `Keystrokes`. One that reads no terminal is left as it is."""

    class Reading(Keystrokes):
        pass

    Reading.is_typing = staticmethod(is_typing)
    module = sys.modules[driver.__module__]
    if hasattr(module, "XTermParser"):
        module.XTermParser = Reading  # type: ignore[attr-defined]
