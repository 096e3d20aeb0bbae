"""The real command in windows of one private tmux server: several terminals at once, and what each shows."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

FACTORY = Path(sys.executable).with_name("factory")
LONGEST = 120.0
"""Seconds after which a wait fails. A loaded machine may take its time; only a failing test ever waits so long."""
TOO_EARLY = ("press again", ": not now,")
"""What the last rows say of a key that came too early and did nothing."""


def pressed_until(press: Callable[[], object], look: Callable[[], str], *texts: str, seconds: float = LONGEST) -> str:
    """Presses a key until the screen holds every text. Again only where the screen says that it did nothing, or after
    long: on a slow machine a second one would be read by the screen that the first one led to."""
    end = time.monotonic() + seconds
    screen = ""
    while time.monotonic() < end:
        press()
        pressed = time.monotonic()
        while time.monotonic() < min(end, pressed + 20.0):
            screen = look()
            if all(text in screen for text in texts):
                return screen
            if time.monotonic() > pressed + 1.0 and any(
                words in row for row in screen.rstrip().splitlines()[-4:] for words in TOO_EARLY
            ):
                break
            time.sleep(0.03)
    raise AssertionError(f"{texts} never came:\n{screen}")


class Windows:
    """One server. Every wait is for a text. Close it, and all that runs in it ends."""

    def __init__(self, place: Path, environment: Mapping[str, str], width: int = 120, height: int = 40) -> None:
        self.place = place
        self.socket = str(place / "windows")
        self._environment = {**environment, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PATH": os.environ["PATH"]}
        self.run("new-session", "-d", "-s", "t", "-n", "idle", "-x", str(width), "-y", str(height), "sleep 600")
        self.run("set", "-g", "remain-on-exit", "on")

    def run(self, *words: str) -> str:
        command = ["tmux", "-S", self.socket, "-f", "/dev/null", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=self._environment, check=False)
        return done.stdout

    def open(self, name: str, where: Path, *words: str) -> None:
        """A window with `factory` and these words."""
        command = f"echo $$ > {self.place}/{name}.pid; exec {FACTORY} {' '.join(words)}"
        self.run("new-window", "-d", "-t", "t", "-n", name, "-c", str(where), "sh", "-c", command)

    def screen(self, name: str) -> str:
        """What the window shows, and what scrolled out of it: tmux moves a finished command's first row up."""
        return self.run("capture-pane", "-p", "-J", "-S", "-", "-t", f"t:{name}")

    def keys(self, name: str, *keys: str) -> None:
        self.run("send-keys", "-t", f"t:{name}", *keys)

    def text(self, name: str, words: str) -> None:
        self.run("send-keys", "-t", f"t:{name}", "-l", words)
        self.wait(name, words[-20:])

    def wait(self, name: str, *texts: str, seconds: float = LONGEST) -> str:
        """Until the window holds every text."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            screen = self.screen(name)
            if all(text in screen for text in texts):
                return screen
            time.sleep(0.03)
        raise AssertionError(f"{texts} never came in {name}:\n{self.screen(name)}")

    def until(self, name: str, key: str, *texts: str, seconds: float = LONGEST) -> str:
        """Presses a key, again when it was dropped, until the window holds every text."""
        return pressed_until(lambda: self.keys(name, key), lambda: self.screen(name), *texts, seconds=seconds)

    def pid(self, name: str) -> int:
        return int((self.place / f"{name}.pid").read_text())

    def is_gone(self, name: str, seconds: float = LONGEST) -> bool:
        """Whether the window's process has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                os.kill(self.pid(name), 0)
                if "Z" in Path(f"/proc/{self.pid(name)}/stat").read_text().rsplit(")", 1)[1].split()[0]:
                    return True
            except (ProcessLookupError, FileNotFoundError):
                return True
            time.sleep(0.03)
        return False

    def close(self) -> None:
        self.run("kill-server")
