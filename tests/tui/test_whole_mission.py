"""The demo's whole mission by `factory demo` itself, in a real terminal, by keys alone: left in three ways on its way,
and gone on with after each. Each opening is the command that the one before named at its end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_ways_out import Tmux
from windows import pressed_until

from factory_tui.adapters.evidence import EvidenceFiles
from factory_tui.bootstrap.grounds import look
from factory_tui.demo import stage
from factory_tui.demo.promises import out_of_order
from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry

FACTORY = Path(sys.executable).with_name("factory")
SLOWLY = "1.0"
"""A pace at which every turn is still at work when its cockpit is ended."""
pytestmark = [pytest.mark.needs_tmux]


class Terminal(Tmux):
    """`factory demo` in one place, opened again and again."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._socket = ""
        self._opened = 0
        self._pid_file = place / "pid"
        self.editor = place / "editor.sh"
        self.editor.write_text('#!/bin/sh\nprintf "Said in the editor.\\n" >> "$1"\n')
        self.editor.chmod(0o755)

    def open(self, pace: str = "0") -> None:
        """A new terminal with a new process."""
        self._pid_file.unlink(missing_ok=True)
        self._opened += 1
        self._socket = str(self.place / f"tmux-{self._opened}")
        given = {"EDITOR": str(self.editor), "VISUAL": "", "TERM": "xterm-256color", "HOME": str(self.place)}
        words = [part for name, value in given.items() for part in ("-e", f"{name}={value}")]
        self.run("new-session", "-d", "-s", "t", "-x", "120", "-y", "40", *words, "sh")
        self.run("set", "-g", "remain-on-exit", "on")
        command = f"echo $$ > {self._pid_file}; exec {FACTORY} demo --keep {self.place}/demo --pace {pace}"
        self.run("respawn-pane", "-k", "-t", "t", "sh", "-c", command)

    def screen(self) -> str:
        """With lines that the terminal broke joined again."""
        return self.run("capture-pane", "-p", "-J", "-t", "t")

    def close(self) -> None:
        self.run("kill-server")

    def until(self, key: str, *texts: str) -> str:
        """Presses a key, again when it was dropped, until the screen holds every text."""
        return pressed_until(lambda: self.keys(key), self.screen, *texts)

    def say(self, words: str) -> None:
        """Types one line and sends it; a key that `until` pressed once more stands in the line already."""
        self.keys("C-u")
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
        home = self.place / "demo" / "bookings" / ".factory"
        return (home / "memory" / "digests" / f"session-{session:04}.md").read_text()

    def entries(self) -> list[Entry]:
        return list(look(stage(str(self.place / "demo")).ground)[1])

    def evidence(self, sha256: str) -> str:
        return EvidenceFiles(stage(str(self.place / "demo")).ground.place.evidence).get(sha256).decode()


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
    terminal.wait("NEEDS YOU 1", "HANDOFF H-1")
    # A brief is edited inline.
    terminal.card("H-1")
    terminal.until("E", "Esc shows what changed")
    terminal.run("send-keys", "-t", "t", "-l", "Mind the hall. ")
    terminal.until("Escape", "what your edit changes", "+Mind the hall.")
    terminal.until("E", "CHANGED while you looked")
    terminal.until("r", "EDITED by you", "Mind the hall.")
    terminal.yes("NEEDS YOU 1", "PLAN")
    terminal.card("Bookings can be cancelled")
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
    terminal.card("itsdangerous")
    terminal.until("R", "the reason, which the seat is told")
    terminal.say("the standard library is enough")
    terminal.wait("NEEDS YOU 1", "HANDOFF H-3", "to quality")


def rejects_and_redirects(terminal: Terminal) -> None:
    terminal.card("H-3")
    terminal.until("R", "the reason, which the next seat is told")
    terminal.say("try a booking without its code")
    terminal.wait("H-4", "to builder")
    terminal.card("H-4", "try a booking without its code")
    terminal.until("D", "to which role")
    terminal.say("tech_writer")
    terminal.wait("H-4 Bookings can be cancelled: to tech_writer")
    terminal.card("H-4", "tech_writer, who works on")
    terminal.until("D", "to which role")
    terminal.say("builder")
    terminal.wait("H-4 Bookings can be cancelled: to builder")


def lands(terminal: Terminal, text: str) -> None:
    terminal.card(text, "PASS")
    terminal.until("d", "lines of the difference were on the screen")


def test_a_mission_is_played_by_keys_alone_and_outlives_every_way_out(terminal):
    terminal.open()
    edits_inline_by_editor_and_denies(terminal)
    rejects_and_redirects(terminal)
    # Quit by q: the digest is on disk, and the next session begins with it.
    terminal.until("q", "LEAVING", "what is kept")
    terminal.until("Enter", "the supervisor ended it)", f"--keep {terminal.place}/demo")
    assert "Ended: the supervisor ended it." in terminal.digest(1)
    terminal.close()
    terminal.open(SLOWLY)
    terminal.wait("BRIEFING", "Digest of session 1")
    terminal.yes("o=open", "HANDOFF H-4")
    # SIGTERM in the middle of a turn.
    terminal.card("H-4")
    terminal.yes("Nothing waits for you", "builder/")
    os.kill(terminal.pid, 15)
    assert terminal.gone()
    assert "Ended: ended by SIGTERM." in terminal.digest(2)
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
    lands(terminal, "Bookings can be cancelled")
    terminal.yes("NEEDS YOU 1", "to tech_writer")
    # The documentation goes to somebody else, and stays there.
    terminal.card("The documentation says how to cancel")
    terminal.until("D", "to which role")
    terminal.say("builder")
    terminal.wait("The documentation says how to cancel: to builder")
    terminal.card("builder, who works on")
    terminal.yes("NEEDS YOU 1", "to quality")
    terminal.card("quality, who judges")
    terminal.yes("NEEDS YOU 1", "LAND")
    lands(terminal, "The documentation says how to cancel")
    terminal.yes("NEEDS YOU 1", "to devops")
    goes_to_the_hall_and_back(terminal)
    learns_from_it(terminal)
    mends_it(terminal)
    terminal.until("q", "LEAVING")
    terminal.until("Enter", "the supervisor ended it)")
    is_all_on_record(terminal)


