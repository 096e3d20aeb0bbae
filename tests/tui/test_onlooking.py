"""A second `factory` beside a running one only looks on: all is shown, nothing answered, nothing touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chair import BusyFloor, press, screen_text, settled
from commands import Desk, settled_desk
from windows import Windows

from factory_tui.domain.terms import Action
from factory_tui.domain.waiting import waiting
from factory_tui.tui.app import Cockpit
from factory_tui.tui.bindings import ACTS, Act
from factory_tui.tui.onlooking import OnlookerDoor
from factory_tui.tui.screens.card import Card


@contextmanager
def windows(desk: Desk) -> Iterator[Windows]:
    opened = Windows(desk.place, desk.environment)
    try:
        yield opened
    finally:
        opened.close()
        for name in ("first", "second"):
            if (desk.place / f"{name}.pid").exists():
                assert opened.is_gone(name)


def ledger(desk: Desk) -> Path:
    return desk.state_place / "ledger.jsonl"


def begun(desk: Desk, opened: Windows) -> None:
    """The first one runs, and a handoff waits in it; the second one looks on."""
    opened.open("first", desk.root)
    opened.wait("first", "STEP", "Nothing waits for you", "the session has begun")
    opened.until("first", "t", "a small task")
    opened.text("first", "Let it subtract")
    opened.keys("first", "Enter")
    opened.wait("first", "NEEDS YOU 1", "HANDOFF")
    opened.open("second", desk.root)
    opened.wait("second", "LOOKS ON", "NEEDS YOU 1", "HANDOFF", "holds the session")


def everything(desk: Desk) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in desk.state_place.rglob("*") if path.is_file()}


@pytest.mark.needs_tmux
def test_the_second_shows_all_answers_nothing_and_leaves_without_a_trace(tmp_path):
    desk = settled_desk(tmp_path)
    with windows(desk) as opened:
        begun(desk, opened)
        before = everything(desk)
        holder = f"pid {opened.pid('first')}"
        opened.until("second", "o", "HANDOFF", "sha256", "to be answered where the session is")
        opened.until("second", "A", "`A` approve: not now", "only looks on", holder)
        opened.until("second", "P", "`P` pause all: not now", "only looks on", holder)
        opened.until("second", "Escape", "TASKS 1", "LOOKS ON")
        opened.until("second", "A", "only looks on", holder)
        opened.keys("second", "g", "t")
        opened.wait("second", "LOOKS ON", "session 1 begins")
        opened.keys("second", "g", "d")
        opened.wait("second", "the digest as it would be written now", "Digest of session 1")
        opened.keys("second", "g", "f")
        assert everything(desk) == before, "looking changed something"
        opened.until("first", "o", "HANDOFF", "sha256")
        opened.until("first", "A", "you are the builder")
        opened.wait("second", "LOOKS ON", "YOUR WORK")
        opened.keys("second", "q")
        assert opened.is_gone("second")
        assert "Nothing waits" not in opened.screen("first")
        assert not opened.is_gone("first", 0.1)
        assert ledger(desk).read_text().count('"session.started"') == 1
        assert '"paused"' not in ledger(desk).read_text()


@pytest.mark.needs_tmux
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_when_the_first_has_ended_the_second_says_so_and_takes_over_on_one_key(tmp_path, how):
    desk = settled_desk(tmp_path)
    with windows(desk) as opened:
        begun(desk, opened)
        opened.until("second", "Y", "holds the session; once that has ended, Y takes over")
        os.kill(opened.pid("first"), how)
        opened.wait("second", "ENDED THERE, Y takes over", "Y takes over: it begins a session here")
        opened.until("second", "A", f"pid {opened.pid('first')}", "has ended; Y takes the session over")
        opened.until("second", "Y", "BRIEFING", "Digest of session 1")
        opened.until("second", "A", "NEEDS YOU 1", "HANDOFF")
        assert "LOOKS ON" not in opened.screen("second")
        assert ledger(desk).read_text().count('"session.started"') == 2


@contextmanager
def holding(desk: Desk, how: str) -> Iterator[subprocess.Popen[str]]:
    """Another process with the ledger's lock and no socket; its stdin says how far it goes."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("holder_child.py")), how],
        cwd=desk.root,
        env={**os.environ, **desk.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert told_by(child) == "held"
        yield child
    assert child.returncode == 0


def told_by(child: subprocess.Popen[str], word: str = "") -> str:
    """Its next line, once it was told this."""
    assert child.stdin is not None
    assert child.stdout is not None
    if word:
        child.stdin.write(f"{word}\n")
        child.stdin.flush()
    return child.stdout.readline().strip()


def let_go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.close()


@pytest.mark.needs_tmux
def test_one_opened_before_the_first_answers_at_its_socket_looks_on_and_follows_its_session(tmp_path):
    desk = settled_desk(tmp_path)
    with windows(desk) as opened, holding(desk, "house") as first:
        opened.open("second", desk.root)
        opened.wait("second", "LOOKS ON", f"pid {first.pid}", "holds the session", "CREW 0")
        before = ledger(desk).read_bytes()
        opened.until("second", "t", "only looks on", f"pid {first.pid}")
        assert ledger(desk).read_bytes() == before
        assert told_by(first, "begin") == "begun"
        opened.wait("second", "LOOKS ON", "CREW 15")
        let_go(first)
        opened.wait("second", "ENDED THERE, Y takes over")
        opened.until("second", "Y", "BRIEFING", "Digest of session 1")
        opened.until("second", "A", "STEP", "Nothing waits for you")
        assert ledger(desk).read_text().count('"session.started"') == 2


@pytest.mark.needs_tmux
def test_one_opened_before_the_first_has_written_a_byte_looks_on_and_takes_over_once_it_is_gone(tmp_path):
    desk = settled_desk(tmp_path)
    with windows(desk) as opened, holding(desk, "file") as first:
        opened.open("second", desk.root)
        opened.wait("second", "LOOKS ON", "another process holds the session")
        assert ledger(desk).read_bytes() == b""
        let_go(first)
        opened.wait("second", "ENDED THERE, Y takes over")
        opened.until("second", "Y", "STEP", "CREW 15")
        assert ledger(desk).read_text().count('"session.started"') == 1


# --- each key, on a pure factory -------------------------------------------------------------------


class Glass:
    """Satisfies `Window`: what a busy floor has on record, held by somebody as long as they live."""

    def __init__(self, chair: BusyFloor) -> None:
        self.chair, self.evidence, self.clock, self.place = chair, chair.store, chair, ""
        self.lives = True
        self.seen = 0
        self.damage = None

    @property
    def entries(self):
        return self.chair.entries

    def ledger(self):
        self.seen = len(self.chair.entries)
        return self

    def refresh(self):
        fresh, self.seen = self.chair.entries[self.seen :], len(self.chair.entries)
        return tuple(fresh)

    def holder(self) -> str:
        return "pid 77" if self.lives else ""

    def preview(self, request):
        return {"text": "# Digest"}


def looking(chair: BusyFloor) -> tuple[Cockpit, Glass]:
    glass = Glass(chair)
    return Cockpit(OnlookerDoor("adder", "pid 77", lambda: glass), arm_seconds=0.0), glass


CHANGES = [act for act in ACTS if act.is_change]


def test_there_are_keys_to_be_refused():
    assert {"answer.yes", "answer.no", "turn.message", "turn.pause", "task.new", "mode", "grant.revoke"} <= {
        act.id for act in CHANGES
    }


async def test_no_key_of_an_onlooker_changes_anything_and_each_says_who_holds_the_session():
    chair = BusyFloor()
    app, _ = looking(chair)
    async with app.run_test(size=(160, 40)) as pilot:
        while app.view is None:
            await pilot.pause(0)
        await settled(pilot)
        before = len(chair.entries)
        for id in [item.id for item in waiting(app.state)]:
            app.open_item(id)
            await settled(pilot)
            assert isinstance(app.screen, Card)
            for act in CHANGES:
                await refused(app, pilot, act)
            await press(pilot, "escape")
        for act in CHANGES:
            await refused(app, pilot, act)
        assert len(chair.entries) == before


async def refused(app: Cockpit, pilot, act: Act) -> None:
    room = app.room
    assert room is not None
    room.perform(act)
    await settled(pilot)
    assert app.room is room, act.id
    assert not room.is_typing, act.id
    assert "pid 77" in app.message[0], (act.id, app.message)
    app.quiet()


async def test_what_is_written_elsewhere_is_shown_and_its_end_as_well():
    chair = BusyFloor()
    app, glass = looking(chair)
    async with app.run_test(size=(160, 40)) as pilot:
        while app.view is None:
            await pilot.pause(0)
        await settled(pilot)
        assert " LOOKS ON " in screen_text(app)
        chair.wish(Action(kind="escalate", text="which one?"), "T-3")
        while not any(item.kind == "question" for item in waiting(app.state)):
            await pilot.pause(0.01)
        glass.lives = False
        while app.door.elsewhere is not None and not app.door.elsewhere.has_ended:
            await pilot.pause(0.01)
        await settled(pilot)
        assert "ENDED THERE, Y takes over" in screen_text(app)
        await press(pilot, "Y")
    assert app.takes_over
