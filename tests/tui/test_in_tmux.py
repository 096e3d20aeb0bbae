"""What the documentation says of tmux, in real tmux, by its own lines: the status line and the popup. And a session
that is left by keys while a turn works, and gone on with."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from at_terminal import plain
from commands import Desk, settled_desk
from test_terminals import ROOT, Terminal
from windows import FACTORY, LONGEST, Windows

from factory_tui.adapters.glance import codec
from factory_tui.adapters.ledger import Ledger
from factory_tui.domain import events as e

pytestmark = [pytest.mark.needs_tmux]


def documented() -> str:
    """The tmux settings of `docs/terminals.md`."""
    text = (ROOT / "docs" / "terminals.md").read_text()
    (found,) = re.findall(r"```\n(set -g status-interval.*?)```", text, re.S)
    return found


class Attached:
    """A tmux with the documented settings, its cockpit in the one window, and a terminal that is attached to it."""

    def __init__(self, desk: Desk) -> None:
        settings = desk.place / "tmux.conf"
        # The status line is looked at every second here, and is as long as what it has to say.
        settings.write_text(
            documented().replace("status-interval 5", "status-interval 1") + "set -g status-right-length 90\n"
        )
        self.tmux = ["tmux", "-S", str(desk.place / "socket"), "-f", str(settings)]
        path = f"{FACTORY.parent}:{os.environ['PATH']}"
        environment = {
            **desk.environment,
            "PATH": path,
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "SHELL": "/bin/sh",
        }
        words = [*self.tmux, "new-session", "-x", "120", "-y", "40", "-s", "t", "-c", str(desk.root), str(FACTORY)]
        self.terminal = Terminal(words, environment, desk.root)

    def wait(self, *texts: str, since: int = 0) -> str:
        """Until the terminal was sent every text; what tmux leaves out between words does not count."""
        end = time.monotonic() + LONGEST
        written = ""
        while time.monotonic() < end:
            self.terminal.read(0.05)
            written = plain(self.terminal.written[since:].decode("utf-8", "replace"))
            if all(text in written for text in texts):
                return written
        raise AssertionError(f"{texts} never came: {written[-3_000:]}")

    def screen(self) -> str:
        return subprocess.run([*self.tmux, "capture-pane", "-p", "-t", "t"], capture_output=True, text=True).stdout

    def close(self) -> None:
        subprocess.run([*self.tmux, "kill-server"], capture_output=True, check=False)
        self.terminal.close()


@pytest.fixture
def attached(tmp_path: Path) -> Iterator[Attached]:
    opened = Attached(settled_desk(tmp_path))
    try:
        yield opened
    finally:
        opened.close()


def test_the_documented_status_line_and_popup_show_what_waits(attached):
    attached.wait("no mission yet", "the session has begun")
    attached.terminal.keys(b"t")
    attached.wait("a small task")
    attached.terminal.keys(b"Let it subtract\r")
    attached.wait("NEEDS YOU 1", "HANDOFF")
    attached.wait("factory step", "1 for you")
    since = attached.terminal.keys(b"\x02F")  # the prefix, then the documented key
    attached.wait("1 thing for you", "factory inbox H-1", "Enter closes this", since=since)
    since = attached.terminal.keys(b"\r")
    attached.wait("o=open", since=since)  # the popup has given the screen back
    attached.terminal.keys(b"gn")
    attached.wait("needs you, oldest first", since=since)
    assert "needs you, oldest first" in attached.screen(), "the popup is closed, and the keys are the cockpit's again"


# --- left while a turn works -----------------------------------------------------------------------


def test_a_session_left_by_q_while_a_turn_works_says_what_is_kept_and_goes_on_next_time(tmp_path):
    environment = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    opened = Windows(tmp_path, environment)
    again = f"demo --keep {tmp_path}/demo --pace"
    try:
        opened.open("first", tmp_path, again, "1.0", "--mode", "flow")
        opened.wait("first", "ceo/c1", "1 at work")
        opened.until("first", "q", "LEAVING", "ceo/c1 on T-1 is interrupted; its worktree stays as it is")
        opened.wait("first", "no turn before you have read the digest", "the digest that will be written")
        opened.until("first", "Enter", "digest: /")
        assert opened.is_gone("first")
        opened.open("next", tmp_path, again, "0", "--mode", "flow")
        opened.wait("next", "BRIEFING", "Digest of session 1")
        assert "1 at work" not in opened.screen("next"), "no turn starts before the digest is read"
        opened.until("next", "A", "PLAN")
        (path,) = (tmp_path / "demo").rglob("ledger.jsonl")
        events = [entry.event for entry in Ledger.read(str(path), codec=codec()).entries]
        turns = [one for one in events if isinstance(one, e.TurnStarted) and one.task == "T-1"]
        ended = [one for one in events if isinstance(one, e.TurnEnded)]
        assert len(turns) == 2, "the same task, in a turn of its own"
        assert ended[0].outcome == "interrupted"
        assert sum(isinstance(one, e.MissionStated) for one in events) == 1
    finally:
        opened.close()
        for name in ("first", "next"):
            if (tmp_path / f"{name}.pid").exists():
                assert opened.is_gone(name)