def goes_to_the_hall_and_back(terminal: Terminal) -> None:
    terminal.card("devops, who works on")
    terminal.yes("NEEDS YOU 1", "DP-1")
    terminal.card("DP-1", "hall", "the way back")
    terminal.yes("TAKEN BACK", "V18", "V21", "I-1 is open")


def learns_from_it(terminal: Terminal) -> None:
    """The form, what shows it, a seat's draft, the proof, and the rule in force."""
    terminal.card("INCIDENT", "I-1")
    terminal.until("e", "Esc shows what changed")
    terminal.until("Escape", "Nothing changed")
    terminal.until("e", "+Said in the editor.")
    terminal.until("E", "INCIDENT", "sha256", "Said in the editor.")
    for field in ("when: at noon", "cost: an empty screen"):
        terminal.until("F", "a field:")
        terminal.say(field)
        terminal.wait("fill I-1: DP-1")
    terminal.until("+", "what shows I-1?")
    terminal.until("/", "find   Enter sends")
    terminal.say("imported")
    terminal.until("n", "T-2: tree")
    terminal.until("Enter", "[x]")
    terminal.until("Escape", "what shows it: 1 of the ledger")
    terminal.until("a", "the task is on record")
    terminal.until("o", "sha256", "architect, who works on")
    terminal.yes("R-1")
    terminal.until("o", "INCIDENT", "sha256")
    terminal.until("u", "R-1 is the draft")
    terminal.until("p", "the proof of I-1 is on record")
    terminal.until("d", "MUST CATCH", "MUST SPARE", "PASS")
    terminal.yes("Nothing waits for you")


def mends_it(terminal: Terminal) -> None:
    """A mission; its author is stopped by the rule until it complies, and the hall runs what landed."""
    terminal.until("t", "no plan, every gate level")
    terminal.until("Tab", "the planner plans it")
    terminal.say("Mend what I-1 showed, and let the hall run it.")
    for texts in (
        ("ceo, who works on",),
        ("The mended release",),
        ("builder, who works on",),
        ("quality, who judges",),
    ):
        terminal.wait("NEEDS YOU 1")
        terminal.card(*texts)
        terminal.yes("NEEDS YOU 1")
    lands(terminal, "stands on its volume")
    terminal.yes("NEEDS YOU 1", "to devops")
    terminal.card("devops, who works on")
    terminal.yes("NEEDS YOU 1", "DP-2")
    terminal.card("DP-2", "hall")
    terminal.yes("33 checks: 33 passed")
    terminal.until("Escape", "Nothing waits for you")


def is_all_on_record(terminal: Terminal) -> None:
    entries = terminal.entries()
    yours = [one.event for one in entries if one.by.kind == "supervisor"]
    edits = [event for event in yours if isinstance(event, e.BriefSealed) and event.edited and event.edit]
    told = [terminal.evidence(event.edit.sha256) for event in edits if event.edit]
    assert "+Mind the hall." in told[0]
    assert "+Said in the editor." in told[1]
    redirected = [event.to for event in yours if isinstance(event, e.HandoffRedirected)]
    assert redirected == ["tech_writer", "builder", "builder"]
    reasons = [event.reason for event in yours if isinstance(event, e.HandoffRejected)]
    assert reasons == ["try a booking without its code"]
    asked = [(event.allowed, event.reason) for event in yours if isinstance(event, e.AskAnswered)]
    assert asked == [(False, "the standard library is enough")]
    assert sum(isinstance(event, e.DigestAcknowledged) for event in yours) == 3
    assert sum(isinstance(one.event, e.Landed) for one in entries) == 3
    assert [one.event.outcome for one in entries if isinstance(one.event, e.MissionEnded)] == ["done"] * 3
    assert list(out_of_order(entries)) == [], "to the hall and back, told by the ledger"
    assert "Ended: the supervisor ended it." in terminal.digest(4)
    assert all(one.by.name.endswith("@tty") for one in entries if one.by.kind == "supervisor")
    is_one_handoff_per_answer(entries)
    unasked = [one for one in entries if not isinstance(one.event, e.HandoffReleased)]
    with pytest.raises(AssertionError, match="began without an answer"):
        is_one_handoff_per_answer(unasked)


def is_one_handoff_per_answer(entries: list[Entry]) -> None:
    """Step mode, by the ledger's own order: no turn without an answer of its own, and none beside another."""
    answered: set[str] = set()
    working = interrupted = ""
    for one in entries:
        match one.event:
            case e.HandoffReleased(handoff=handoff):
                assert one.by.kind == "supervisor"
                assert not working, f"#{one.seq}: {handoff} was released while {working} was at work"
                assert not answered, f"#{one.seq}: {handoff} was released beside {answered}"
                answered.add(handoff)
            case e.TurnStarted(turn=turn, handoff=handoff):
                assert not working, f"#{one.seq}: {turn} beside {working}"
                assert answered == {handoff} or handoff == interrupted, f"#{one.seq}: {turn} began without an answer"
                answered.discard(handoff)
                working, interrupted = turn, handoff
            case e.TurnEnded(turn=turn, outcome=outcome):
                assert turn == working
                working = ""
                interrupted = interrupted if outcome == "interrupted" else ""
    assert answered == set()
    assert working == ""
