"""What was seen of each deployment: its entries, its commands' output as it came, and the answers of level 4 so far.

For showing only. What a command printed is kept as evidence once it has ended; until then, what was heard stands here.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

import msgspec

from factory_tui.domain.entries import Entry
from factory_tui.domain.terms import CHECKS_OF, CheckRow

MOST_HEARD = 400_000
"""Characters of output that are kept until its evidence is on record."""


@dataclass
class Seen:
    """One deployment."""

    entries: list[Entry] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    """Since the last entry, in pieces."""
    rows: dict[str, CheckRow] = field(default_factory=dict)
    """Of the run of level 4 that is under way, by id, in their order; empty = none is."""
    changes: int = 0
    _size: int = 0

    def hear(self, text: str) -> None:
        self.changes += 1
        if self._size < MOST_HEARD:
            self._size += len(text)
            self.heard.append(text if self._size < MOST_HEARD else "[more came; its evidence will hold it]\n")

    def tell(self, entry: Entry) -> None:
        """Its evidence tells from now on what was heard before."""
        self.changes += 1
        self.entries.append(entry)
        self.heard.clear()
        self.rows.clear()
        self._size = 0


class DeployLog:
    """All of them, by id."""

    def __init__(self) -> None:
        self.of: dict[str, Seen] = {}

    def tell(self, entry: Entry) -> None:
        if isinstance(id := getattr(entry.event, "deployment", None), str) and id:
            self.of.setdefault(id, Seen()).tell(entry)

    def hear(self, about: str, text: str) -> bool:
        """Output of a deployment's command, or answers of its checks. False when it is neither."""
        if about.startswith(CHECKS_OF):
            seen = self.of.setdefault(about.removeprefix(CHECKS_OF), Seen())
            for one in text.splitlines():
                with contextlib.suppress(msgspec.DecodeError):  # what was cut on its way is on record in the end
                    row = msgspec.json.decode(one, type=CheckRow)
                    seen.rows[row.id] = row
            seen.changes += 1
            return True
        if about not in self.of:
            return False
        self.of[about].hear(text)
        return True
