"""Text of any origin made harmless, in one place: what a model, a file or a program says steers no terminal.

What steers is removed: escape sequences, control, bidi, zero-width and tag characters, lone surrogates. A carriage
return ends a line.
"""

from __future__ import annotations

import re

_STEERING = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff"
)
STEERS = re.compile(f"[{_STEERING}]")
"""What acts on the terminal or cannot be seen. Tab and line end are left: whoever prints decides about them."""
UNSAFE = re.compile(f"[{_STEERING}\u180b-\u180d\u180f\ufe00-\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]")
"""Variants, flags and skin tones too: terminals do not agree on their widths."""
SEQUENCE = re.compile(
    "\x1b(?:\\[[0-?]{0,48}[ -/]{0,4}[@-~]|[\\]PX^_][^\x07\x1b\r\n]{0,2000}(?:\x07|\x1b\\\\)"
    "|[ -/]{1,2}[0-~]|[0-OQ-WYZ\\\\a-~])"
)
TAB = "    "


def harmless(text: str) -> str:
    """Whole text, lines kept."""
    if not UNSAFE.search(text) and "\t" not in text:
        return text
    # Line ends first: a sequence between them must not join them, or the cut into pieces would show.
    text = SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return UNSAFE.sub("", text).replace("\t", TAB)


def spelt(json: str) -> str:
    """JSON that names what no screen shows by its number, and so means the same: for what is read before it is done."""
    return json.translate(_NUMBERS) if UNSAFE.search(json) else json


class _Numbers(dict[int, str | int]):
    """What each character is told as: itself, or its number as JSON has it, in two halves above the first 65,536."""

    def __missing__(self, code: int) -> str | int:
        if not UNSAFE.match(chr(code)):
            told: str | int = code
        elif code < 0x10000:
            told = f"\\u{code:04x}"
        else:
            told = f"\\u{0xD800 + ((code - 0x10000) >> 10):04x}\\u{0xDC00 + ((code - 0x10000) & 0x3FF):04x}"
        if len(self) < 10_000:
            self[code] = told
        return told


_NUMBERS = _Numbers()


def unseen(value: object) -> int:
    """How many characters that no screen shows are in the texts of this, however deep: of plain lists and keys."""
    match value:
        case str():
            return len(value) - len(UNSAFE.sub("", value)) if UNSAFE.search(value) else 0
        case dict():
            return sum(unseen(one) for one in value.values())
        case list() | tuple():
            return sum(unseen(one) for one in value)
        case _:
            return 0


def flat(text: str) -> str:
    """Whole text as one line."""
    return " ".join(harmless(text).split()) if UNSAFE.search(text) or "\n" in text or "\t" in text else text


def one_line(text: str, most: int = 400, end: str = "…") -> str:
    """Text as one line of at most `most` characters; what is left out is marked."""
    line = " ".join(harmless(text[: most * 4]).split())
    is_whole = len(line) <= most and len(text) <= most * 4
    return line if is_whole else line[: most - len(end)] + end


def writable(text: str) -> str:
    """Text that is UTF-8: half a character, which the JSON of a seat can name, becomes a question mark."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
