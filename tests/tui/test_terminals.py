"""The real cockpit on terminals of every kind: default tmux, GNU screen, 16 colours, no colour, no UTF-8, far away."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Desk, settled_desk

from factory_tui.tui.escapes import Keystrokes

CHILD = Path(__file__).with_name("cockpit_child.py")
ROOT = CHILD.parents[2]
LONGEST = 90.0


class Terminal:
    """A program on a terminal of our own: what it wrote, and keys for it. Every wait is for what was written."""

    def __init__(self, command: list[str], environment: dict[str, str], where: Path, size=(40, 120)) -> None:
        self.pid, self._fd = pty.fork()
        if not self.pid:
            os.chdir(where)
            os.execvpe(command[0], command, environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.written = b""

    def read(self, seconds: float) -> None:
        if select.select([self._fd], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                self.written += os.read(self._fd, 65_536)

    def wait(self, *wanted: bytes, since: int = 0) -> bytes:
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            self.read(0.05)
            if all(one in self.written[since:] for one in wanted):
                return self.written[since:]
        raise AssertionError(f"{wanted} was never written; the end is {self.written[-3_000:]!r}")

    def keys(self, text: bytes) -> int:
        """Types; returns how much was written before."""
        before = len(self.written)
        os.write(self._fd, text)
        return before

    def close(self) -> None:
        """Ends it the way a closed terminal does, and waits for its end."""
        os.close(self._fd)
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(0.05)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError("it did not end with its terminal")


def environment(place: Path, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    made = {**kept, "HOME": str(place), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    return {name: value for name, value in {**made, **more}.items() if value}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator:
    """Opens the demo's cockpit on a terminal with these variables."""
    running: list[Terminal] = []

    def start(mode: str = "step", **more: str) -> Terminal:
        command = [sys.executable, str(CHILD), str(tmp_path / "demo"), mode]
        running.append(Terminal(command, environment(tmp_path, **more), tmp_path))
        return running[-1]

    yield start
    for terminal in running:
        terminal.close()


TRUE_COLOUR = re.compile(rb"\x1b\[[0-9;]*[34]8;2;")
PALETTE = re.compile(rb"\x1b\[[0-9;]*[34]8;5;")
ANY_COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


def test_a_terminal_with_all_colours_gets_them(opened):
    """The control of the two below."""
    written = opened(COLORTERM="truecolor").wait(b"HANDOFF", b"NEEDS YOU 1")
    assert TRUE_COLOUR.search(written)


@pytest.mark.parametrize("term", ["xterm", "screen", "linux"])
def test_a_terminal_of_16_colours_gets_no_more(opened, term):
    written = opened(TERM=term).wait(b"HANDOFF", b"NEEDS YOU 1")
    assert not TRUE_COLOUR.search(written)
    assert not PALETTE.search(written)
    assert ANY_COLOUR.search(written)


def test_no_color_is_obeyed_to_the_last_cell(opened):
    written = opened(NO_COLOR="1", COLORTERM="truecolor").wait(b"HANDOFF", b"NEEDS YOU 1")
    assert not ANY_COLOUR.search(written)


def test_a_language_without_utf_8_gets_ascii_alone(opened):
    written = opened(LANG="C").wait(b"HANDOFF", b"NEEDS YOU 1")
    assert written.isascii()


def test_escape_is_done_within_50_ms(opened):
    """Asked of the program itself: it waits no longer for the rest of a sequence. Without our word it is 100 ms."""
    ask = "import factory_tui.tui.run as r, os; os.environ.setdefault('ESCDELAY', r.ESCAPE_MILLISECONDS);"
    ask += "from textual.constants import ESCAPE_DELAY; print(ESCAPE_DELAY)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=ROOT)
    assert float(done.stdout) <= 0.05
    terminal = opened()
    terminal.wait(b"HANDOFF", b"NEEDS YOU 1")
    since = terminal.keys(b"gr")
    terminal.wait(b"all rules in force", since=since)
    since = terminal.keys(b"\x1b")
    terminal.wait(b"HANDOFF", since=since)


