"""A whole mission in a real terminal by keys alone, left in three ways on its way, and gone on with after each."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from crew import Crew, MindSeat
from test_ways_out import ROOT, Tmux

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry

CHILD = Path(__file__).with_name("mission_child.py")
pytestmark = [pytest.mark.needs_tmux]


class Terminal(Tmux):
    """The cockpit on the adder's repository, opened again and again in the same place."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._socket = ""
        self._opened = 0
        self._pid_file = place / "pid"
        self.editor = place / "editor.sh"
        self.editor.write_text('#!/bin/sh\nprintf "Said in the editor.\\n" >> "$1"\n')
        self.editor.chmod(0o755)

    def open(self) -> None:
        """A new terminal with a new process."""
        self._pid_file.unlink(missing_ok=True)
        self._opened += 1
        self._socket = str(self.place / f"tmux-{self._opened}")
        paths = f"{ROOT}:{CHILD.parent}:{CHILD.parents[1]}"
        given = (
            "-e",
            f"PYTHONPATH={paths}",
            "-e",
            f"EDITOR={self.editor}",
            "-e",
            "VISUAL=",
            "-e",
            "TERM=xterm-256color",
        )
        self.run("new-session", "-d", "-s", "t", "-x", "120", "-y", "40", *given, "sh")
        self.run("set", "-g", "remain-on-exit", "on")
        command = f"echo $$ > {self._pid_file}; exec {sys.executable} {CHILD} {self.place}"
        self.run("respawn-pane", "-k", "-t", "t", "sh", "-c", command)

    def close(self) -> None:
        self.run("kill-server")

    def until(self, key: str, *texts: str, seconds: float = 60.0) -> str:
        """Presses a key, again when it was dropped, until the screen holds every text."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.keys(key)
            soon = time.monotonic() + 1.0
            while time.monotonic() < soon:
                screen = self.screen()
                if all(text in screen for text in texts):
                    return screen
                time.sleep(0.03)
        raise AssertionError(f"after {key}, {texts} never came:\n{self.screen()}")

    def say(self, words: str) -> None:
        self.run("send-keys", "-t", "t", "-l", words)
        self.wait(words[-20:])
        self.keys("Enter")

    def card(self, *texts: str) -> None:
        """Opens the oldest thing that waits, and sees that it is that."""
        self.until("o", "sha256", *texts)

    def yes(self, *texts: str) -> None:
        """The usual yes to what is shown, until the screen tells what follows."""
        self.until("A", *texts)

    def digest(self, session: int) -> str:
        file = self.place / "repository" / ".factory" / "memory" / "digests" / f"session-{session:04}.md"
        return file.read_text()

    def entries(self) -> list[Entry]:
        house = Crew(root=self.place / "repository", state_home=self.place / "state", seat=MindSeat({})).house()
        try:
            return list(house.ledger.entries)
        finally:
            house.ledger.close()

    def evidence(self, sha256: str) -> str:
        house = Crew(root=self.place / "repository", state_home=self.place / "state", seat=MindSeat({})).house()
        try:
            return house.evidence.get(sha256).decode()
        finally:
            house.ledger.close()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    found = Terminal(tmp_path)
    try:
        yield found
    finally:
        found.close()
        assert found.gone()


def edits_inline_by_editor_and_denies(terminal: Terminal) -> None:
    """The first session up to the reviewer's handoff."""
    terminal.wait("Nothing waits for you")
    terminal.until("t", "Enter sends")
    terminal.keys("Tab")
    terminal.say("The adder subtracts")
    terminal.wait("NEEDS YOU 1", "HANDOFF H-1")
    # A brief is edited inline.
    terminal.card("H-1")
    terminal.until("E", "Esc shows what changed")
    terminal.run("send-keys", "-t", "t", "-l", "Mind zero. ")
    terminal.until("Escape", "what your edit changes", "+Mind zero.")
    terminal.until("E", "CHANGED while you looked")
    terminal.until("r", "EDITED by you", "Mind zero.")
    terminal.yes("NEEDS YOU 1", "PLAN")
    terminal.card("Subtraction", "sub(3, 1) is 2")
    terminal.yes("NEEDS YOU 1", "HANDOFF H-2")
    # The next one in the supervisor's own editor.
    terminal.card("H-2")
    terminal.until("E", "Esc shows what changed")
    terminal.until("Escape", "what your edit changes", "Nothing changed")
    terminal.until("e", "+Said in the editor.")
    terminal.until("E", "CHANGED while you looked")
    terminal.until("r", "EDITED by you")
    terminal.yes("NEEDS YOU 1", "ASK")
    # An action is denied with a reason.
    terminal.card("numpy")
    terminal.until("R", "the reason, which the seat is told")
    terminal.say("the standard library is enough")
    terminal.wait("NEEDS YOU 1", "HANDOFF H-3", "to quality")


