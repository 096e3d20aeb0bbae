"""Signs for states. Each state has a sign and a word; colour is never the only difference."""

from __future__ import annotations

UNICODE = {
    "pass": "✓",
    "running": "▸",
    "fail": "✗",
    "broken": "!",
    "not run": "·",
    "stale": "~",
    "working": "●",
    "waits": "?",
    "idle": "○",
    "blocked": "■",
    "done": "✓",
    "stuck": "✗",
    "held": "=",
    "chosen": "›",
    "pinned": "▪",
    "allowed": "+",
    "asked": "?",
    "denied": "✗",
    "more": "…",
    "bar": "│",
    "rule": "─",
    "up": "↑",
    "down": "↓",
    "new": "*",
}
ASCII = {
    **dict.fromkeys(UNICODE, "."),
    "pass": "#",
    "running": ">",
    "fail": "X",
    "broken": "!",
    "not run": ".",
    "stale": "~",
    "working": "*",
    "waits": "?",
    "idle": "-",
    "blocked": "!",
    "done": "#",
    "stuck": "X",
    "held": "=",
    "chosen": ">",
    "pinned": "^",
    "allowed": "+",
    "asked": "?",
    "denied": "x",
    "more": "~",
    "bar": "|",
    "rule": "-",
    "up": "^",
    "down": "v",
    "new": "*",
}

_TO_ASCII = str.maketrans(
    {
        **{sign: ASCII[name] for name, sign in UNICODE.items()},
        "–": "-",
        "—": "-",
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "•": "*",
        "→": ">",
        "←": "<",
        "×": "x",
        "≤": "<",
        "≥": ">",
        "·": ".",
        "│": "|",
        "▎": "|",
    }
)


def to_ascii(text: str, width: int) -> str:
    """The same number of columns in ASCII; what has no likeness is `?`."""
    if text.isascii():
        return text
    plain = text.translate(_TO_ASCII).encode("ascii", "replace").decode()
    return plain.ljust(width, "?") if len(plain) < width else plain[:width]
