"""Whether somebody sits here: told by keys, and by how the clocks go. Pure: whoever asks hands in the times.

No terminal says reliably that it was left or attached again, and focus events are not relied on. What is seen: no key
for a while, a wall clock that ran on while the other one stood (the machine slept), a gap between two beats (the
program was stopped), and a terminal that reports a size (attached again, perhaps just resized).
"""

from __future__ import annotations

GAP_SECONDS = 30.0
"""Between two beats, more than any hiccup."""
RETURN_SECONDS = 60.0
"""Without a key before a new size counts as having come back."""


class Presence:
    """One person at one terminal."""

    def __init__(self, away_seconds: float) -> None:
        self._away = away_seconds
        self._last = (0.0, 0.0)
        self._beat = (0.0, 0.0)
        self._has_begun = False
        self.seq = 0
        """The last entry that somebody can have seen."""
        self.left = ""
        """When the last key was typed, as the ledger writes times."""
        self._is_told = False

    def key(self, monotonic: float, wall: float, seq: int, at: str) -> None:
        """Somebody is here."""
        self._last = self._beat = (monotonic, wall)
        self.seq, self.left = seq, at
        self._has_begun, self._is_told = True, False

    def beat(self, monotonic: float, wall: float) -> str:
        """Called about once a second. Why somebody seems to have been away; empty = they were not, or it is told."""
        if not self._has_begun or self._is_told:
            self._beat = (monotonic, wall)
            return ""
        ran, passed = monotonic - self._beat[0], wall - self._beat[1]
        self._beat = (monotonic, wall)
        if passed - ran > GAP_SECONDS:
            return "this machine slept"
        if ran > GAP_SECONDS:
            return "the cockpit was stopped"
        if monotonic - self._last[0] >= self._away:
            return f"no key for {round(self._away / 60) or 1} min"
        return ""

    def came_back(self, monotonic: float) -> str:
        """The terminal reported a size. Why that is a return; empty = it is none."""
        idle = monotonic - self._last[0]
        return (
            "this terminal was attached again"
            if self._has_begun and not self._is_told and idle > RETURN_SECONDS
            else ""
        )

    def told(self) -> None:
        """It was said; until the next key it is not said again."""
        self._is_told = True
