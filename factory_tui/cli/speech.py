"""What is printed: lines for people, versioned JSON for programs. No text of anybody else steers the terminal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from factory_tui.domain.harmless import STEERS
from factory_tui.tui.skeleton import FRAME

JSON_VERSION = 1
"""Of every answer that `--json` gives; `docs/json.md` describes them."""


def harmless(text: str) -> str:
    """Text of any origin as it may stand on a terminal: what would steer it is shown as an escape."""
    return STEERS.sub(lambda match: f"\\u{ord(match[0]):04x}", text.replace("\r\n", "\n"))


def as_line(text: str) -> str:
    """The same on one line: a line end in somebody's words begins no line of the factory's."""
    return re.sub("[\n\t]", lambda match: f"\\u{ord(match[0]):04x}", harmless(text))


def say(text: str = "") -> None:
    """Lines on standard output, at once."""
    FRAME.take_back()
    print(harmless(text), flush=True)


def hint(text: str) -> None:
    """Lines beside the answer, on standard error."""
    FRAME.take_back()
    print(harmless(text), file=sys.stderr, flush=True)


def say_json(kind: str, answer: Mapping[str, Any]) -> None:
    """One JSON document: `version`, `kind`, then the answer's own keys."""
    document = {"version": JSON_VERSION, "kind": kind, **answer}
    print(json.dumps(document, ensure_ascii=True, indent=2, default=_as_plain), flush=True)


def _as_plain(value: object) -> object:
    import msgspec

    return msgspec.to_builtins(value)


def table(rows: Iterable[tuple[str, ...]], indent: str = "") -> list[str]:
    """Rows as aligned lines; the last column is as long as it is."""
    known = [tuple(as_line(cell) for cell in row) for row in rows]
    if not known:
        return []
    widths = [max(len(row[column]) for row in known) for column in range(len(known[0]) - 1)]
    return [
        indent + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in known
    ]


def has_terminal() -> bool:
    """Whether somebody can be asked here."""
    return sys.stdin.isatty() and sys.stdout.isatty()
