"""The cockpit in a pseudo-terminal: what it shows as text, and keys for it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

from commands import Desk

LONGEST = 120.0
"""Seconds after which a wait fails. The clock on the screen moves, so that it is never silent for long."""


class At:
    """The cockpit in a pseudo-terminal of 120 by 40."""

    def __init__(self, desk: Desk, **more: str) -> None:
        self._mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "factory_tui.cli"],
            cwd=desk.root,
            env={**desk.environment, "TERM": "xterm-256color", **more},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""
        self._from = 0

    def until(self, text: str) -> None:
        """Reads until this was shown since the last time; escape codes are left out."""
        end = time.monotonic() + LONGEST
        while text not in plain(self.shown[self._from :]):
            ready, _, _ = select.select([self._mine], [], [], max(0.0, end - time.monotonic()))
            try:
                data = os.read(self._mine, 65_536) if ready else b""
            except OSError:
                data = b""
            assert data, f"it ended, or stood still, without showing {text!r}:\n{plain(self.shown)[-3000:]}"
            self.shown += data.decode("utf-8", "replace")

    def keys(self, keys: str) -> None:
        self._from = len(self.shown)
        os.write(self._mine, keys.encode())

    def __enter__(self) -> At:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._mine)


def plain(text: str) -> str:
    return re.sub(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-_])", "", text)
