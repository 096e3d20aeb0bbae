"""`factory` at a real terminal: a frame at once, and the plain terminal back whenever no cockpit opens."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

from crew import Crew, make_crew

from factory_tui.tui.skeleton import ENTER, LEAVE

LONGEST = 120.0
"""Seconds after which a wait fails, on however busy a machine."""


def people(tmp_path: Path) -> Crew:
    """Everybody is a person: a seat that every machine can fill, so that no check of the briefing fails."""
    settings = 'repo_id = "{repo_id}"\n[smoke]\ncommand = "python3 -m unittest -v"\n[seats]\ndefault = "human"\n'
    return make_crew(tmp_path, {}, settings=settings)


class Terminal:
    """`factory` on a pseudo-terminal, and what it wrote."""

    def __init__(self, crew: Crew, *words: str, cwd: Path | None = None, term: str = "xterm-256color") -> None:
        self.descriptor, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (60, 200))
        environment = {**os.environ, **crew.environment, "TERM": term, "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "factory_tui.cli", *words],
            cwd=cwd or crew.root,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def read(self) -> bool:
        """False when it has ended. A terminal that says nothing for two minutes fails the test."""
        assert select.select([self.descriptor], [], [], LONGEST)[0], f"silent after: {self.shown[-2_000:]}"
        try:
            data = os.read(self.descriptor, 65_536)
        except OSError:
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)

    def until(self, text: str) -> None:
        end = time.monotonic() + LONGEST
        while text not in self.shown:
            assert self.read(), f"it ended without {text!r}: {self.shown[-2_000:]}"
            assert time.monotonic() < end, f"{text!r} never came: {self.shown[-2_000:]}"

    def ended(self) -> int:
        while self.read():
            pass
        os.close(self.descriptor)
        return self.process.wait(timeout=LONGEST)


def test_the_frame_stands_before_anything_else_and_the_cockpit_takes_it_over(tmp_path):
    crew = people(tmp_path)
    terminal = Terminal(crew)
    terminal.until("opening the ledger")
    assert terminal.shown.startswith(ENTER)
    terminal.until("tech_writer")
    assert LEAVE not in terminal.shown, "the frame was never taken back"
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.ended() == 0
    assert "digest: " in terminal.shown[terminal.shown.rindex("\x1b[?1049l") :]


def test_the_next_time_the_roles_stand_in_the_first_frame(tmp_path):
    """They come from the ledger, before the factory is open."""
    crew = people(tmp_path)
    first = Terminal(crew)
    first.until("tech_writer")
    first.process.send_signal(signal.SIGTERM)
    first.ended()
    again = Terminal(crew)
    again.until("tech_writer")
    painted = again.shown[again.shown.index("opening the ledger") + 1 :]
    assert painted.index("tech_writer") < painted.index("opening the ledger") + 30_000
    assert "opening the ledger" in painted, "the cockpit's own header says that it is still opening"
    again.process.send_signal(signal.SIGTERM)
    again.ended()


def test_a_home_that_cannot_be_read_is_told_of_on_the_plain_terminal(tmp_path):
    crew = people(tmp_path)
    (crew.root / ".factory" / "factory.toml").write_text("repo_id = [")
    terminal = Terminal(crew)
    assert terminal.ended() == 1
    assert terminal.shown.startswith(ENTER)
    plain = terminal.shown[terminal.shown.rindex(LEAVE) :]
    assert "factory.toml" in plain
    assert "not TOML" in plain


def test_where_no_cockpit_can_open_nothing_is_painted(tmp_path, tmp_path_factory):
    crew = people(tmp_path)
    terminal = Terminal(crew, cwd=tmp_path_factory.mktemp("elsewhere"))
    terminal.until("Play it now?")
    assert "\x1b[?1049h" not in terminal.shown
    os.write(terminal.descriptor, b"n\n")
    assert terminal.ended() == 0
    helped = Terminal(crew, "demo", "--help")
    assert helped.ended() == 0
    assert "\x1b[?1049h" not in helped.shown


def test_a_terminal_that_goes_away_without_a_word_ends_the_cockpit_with_its_digest(tmp_path):
    """No SIGHUP comes from a terminal that does not control the process; reading it finds nothing, for ever."""
    crew = people(tmp_path)
    terminal = Terminal(crew)
    terminal.until("tech_writer")
    os.close(terminal.descriptor)
    assert terminal.process.wait(timeout=LONGEST) == 0
    (digest,) = (crew.root / ".factory" / "memory" / "digests").glob("*.md")
    assert "the terminal was closed" in digest.read_text()


def test_a_terminal_that_goes_away_at_once_is_no_mistake_of_ours(tmp_path):
    terminal = Terminal(people(tmp_path))
    terminal.until("opening the ledger")
    os.close(terminal.descriptor)
    assert terminal.process.wait(timeout=LONGEST) in (0, 130)
    assert not list(tmp_path.rglob("mistake-*.log"))


def test_a_screen_that_does_not_close_keeps_neither_the_digest_nor_the_process(tmp_path, monkeypatch):
    """Whatever it is busy with: here it never hears that it shall end."""
    deaf = tmp_path / "deaf"
    deaf.mkdir()
    (deaf / "sitecustomize.py").write_text(
        "import sys\n"
        "class Deaf:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'factory_tui.tui.run':\n"
        "            sys.meta_path.remove(self)\n"
        "            from factory_tui.tui.app import Cockpit\n"
        "            Cockpit.exit = lambda self, *a, **k: None\n"
        "sys.meta_path.insert(0, Deaf())\n"
    )
    crew = people(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(deaf))
    terminal = Terminal(crew)
    terminal.until("tech_writer")
    terminal.process.send_signal(signal.SIGTERM)
    terminal.ended()
    (digest,) = (crew.root / ".factory" / "memory" / "digests").glob("*.md")
    assert "ended by SIGTERM" in digest.read_text()


def test_a_cockpit_that_was_stopped_and_goes_on_leaves_no_thread_behind_when_it_ends(tmp_path):
    terminal = Terminal(people(tmp_path))
    terminal.until("tech_writer")
    for _ in range(3):
        terminal.process.send_signal(signal.SIGSTOP)
        terminal.process.send_signal(signal.SIGCONT)
        since = len(terminal.shown)
        while "\x1b[?1049h" not in terminal.shown[since:]:
            assert terminal.read()
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.ended() == 0


def test_a_terminal_that_the_libraries_take_for_another_size_than_it_has_opens_and_ends_with_its_digest(tmp_path):
    """Of a dumb one it is said that it has 80 columns; the terminal itself says another number a moment later."""
    crew = people(tmp_path)
    terminal = Terminal(crew, term="dumb")
    terminal.until("tech_writer")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.ended() == 0
    assert list((crew.root / ".factory" / "memory" / "digests").glob("*.md"))


def test_a_terminal_that_changes_its_size_while_the_cockpit_opens_is_drawn_and_ends(tmp_path):
    terminal = Terminal(people(tmp_path))
    terminal.until("opening the ledger")
    for size in ((24, 80), (60, 200)) * 10:
        termios.tcsetwinsize(terminal.descriptor, size)
        terminal.process.send_signal(signal.SIGWINCH)
        terminal.read()
    terminal.until("tech_writer")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.ended() == 0


def test_writing_to_a_terminal_that_is_gone_ends_nothing():
    """The thread that writes must live: the loop waits for room in its queue, and no signal would be heard."""
    program = """
import os, pty, sys, termios
from textual.drivers._writer_thread import WriterThread
from factory_tui.tui.terminal import Unfailing
master, slave = pty.openpty()
os.dup2(slave, 2)
os.close(slave)
os.close(master)
writer = WriterThread(Unfailing(sys.__stderr__) if sys.argv[1] == "guarded" else sys.__stderr__)
writer.start()
for _ in range(200):
    writer.write("x" * 100)
writer.stop()
os._exit(0)
"""

    def ends(how: str) -> bool:
        try:
            command = [sys.executable, "-W", "ignore", "-c", program, how]
            done = subprocess.run(command, timeout=LONGEST if how == "guarded" else 4, check=False, capture_output=True)
            return done.returncode == 0
        except subprocess.TimeoutExpired:
            return False

    assert ends("guarded")
    assert not ends("bare"), "unguarded, the writer dies and whoever writes waits for ever"
