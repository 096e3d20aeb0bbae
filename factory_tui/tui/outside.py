"""What leaves the screen: a bell, a desktop notice, copied text. It always says where something went."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from factory_tui.domain.preferences import Preferences
from factory_tui.tui import emulator as emulators
from factory_tui.tui.emulator import Notice
from factory_tui.tui.harmless import harmless

LEAST_SECONDS = 60.0
"""Between two bells, whatever was wished."""
COPIED = "copied.txt"


class Outside:
    """One terminal, and the user's own wishes about it."""

    def __init__(
        self,
        *,
        preferences: Preferences,
        environment: Mapping[str, str],
        name: str,
        write: Callable[[str], None],
        place: Callable[[], str],
    ) -> None:
        """`name` is the repository's, `write` sends to the terminal, `place` is a directory of the user's own."""
        self.preferences, self._environment, self._name = preferences, environment, name
        self._write, self._place = write, place
        self._emulator = emulators.emulator_from(environment)
        self._last = float("-inf")

    # --- being heard -----------------------------------------------------------------------------

    def may_ring(self, now: float) -> bool:
        """Whether a bell is due at this moment, seconds by the factory's own clock; if so, it counts as rung."""
        bell = self.preferences.bell
        if not bell.ring or now - self._last < max(LEAST_SECONDS, bell.seconds):
            return False
        self._last = now
        return True

    async def notify(self, text: str) -> str:
        """A notice by what the terminal understands, else by the user's own command. Returns what went wrong."""
        wish = self.preferences.notify
        if wish.how == "off":
            return ""
        if wish.how != "command":
            kind: Notice = wish.how if wish.how != "auto" else ""
            self._emulator = await emulators.look_through(self._emulator, self._environment)
            kind = kind or self._emulator.notice
            if kind and self._emulator.passes:
                self._write(emulators.notice_sequence(self._emulator, f"Factory {self._name}", text, kind))
                return ""
        if wish.command:
            return await emulators.run_notifier(wish.command, f"Factory {self._name}: {text}")
        return ""

    # --- copying ---------------------------------------------------------------------------------

    async def copy(self, text: str) -> str:
        """Sends the text to the clipboard where there may be one, and keeps it in a file. Where it went, in words."""
        text = harmless(text)
        ways = [self._by_file(text)]
        if self.preferences.copy.how != "file":
            if len(text.encode("utf-8", "replace")) > emulators.MOST_CLIPBOARD:
                ways.append("not to the clipboard: terminals drop so much")
            else:
                ways.insert(0, await self._to_clipboard(text))
        return "; ".join(way for way in ways if way)

    async def _to_clipboard(self, text: str) -> str:
        self._emulator = found = await emulators.look_through(self._emulator, self._environment)
        if found.has_clipboard or (found.passes and self.preferences.copy.how == "osc52"):
            self._write(emulators.clipboard_sequence(found, text))
            through = f" through {found.between}" if found.between else ""
            return f"to the clipboard, if it allows that (OSC 52{through})"
        if found.between == "tmux" and await emulators.into_tmux_buffer(text):
            return "to tmux's buffer (prefix ] pastes it)"
        return ""

    def _by_file(self, text: str) -> str:
        place = self._place()
        if not place:
            return ""
        path = Path(place) / COPIED
        try:
            path.unlink(missing_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            return f"not into {path}: {error.strerror}"
        return f"to {self._short(path)}"

    def _short(self, path: Path) -> str:
        """As people write it: one line of a small terminal has to hold it."""
        home = self._environment.get("HOME", "")
        return f"~/{path.relative_to(home)}" if home and path.is_relative_to(home) else str(path)
