"""A document, taken apart, whatever it was written in: its keys with their lines, its body, and how large it may be.

Needs no parser: what must answer at once reads settings, and waits for no YAML.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from factory_tui.domain.errors import DocumentError

LARGEST_DOCUMENT = 1_000_000
"""Characters of one document."""

LARGEST_HEAD = 200_000
"""Characters of one front matter: beyond it the parser itself would be the attack."""

Path = tuple[str | int, ...]


class FrontMatter(msgspec.Struct, frozen=True):
    """One document, taken apart."""

    path: str
    """As shown in errors."""
    data: dict[str, Any]
    """The head: keys are text; values are text, whole numbers, decimals, booleans, None, lists, mappings."""
    body: str
    """Everything below the head, line ends as `\\n`."""
    body_line: int
    """The 1-based line of the file where the body begins."""
    lines: Mapping[Path, int] = msgspec.field(default_factory=dict)
    texts: Mapping[Path, str] = msgspec.field(default_factory=dict)

    def line_of(self, *keys: str | int) -> int:
        """The 1-based line of the file where that key or list item is; of the nearest parent when there is none."""
        for size in range(len(keys), -1, -1):
            if keys[:size] in self.lines:
                return self.lines[keys[:size]]
        return 1

    def text_of(self, *keys: str | int) -> str | None:
        """That scalar exactly as written (`3.10` is not 3.1); None when it is no scalar or absent."""
        return self.texts.get(keys)

    def error(self, problem: str, *keys: str | int, why: str = "", next_step: str = "") -> DocumentError:
        """An error that points at that key."""
        return DocumentError(
            path=self.path, line=self.line_of(*keys), problem=problem, why=why, next_step=next_step or "Mend that line."
        )


def nearest(word: str, choices: Iterable[str]) -> str:
    """The choice that was probably meant; empty when none is close."""
    from difflib import get_close_matches

    close = get_close_matches(word[:200], list(choices), n=1, cutoff=0.6)
    return close[0] if close else ""


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A next step for an unknown word: the nearest choice, else all of them."""
    known = sorted(choices)
    close = nearest(word, known)
    return f"Did you mean `{close}`?" if close else f"Known are: {', '.join(known) or 'none'}."