def rejects_and_redirects(terminal: Terminal) -> None:
    terminal.card("H-3")
    terminal.until("R", "the reason, which the next seat is told")
    terminal.say("say what a float does")
    terminal.wait("H-4", "to builder")
    terminal.card("H-4", "say what a float does")
    terminal.until("D", "to which role")
    terminal.say("tech_writer")
    terminal.wait("H-4 Subtraction: to tech_writer")
    terminal.card("H-4", "tech_writer, who works on")
    terminal.until("D", "to which role")
    terminal.say("builder")
    terminal.wait("H-4 Subtraction: to builder")


def test_a_mission_is_played_by_keys_alone_and_outlives_every_way_out(terminal):
    terminal.open()
    edits_inline_by_editor_and_denies(terminal)
    rejects_and_redirects(terminal)
    # Quit by q: the digest is on disk, and the next session begins with it.
    terminal.until("q", "LEAVING", "what is kept")
    terminal.until("Enter", "the supervisor ended it)")
    assert "Ended: the supervisor ended it." in terminal.digest(1)
    terminal.close()
    terminal.open()
    terminal.wait("BRIEFING", "Digest of session 1")
    terminal.yes("o=open", "HANDOFF H-4")
    # SIGTERM in the middle of a turn.
    (terminal.place / "wait").touch()
    terminal.card("H-4")
    terminal.yes("Nothing waits for you", "builder/")
    os.kill(terminal.pid, 15)
    assert terminal.gone()
    assert "Ended: ended by SIGTERM." in terminal.digest(2)
    (terminal.place / "wait").unlink()
    terminal.close()
    terminal.open()
    terminal.wait("BRIEFING", "Digest of session 2")
    # The interrupted turn goes on by itself: its handoff was released before.
    terminal.yes("o=open", "to quality")
    # The terminal is closed while the reviewer's handoff waits.
    terminal.run("kill-session", "-t", "t")
    assert terminal.gone()
    assert "Ended: the terminal was closed." in terminal.digest(3)
    terminal.close()
    terminal.open()
    terminal.wait("BRIEFING", "Digest of session 3")
    terminal.yes("o=open", "to quality")
    terminal.card("quality, who judges")
    terminal.yes("NEEDS YOU 1", "LAND")
    terminal.card("return a - b", "PASS")
    terminal.until("d", "lines of the difference were on the screen")
    terminal.yes("Nothing waits for you", "landed")
    terminal.until("q", "LEAVING")
    terminal.until("Enter", "the supervisor ended it)")
    is_all_on_record(terminal)


def is_all_on_record(terminal: Terminal) -> None:
    entries = terminal.entries()
    yours = [one.event for one in entries if one.by.kind == "supervisor"]
    edits = [event for event in yours if isinstance(event, e.BriefSealed) and event.edited and event.edit]
    told = [terminal.evidence(event.edit.sha256) for event in edits if event.edit]
    assert "+Mind zero." in told[0]
    assert "+Said in the editor." in told[1]
    assert [event.to for event in yours if isinstance(event, e.HandoffRedirected)] == ["tech_writer", "builder"]
    assert [event.reason for event in yours if isinstance(event, e.HandoffRejected)] == ["say what a float does"]
    asked = [(event.allowed, event.reason) for event in yours if isinstance(event, e.AskAnswered)]
    assert asked == [(False, "the standard library is enough")]
    assert sum(isinstance(event, e.DigestAcknowledged) for event in yours) == 3
    assert sum(isinstance(one.event, e.Landed) for one in entries) == 1
    assert "Ended: the supervisor ended it." in terminal.digest(4)
    assert all(one.by.name.endswith("@tty") for one in entries if one.by.kind == "supervisor")
