"""A person and an agent on one task, in the real cockpit in a real terminal: taken over, given back, judged, on record.

The agent is a real one over the real protocol behind the real wall; the editor is a real program.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from acp_seats import AGENT
from commands import Desk, settled_desk
from windows import Windows

from factory_tui.bootstrap.grounds import find_ground, look
from factory_tui.domain import events as e

pytestmark = [pytest.mark.needs_tmux, pytest.mark.needs_acp, pytest.mark.needs_bwrap]

WORK = "say I am at work\nwrite agent.py first = 1\nsay it is written\nslow 100000"
EDITOR = """#!/bin/sh
if [ -d "$1" ]
then test -f "$1/agent.py" && echo "# Adder, by hand" > "$1/README.md"
else sed -i 's/^checked: .*/checked: [ran it by hand]/' "$1"
fi
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An agent of ours builds, a person does everything else; a task is released to the builder."""
    made = settled_desk(tmp_path, mode="flow")
    config = tmp_path / "config" / "factory"
    (config / "agents").mkdir(parents=True)
    (config / "config.toml").write_text('[seats.mine]\nkind = "acp"\nagent = "mine"\n')
    (config / "agents" / "mine.toml").write_text(
        f'title = "Mine"\ncommand = ["{sys.executable}", "-u", "{AGENT}", "--do", {WORK!r}]\n'.replace("'", '"')
        + f'readable = ["{sys.prefix}", "{AGENT}"]\ntools = "text"\n'
    )
    made.factory("run", "--task", "Say more", "--to", "builder", "--seat", "builder=human", "--headless", code=4)
    made.read_digest()
    settings = made.root / ".factory" / "factory.toml"
    settings.write_text(settings.read_text() + 'builder = "mine"\n')
    from real_git import git

    git(made.root, "commit", "-qam", "An agent builds")
    editor = tmp_path / "editor"
    editor.write_text(EDITOR)
    editor.chmod(0o755)
    return made


@pytest.fixture
def windows(desk: Desk) -> Iterator[Windows]:
    opened = Windows(desk.place, {**desk.environment, "EDITOR": str(desk.place / "editor"), "VISUAL": ""})
    yield opened
    opened.close()


def test_a_turn_is_taken_over_given_back_taken_again_and_its_review_is_not_independent(
    desk: Desk, windows: Windows
) -> None:
    windows.open("f", desk.root)
    windows.wait("f", "it is written")
    windows.until("f", "O", "take T-1 over", "(mine): why")
    windows.text("f", "I know this one")
    windows.keys("f", "Enter")
    windows.wait("f", "T-1 is yours, as builder")
    windows.wait("f", "[ ] Each criterion")
    windows.until("f", "e", "back from T-1")

    windows.until("f", "<", "give T-1 back to mine")
    windows.text("f", "it knows the rest")
    windows.keys("f", "Enter")
    windows.wait("f", "builder/b4 on T-1", "proven mine", "it is written")
    windows.until("f", "O", "take T-1 over", "(mine): why")
    windows.text("f", "it takes too long")
    windows.keys("f", "Enter")
    windows.wait("f", "T-1 is yours, as builder")
    windows.until("f", ">", "T-1 is yours, as quality")

    windows.until("f", "e", "back from T-1")
    windows.until("f", ">", "not independent")
    os.kill(windows.pid("f"), signal.SIGTERM)
    assert windows.is_gone("f")
    told = [entry.event for entry in look(find_ground(str(desk.root), desk.environment, claim=False))[1]]
    assert [one.reason for one in told if isinstance(one, e.TurnRetired)] == [
        "I know this one",
        "it knows the rest",
        "it takes too long",
    ]