def test_escape_and_a_key_that_tmux_sends_as_one_are_two_keys_and_approve_nothing(opened):
    """Default tmux holds Esc back for half a second, and sends it together with the key that comes meanwhile."""
    terminal = opened()
    terminal.wait(b"HANDOFF", b"NEEDS YOU 1")
    since = terminal.keys(b"o")
    terminal.wait(b"approve", b"sealed", since=since)
    since = terminal.keys(b"!")  # a card takes answers once it has been on the screen for a moment
    terminal.wait(b"stop the bleeding", since=since)
    since = terminal.keys(b"\x1bo")
    terminal.wait(b"sealed", since=since)
    since = terminal.keys(b"\x1bA")
    terminal.wait(b"TASKS", b"NEEDS YOU 1", since=since)


@pytest.mark.parametrize(
    ("sent", "typing", "read"),
    [
        ("\x1bA", False, ["escape", "A"]),
        ("\x1b\r", True, ["escape", "enter"]),
        ("\x1b1", False, ["escape", "1"]),
        ("\x1b:", False, ["escape", "colon"]),
        ("\x1bO", False, ["escape", "O"]),
        ("\x1bb", False, ["escape", "b"]),
        ("\x1bb", True, ["ctrl+left"]),
        ("\x1b\t", False, ["shift+tab"]),
        ("\x1b[A", False, ["up"]),
        ("\x1bOA", False, ["up"]),
        ("\x1b", False, ["escape"]),
        ("A", False, ["A"]),
    ],
)
def test_what_a_terminal_sends_is_read_without_alt(sent, typing, read):
    reader = Keystrokes()
    reader.is_typing = lambda: typing
    got = [*reader.feed(sent)]
    while len(got) < len(read):
        got += reader.tick()  # the rest of a sequence did not come
    assert [key.key for key in got] == read


def test_a_wrong_preference_is_said_on_the_screen_and_the_cockpit_opens(tmp_path):
    desk = settled_desk(tmp_path)
    config = tmp_path / "config" / "factory"
    config.mkdir(parents=True)
    (config / "cockpit.toml").write_text("[bell]\nrings = false\n")
    terminal = Terminal([sys.executable, "-m", "factory_tui.cli"], far(desk, SSH_CONNECTION=""), desk.root)
    try:
        terminal.wait(b"cockpit.toml line 2")
        written = terminal.wait(b"the session has begun")
        assert b"cockpit.toml line 2" in written[written.rindex(b"the session has begun") - 900 :], "it is still said"
    finally:
        terminal.close()


# --- far away ------------------------------------------------------------------------------------


def far(desk: Desk, **more: str) -> dict[str, str]:
    made = environment(desk.place, SSH_CONNECTION="10.0.0.1 5 10.0.0.2 22", TMUX_TMPDIR=str(desk.place / "tmux"))
    (desk.place / "tmux").mkdir(exist_ok=True, mode=0o700)
    return {name: value for name, value in {**desk.environment, **made, **more}.items() if value}


