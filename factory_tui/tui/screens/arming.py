"""A screen whose answers wait until what they are about has been on the screen for a moment.

Whatever was typed before is dropped: nobody answers what they cannot have seen.
"""

from __future__ import annotations

import time

from factory_tui.tui.screens.room import Room


class Armed(Room):
    """Subclasses say when what is shown was painted, and ask `may_answer` before they send anything."""

    _painted_at = float("inf")
    """When it was seen first, on the clock that never jumps."""

    def _painted(self) -> None:
        """The object is on the screen; from now on it must stay there for a moment before it can be answered."""
        self._painted_at = time.monotonic()
        self.set_timer(max(0.0, self.cockpit.arm_seconds) + 0.01, self.show_hints)

    def repaint_first(self) -> None:
        """Another object is shown from now on."""
        self._painted_at = float("inf")
        self.call_after_refresh(self._painted)

    @property
    def is_armed(self) -> bool:
        return time.monotonic() - self._painted_at >= self.cockpit.arm_seconds

    def may_answer(self, at: float) -> bool:
        """Both the key, typed `at`, and this moment are late enough."""
        return self.is_armed and (at == 0.0 or at - self._painted_at >= self.cockpit.arm_seconds)

    def drop_key(self) -> None:
        self.say("dropped: it was typed before you could have seen the object; press again", "warn")
