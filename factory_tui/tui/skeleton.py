"""Something on the screen before anything is imported: a frame in plain escapes, within a few milliseconds.

Imports only what the interpreter has loaded anyway. Whoever paints it gives the terminal back with `restore`, unless
the cockpit has taken it over.
"""

from __future__ import annotations

import os
import sys

ENTER = "\x1b[?1049h\x1b[?25l\x1b[0m\x1b[H\x1b[2J"
LEAVE = "\x1b[?25h\x1b[0m\x1b[?1049l"


class Skeleton:
    """The frame, and the terminal's settings from before."""

    def __init__(self) -> None:
        self._before: list[int | list[bytes | int]] | None = None
        self.is_up = False

    def paint(self, title: str, line: str = "") -> None:
        """Draws it when there is a terminal. Keys typed from here on are not echoed; they reach the cockpit."""
        if self.is_up:
            return
        try:
            import termios

            out = sys.__stderr__.fileno() if sys.__stderr__ else 2
            if not (os.isatty(out) and os.isatty(0)):
                return
            columns, rows = os.get_terminal_size(out)
            self._before = termios.tcgetattr(0)
            quiet = termios.tcgetattr(0)
            quiet[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(0, termios.TCSANOW, quiet)
            os.write(out, frame(title, line, columns, rows, has_own_keys=_has_own_keys()).encode())
            self.is_up = True
        except (OSError, ImportError):
            return

    def restore(self) -> None:
        """Gives the terminal back as it was. Harmless when nothing was painted, or twice."""
        if self._before is None:
            return
        # Painting has imported it; a terminal that is gone raises its own error, which is no OSError.
        import termios

        try:
            termios.tcsetattr(0, termios.TCSANOW, self._before)
            if self.is_up:
                os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, LEAVE.encode())
        except (OSError, ValueError, termios.error):
            pass
        self.is_up = False
        self._before = None

    def take_back(self) -> None:
        """It was painted for a cockpit that does not come: what is said now belongs on the plain terminal."""
        if self.is_up:
            self.restore()

    def handed_over(self) -> None:
        """The cockpit draws now and restores the screen itself; the settings are still given back at the end."""
        self.is_up = False


FRAME = Skeleton()
"""Of this process: painted by the command line before it knows more, taken over by the cockpit."""


def _has_own_keys() -> bool:
    """Whether there is a file that may give actions other keys; it is read later."""
    config = os.environ.get("XDG_CONFIG_HOME") or f"{os.environ.get('HOME', '')}/.config"
    return os.access(f"{config}/factory/keys.toml", os.F_OK)


def frame(title: str, line: str, columns: int, rows: int, *, has_own_keys: bool = False) -> str:
    """The first frame, as the floor's own boxes stand. It names the usual keys, or none."""
    plain = "".join(character for character in f" {title}  {line}" if character.isprintable())[:columns]
    out = [ENTER, "\x1b[7m", plain.ljust(columns), "\x1b[0m"]
    if rows > 4:
        out.append("\x1b[2;1H opening the ledger"[: columns + 6])
        out.append("" if has_own_keys else f"\x1b[{rows};1H ? help  q quit"[: columns + 10])
    return "".join(out)
