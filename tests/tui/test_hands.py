"""A person's own work from the cockpit, on a real terminal with a real editor; take-over and giving back, on record."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from chair import Chair, hint, press, screen_text, settled, write
from commands import Desk, settled_desk
from heart import SUPERVISOR, small_task

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.staffing import Budgets, Staffed


def seated() -> Chair:
    """A builder at work, its crew on record."""
    chair = Chair()
    chair.start_session()
    why = "factory.toml, [seats] default"
    crew = tuple(Staffed(role=card.id, seat="mind", why=why) for card in chair.state.law.roles)
    chair.do(c.StaffCrew(crew=crew, ceilings=Budgets()))
    small_task()(chair)
    chair.begin()
    return chair


async def test_a_turn_is_taken_over_with_a_reason_and_the_next_one_is_a_persons() -> None:
    chair = seated()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "O")
        assert "take T-1 over from builder/b1 (mind): why" in screen_text(app)
        await write(pilot, "I know this one")
        await press(pilot, "enter")
        retired = [entry.event for entry in chair.entries if isinstance(entry.event, e.TurnRetired)]
        assert [(one.turn, one.reason) for one in retired] == [("builder/b1", "I know this one")]
        assert chair.factory.state.task("T-1").seat == "human"


async def test_a_persons_turn_is_given_back_to_the_seat_of_the_settings() -> None:
    chair = seated()
    chair.do(c.EndTurn(turn="builder/b1", outcome="interrupted"))
    chair.do(c.ChooseSeat(task="T-1", seat="human"), SUPERVISOR)
    chair.start_turn(person="ada")
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "O")
        assert "is yours already" in hint(app)
        await press(pilot, "<")
        assert "give T-1 back to mind" in screen_text(app)
        await press(pilot, "enter")
        assert chair.factory.state.task("T-1").seat == "mind"


async def test_the_keys_of_ones_own_work_say_why_they_do_nothing() -> None:
    chair = seated()
    async with chair.cockpit() as (app, pilot):
        for key in ("e", "i", ">", "<"):
            await press(pilot, key)
            assert "no turn on T-1 is yours; O takes it over" in hint(app), key
        await settled(pilot)


def test_the_cockpit_steps_aside_for_a_real_editor_and_comes_back(tmp_path: Path) -> None:
    """On a real terminal: the editor gets the worktree, and the keys after it are the cockpit's again."""
    desk = settled_desk(tmp_path, mode="flow")
    desk.factory("run", "--task", "Say more", "--to", "builder", "--headless", code=4)
    desk.read_digest()
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "EDITOR HAS $1"\necho "# Adder, edited by hand" > "$1/README.md"\n')
    editor.chmod(0o755)
    with At(desk, EDITOR=str(editor)) as terminal:
        terminal.until("T-1 is yours")
        terminal.keys("e")
        terminal.until(f"EDITOR HAS {desk.worktree()}")
        terminal.until("back from T-1")
        terminal.keys(">")
        terminal.until("hand over T-1")
        terminal.keys("\r")
        terminal.until("is handed over")
        terminal.process.terminate()
        terminal.until("digest: ")
    assert "edited by hand" in desk.factory("status", "--json", code=0).out or (desk.worktree() / "README.md").exists()


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
        while text not in plain(self.shown[self._from :]):
            try:
                data = os.read(self._mine, 65_536)
            except OSError:
                data = b""
            assert data, f"it ended without showing {text!r}:\n{plain(self.shown)[-3000:]}"
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
