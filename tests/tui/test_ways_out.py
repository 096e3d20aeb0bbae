"""The real cockpit in a real terminal: every way out leaves a digest, a plain terminal, and no process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

CHILD = Path(__file__).with_name("cockpit_child.py")
ROOT = CHILD.parents[2]
pytestmark = [pytest.mark.needs_tmux]


class Tmux:
    """A private server of a fixed size. Every wait is for a text."""

    def __init__(self, place: Path, mode: str = "step") -> None:
        self.place = place
        self._socket = str(place / "tmux")
        self._pid_file = place / "pid"
        command = f"echo $$ > {self._pid_file}; exec {sys.executable} {CHILD} {place}/demo {mode}"
        self.run("new-session", "-d", "-s", "t", "-x", "120", "-y", "40", "-e", f"PYTHONPATH={ROOT}", "sh")
        self.run("set", "-g", "remain-on-exit", "on")
        self.run("respawn-pane", "-k", "-t", "t", "sh", "-c", command)

    def run(self, *words: str) -> str:
        environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        environment.pop("TMUX", None)
        done = subprocess.run(
            ["tmux", "-S", self._socket, "-f", "/dev/null", *words], capture_output=True, text=True, env=environment
        )
        return done.stdout

    def screen(self) -> str:
        """With what scrolled away: a long path takes two rows, and the notice of the ended program pushes one off."""
        return self.run("capture-pane", "-p", "-S", "-", "-t", "t")

    def wait(self, *texts: str, seconds: float = 120.0) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            screen = self.screen()
            if all(text in screen for text in texts):
                return screen
            time.sleep(0.03)
        raise AssertionError(f"{texts} never came:\n{self.screen()}")

    def keys(self, *keys: str) -> None:
        self.run("send-keys", "-t", "t", *keys)

    @property
    def pid(self) -> int:
        return int(self._pid_file.read_text())

    def gone(self, seconds: float = 120.0) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                os.kill(self.pid, 0)
                if "Z" in Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]:
                    return True
            except (ProcessLookupError, FileNotFoundError):
                return True
            time.sleep(0.03)
        return False

    def answer(self) -> None:
        """Opens what waits, sees that it can be answered, and says the usual yes."""
        self.keys("o")
        self.wait("sha256")
        end = time.monotonic() + 20.0
        while "sha256" in self.screen() and time.monotonic() < end:
            self.keys("A")
            time.sleep(0.15)

    def digests(self) -> list[str]:
        home = self.place / "demo" / "bookings" / ".factory" / "memory" / "digests"
        return [file.read_text() for file in sorted(home.glob("session-*.md"))]


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    terminal = Tmux(tmp_path)
    try:
        yield terminal
    finally:
        terminal.run("kill-server")
        assert terminal.gone()


def test_q_shows_what_is_kept_and_enter_leaves_with_the_digest(tmux):
    tmux.wait("NEEDS YOU 1", "HANDOFF")
    tmux.keys("q")
    tmux.wait("what is kept", "the digest that will be written")
    end = time.monotonic() + 20.0
    while "LEAVING" in tmux.screen() and time.monotonic() < end:
        tmux.keys("Enter")
        time.sleep(0.15)
    screen = tmux.wait("digest: /", "the supervisor ended it").replace("\n", "")
    assert f"digest: {tmux.place}/demo/bookings/.factory/memory/digests/session-0001.md" in screen
    assert "Ended: the supervisor ended it." in tmux.digests()[0]


def test_sigterm_leaves_with_the_digest_and_the_next_session_begins_with_it(tmux):
    tmux.wait("NEEDS YOU 1", "HANDOFF")
    tmux.answer()
    tmux.wait("ceo/c1")
    os.kill(tmux.pid, 15)
    assert tmux.gone()
    assert "Ended: ended by SIGTERM." in tmux.digests()[0]
    tmux.run("respawn-pane", "-k", "-t", "t", "sh", "-c", f"exec {sys.executable} {CHILD} {tmux.place}/demo")
    tmux.wait("BRIEFING", "Digest of session 1")


def test_a_closed_terminal_leaves_with_the_digest(tmux):
    tmux.wait("NEEDS YOU 1", "HANDOFF")
    tmux.run("kill-session", "-t", "t")
    assert tmux.gone()
    assert "Ended: the terminal was closed." in tmux.digests()[0]


def test_a_mistake_of_ours_is_told_calmly_and_the_digest_is_written(tmp_path):
    tmux = Tmux(tmp_path, "crash")
    try:
        screen = tmux.wait("mistake of ours", "Nothing was lost", "made on purpose")
        assert "Traceback" not in screen
        log = next(line.split("log:", 1)[1].strip() for line in screen.splitlines() if "log:" in line)
        assert "made on purpose" in Path(log).read_text()
        Path(log).unlink()
        assert "the cockpit crashed: RuntimeError" in tmux.digests()[0]
    finally:
        tmux.run("kill-server")
        assert tmux.gone()