def sessions(desk: Desk) -> str:
    done = subprocess.run(["tmux", "list-sessions"], env=far(desk), capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.needs_tmux
def test_over_ssh_one_key_opens_the_same_in_tmux_where_it_outlives_the_terminal(tmp_path):
    desk = settled_desk(tmp_path)
    terminal = Terminal([sys.executable, "-m", "factory_tui.cli"], far(desk), desk.root)
    try:
        terminal.wait(b"closing this terminal stops the crew", b"open this in tmux")
        terminal.keys(b"t")
        terminal.wait(b"CREW 15")
        assert f"factory-{desk.root.name}" in sessions(desk)
        terminal.close()
        assert f"factory-{desk.root.name}" in sessions(desk)
        assert "runs" in desk.factory("status", code=0).out
    finally:
        subprocess.run(["tmux", "kill-server"], env=far(desk), capture_output=True, check=False)
    end = time.monotonic() + LONGEST
    while not list((desk.root / ".factory" / "memory" / "digests").glob("session-*.md")):
        assert time.monotonic() < end, "the session left no digest"
        time.sleep(0.05)


@pytest.mark.needs_tmux
def test_over_ssh_another_key_goes_on_here_and_inside_tmux_nobody_is_asked(tmp_path):
    desk = settled_desk(tmp_path)
    terminal = Terminal([sys.executable, "-m", "factory_tui.cli"], far(desk), desk.root)
    terminal.wait(b"open this in tmux")
    terminal.keys(b"\n")
    terminal.wait(b"CREW 15")
    assert sessions(desk) == ""
    terminal.close()
    desk.read_digest()
    terminal = Terminal([sys.executable, "-m", "factory_tui.cli"], far(desk, TMUX="/nowhere,1,0"), desk.root)
    try:
        assert b"open this in tmux" not in terminal.wait(b"CREW 15")
    finally:
        terminal.close()


# --- between -------------------------------------------------------------------------------------


NOTICE = b"\x1b]9;Factory bookings: 1 wait for you, newest: handoff H-1\x07"


def in_tmux(place: Path, *settings: str) -> tuple[Terminal, list[str]]:
    """The cockpit in default tmux, and how to talk to that."""
    tmux = ["tmux", "-S", str(place / "socket"), "-f", "/dev/null"]
    command = f"{sys.executable} {CHILD} {place}/demo step"
    words = [*tmux, "new-session", "-x", "120", "-y", "40", "-s", "t", "sh"]
    terminal = Terminal(words, environment(place, LC_TERMINAL="iTerm2"), place)
    terminal.wait(b"\x1b[")
    for setting in settings:
        subprocess.run([*tmux, "set", "-g", *setting.split()], check=True, capture_output=True)
    terminal.keys(f"exec {command}\n".encode())
    return terminal, tmux


def end_tmux(terminal: Terminal, tmux: list[str]) -> None:
    subprocess.run([*tmux, "kill-server"], capture_output=True, check=False)
    terminal.close()


@pytest.mark.needs_tmux
def test_default_tmux_rings_and_lets_no_notice_through(tmp_path):
    """A bell gets out, a notice does not, and nothing of one is on the screen."""
    terminal, tmux = in_tmux(tmp_path)
    try:
        terminal.wait(b"NEEDS YOU 1", b"\x07")
        assert b"]9;" not in terminal.written
        shown = subprocess.run([*tmux, "capture-pane", "-p", "-t", "t"], capture_output=True, text=True, check=True)
        assert "Factory bookings:" not in shown.stdout
        since = terminal.keys(b"gr")
        terminal.wait(b"all rules in force", since=since)
        since = terminal.keys(b"y")
        terminal.wait(b"tmux's buffer", since=since)
        buffer = subprocess.run([*tmux, "show-buffer"], capture_output=True, text=True, check=True).stdout
        assert "CEO never writes code" in buffer
    finally:
        end_tmux(terminal, tmux)


@pytest.mark.needs_tmux
def test_tmux_that_lets_things_through_gets_the_notice_and_the_copy_out(tmp_path):
    terminal, tmux = in_tmux(tmp_path, "allow-passthrough on")
    try:
        terminal.wait(b"NEEDS YOU 1", NOTICE)
        since = terminal.keys(b"gr")
        terminal.wait(b"all rules in force", since=since)
        since = terminal.keys(b"y")
        written = terminal.wait(b"\x1b]52;c;", b"OSC 52 through tmux", since=since)
        found = re.search(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07", written)
        assert found is not None
        assert b"CEO never writes code" in base64.b64decode(found[1])
    finally:
        end_tmux(terminal, tmux)


@pytest.mark.needs_screen
def test_gnu_screen_shows_the_cockpit_and_passes_bell_notice_and_copy(tmp_path):
    sockets = tmp_path / "sockets"
    sockets.mkdir(mode=0o700)
    command = ["screen", "-c", "/dev/null", "-S", "t", sys.executable, str(CHILD), str(tmp_path / "demo"), "step"]
    terminal = Terminal(command, environment(tmp_path, SCREENDIR=str(sockets)), tmp_path)
    try:
        terminal.wait(b"NEEDS YOU 1", NOTICE)
        since = terminal.keys(b"gr")
        terminal.wait(b"all rules in force", since=since)
        since = terminal.keys(b"y")
        written = terminal.wait(b"\x1b]52;c;", since=since)
        assert b"\x1b]52;c;" in written
        since = terminal.keys(b"\x1b")  # with the mouse on, screen holds it back until the next key
        terminal.wait(b"HANDOFF", b"H-1", since=since)
    finally:
        subprocess.run(
            ["screen", "-S", "t", "-X", "quit"],
            env=environment(tmp_path, SCREENDIR=str(sockets)),
            capture_output=True,
            check=False,
        )
        terminal.close()
