"""The real `factory` in a terminal of a machine without bwrap: what it says, what seats get, and who accepted it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from commands import DNA, SETTINGS, Desk, desk
from messages_server import MessagesServer, Reply, Script
from windows import FACTORY, Windows

HOME = {
    ".factory/factory.toml": SETTINGS.replace("{mode}", "flow").replace('"human"', '"anthropic_api"'),
    ".factory/memory/DNA.md": DNA,
    ".factory/memory/digests/.gitignore": "*\n!.gitignore\n",
}
WITHOUT = "bwrap --dev-bind / / --dev-bind /dev/null /usr/bin/bwrap"
"""Covered, for what is run in it alone; on the machine nothing is mounted."""
pytestmark = [pytest.mark.needs_tmux, pytest.mark.needs_bwrap]


def start(windows: Windows, place: Desk, *words: str) -> None:
    line = f"exec {WITHOUT} {FACTORY} {' '.join(words)}"
    windows.run("new-window", "-d", "-t", "t", "-n", "c", "-c", str(place.root), "sh", "-c", line)


def try_a_command(windows: Windows, place: Desk, *words: str) -> list[str]:
    """What the terminal showed: once the session had begun, and once the seat had asked its question."""
    start(windows, place, *words)
    shown = [windows.wait("c", "wall: none", "bwrap is not installed", *(["DEGRADED: no wall"] if words else []))]
    windows.until("c", "t", "a small task for the builder")
    windows.text("c", "Swap the operands")
    windows.keys("c", "Enter")
    told = ["DEGRADED: no wall"] if words else ["DENIED by boundary", "boundary wall: none", "wall none"]
    shown.append(windows.wait("c", "NEEDS YOU 1", "And now?", *told))
    windows.until("c", "q", "LEAVING")
    windows.until("c", "Enter", "digest: ")
    return shown


@pytest.mark.parametrize("accepted", [False, True])
async def test_seats_get_a_shell_only_where_it_was_accepted_and_it_is_said_wherever_one_looks(
    tmp_path: Path, accepted: bool
):
    place = desk(tmp_path, HOME)
    config = tmp_path / "config/factory"
    config.mkdir(parents=True)
    (config / "config.toml").write_text('[wall]\naccept = "DEGRADED"\n')
    model = Script(
        Reply(calls=[("run", {"command": "id -u > ran; echo it ran"})]),
        Reply(calls=[("escalate", {"question": "And now?"})]),
    )
    async with MessagesServer(model) as server:
        given = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "a-made-up-key"}
        windows = Windows(tmp_path, {**place.environment, **given})
        try:
            words = ("--accept-degraded",) if accepted else ()
            first, later = await asyncio.to_thread(try_a_command, windows, place, *words)
        finally:
            windows.close()
    told = "\n".join(text for request in server.requests for text, _ in request.results)
    (digest,) = (place.root / ".factory/memory/digests").glob("session-*.md")
    head = digest.read_text().split("Mode:")[0]
    as_root = os.geteuid() == 0
    if accepted:
        assert "it ran" in told
        assert "DEGRADED: no wall" in first
        assert "DEGRADED: no wall" in later.splitlines()[0]
        assert "DEGRADED: accepted by the supervisor, for this session, by supervisor:" in head
    else:
        assert "there is no wall" in told
        assert "it ran" not in told
        assert "wall none" in later.splitlines()[0]
        assert "bwrap is not installed" in first
        assert "DENIED by boundary" in later
        assert "boundary wall: none" in later
        assert "Wall: none." in head
    assert ("AS ROOT" in later.splitlines()[0], "The factory ran as root" in head) == (as_root, as_root)
