"""One's own editor, on a real terminal, for more than a line: what came of it is shown before it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import Desk, settled_desk
from windows import Windows

from factory_tui.bootstrap.grounds import find_ground, look
from factory_tui.domain.state import State

pytestmark = [pytest.mark.needs_tmux]
EDITOR = """#!/bin/sh
test "$1" = --wait || exit 7
cp "$2" "$0.got"
stat -c %a "$(dirname "$2")" > "$0.modes"
test -e "$0.fails" && exit 3
printf '\\n- people see the \\033[31mhours\\n- nobody is called\\n' >> "$2"
"""


@contextmanager
def at_work(desk: Desk, editor: Path) -> Iterator[Windows]:
    opened = Windows(desk.place, {**desk.environment, "EDITOR": f"'{editor}' --wait", "VISUAL": ""})
    try:
        opened.open("w", desk.root)
        yield opened
    finally:
        opened.close()
        assert opened.is_gone("w")


def state_of(desk: Desk) -> State:
    return look(find_ground(str(desk.root), desk.environment))[0]


def an_editor(place: Path) -> Path:
    editor = place / "my editor"
    editor.write_text(EDITOR)
    editor.chmod(0o755)
    return editor


def once(opened: Windows, key: str, *texts: str) -> None:
    """A key that would mean something else on the screen that it leads to."""
    opened.keys("w", key)
    opened.wait("w", *texts)


def test_a_mission_is_stated_from_the_briefing_in_ones_own_editor(tmp_path):
    desk = settled_desk(tmp_path)
    desk.factory("run", "--task", "Say more", "--to", "builder", "--headless", code=4)
    desk.factory("answer", "H-1", "drop", "--text", "not now", code=0)
    editor = an_editor(tmp_path)
    with at_work(desk, editor) as opened:
        opened.wait("w", "BRIEFING", "Digest of session 1", "CHECKS 11 of 11")
        opened.until("w", "t", "a small task")
        opened.until("w", "Tab", "a mission: what shall be true")
        opened.text("w", "A page of hours")
        opened.until("w", "C-o", "write; Esc when it is done", "A page of hours")
        once(opened, "Escape", "what is sent")
        Path(f"{editor}.fails").touch()
        once(opened, "e", "ended with exit code 3; the text is as it was", "A page of hours")
        assert Path(f"{editor}.modes").read_text().strip() == "700", "somebody else could read it"
        Path(f"{editor}.fails").unlink()
        once(opened, "e", "what is sent", "nobody is called")
        assert state_of(desk).mission is None, "leaving the editor sends nothing"
        once(opened, "E", "BRIEFING", "the mission is on record")
        mission = state_of(desk).mission
        assert mission is not None
        assert mission.text.startswith("A page of hours\n- people see the ")
        assert mission.text.endswith("hours\n- nobody is called")
        assert "\x1b" not in mission.text
        assert not state_of(desk).turns, "no turn starts before the digest was acknowledged"
        opened.until("w", "A", "NEEDS YOU 1", "HANDOFF")


def test_a_comment_and_a_reason_are_written_in_ones_own_editor_and_approve_nothing(tmp_path):
    desk = settled_desk(tmp_path)
    editor = an_editor(tmp_path)
    with at_work(desk, editor) as opened:
        opened.wait("w", "Nothing waits for you", "the session has begun")
        opened.until("w", "t", "a small task")
        opened.text("w", "Let it subtract")
        opened.keys("w", "Enter")
        opened.wait("w", "NEEDS YOU 1", "HANDOFF")
        opened.until("w", "o", "HANDOFF", "sha256")
        opened.until("w", "C", "a form")
        opened.text("w", "What it must show")
        opened.until("w", "C-o", "write; Esc when it is done")
        once(opened, "Escape", "what is sent")
        once(opened, "e", "nobody is called")
        once(opened, "E", "HANDOFF", "noted as a finding of T-1")
        state = state_of(desk)
        assert not state.turns
        assert [task.stage for task in state.tasks.values()] == ["offered"]
        (finding,) = next(iter(state.tasks.values())).findings
        assert "nobody is called" in repr(finding)
