"""Ids are counters in the state, so that a ledger replays alike."""

from __future__ import annotations

from factory_tui.domain.state import State


class Ids:
    """The next free ids, several of a kind within one command."""

    def __init__(self, state: State) -> None:
        self._counters = dict(state.counters)

    def next(self, prefix: str) -> str:
        """`T` gives `T-4` after `T-3`."""
        self._counters[prefix] = self._counters.get(prefix, 0) + 1
        return f"{prefix}-{self._counters[prefix]}"

    def turn(self, role: str) -> str:
        """`builder/b2` after `builder/b1`."""
        key = f"turn:{role}"
        self._counters[key] = self._counters.get(key, 0) + 1
        return f"{role}/{role[0]}{self._counters[key]}"
