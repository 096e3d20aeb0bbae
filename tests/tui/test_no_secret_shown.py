"""Planted secrets in the real cockpit: a model that knows them says them in every encoding and by every way it has, and
afterwards they are found nowhere: not on the screen or what scrolled off it, not in anything that is kept."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from commands import DNA, SETTINGS, desk
from messages_server import ByText, MessagesServer, Reply, Script
from real_git import git
from windows import Windows

SECRETS = {
    "DEPLOY_TOKEN": "plum/Tree+42-in=the.garden",
    "ANTHROPIC_API_KEY": "a-made-up-key/with+signs=77",
    "DB_PASSWORD": "quiet:Owl%19&over~the_barn",
}
"""Made up, and in the environment that the factory is started with."""
HOME = {
    ".factory/factory.toml": SETTINGS.replace("{mode}", "flow").replace('"human"', '"anthropic_api"'),
    ".factory/memory/DNA.md": DNA,
    ".factory/memory/digests/.gitignore": "*\n!.gitignore\n",
}
pytestmark = [pytest.mark.needs_tmux, pytest.mark.needs_bwrap]


def encodings(value: str) -> tuple[str, ...]:
    """Plain, base64 at each of its three offsets, hex, percent, backwards."""
    data = value.encode()
    coded = [base64.b64encode(before + data + b"tail").decode() for before in (b"", b"x", b"xy")]
    return (value, *coded, data.hex(), quote(value, safe=""), value[::-1])


def cores(value: str) -> tuple[str, ...]:
    """What of each encoding belongs to the secret alone."""
    plain, *coded, by_hex, percent, backwards = encodings(value)
    ends = [-(-(4 * (before + len(value.encode()))) // 3) - 1 for before in range(3)]
    inner = [text[start:end] for text, start, end in zip(coded, (0, 2, 3), ends, strict=True)]
    return (plain, *inner, by_hex, percent, backwards)


FORMS = [form for value in SECRETS.values() for form in encodings(value)]
CORES = [form for value in SECRETS.values() for form in cores(value)]


def found_in(text: str) -> list[str]:
    """A terminal may have broken a line within one."""
    return [form for form in CORES if form in text or form in text.replace("\n", "")]


def telling(before: str = "") -> str:
    return before + "\n".join(f"it is {form} I think" for form in FORMS) + "\n"


def builder() -> Script:
    shell = "; ".join(f"echo '{form}'" for form in FORMS)
    return Script(
        Reply(text=telling("I know them all.\n"), thinking=telling(), calls=[("run", {"command": shell})], piece=7),
        Reply(calls=[("edit", {"path": "leak.py", "content": f'KEY = "{SECRETS["DEPLOY_TOKEN"]}"\n'})]),
        Reply(text="I bring it in.", calls=[("commit", {"message": "Bring it in"})]),
        Reply(calls=[("edit", {"path": "leak.py", "delete": True})]),
        Reply(calls=[("edit", {"path": "adder.py", "content": "def add(a, b):\n    return b + a\n"})]),
        Reply(calls=[("commit", {"message": telling("Swap\n\n")})]),
        Reply(text=telling("Done.\n"), calls=[("hand_over", {"note": telling("look\n")})], piece=11),
    )


def reviewer() -> Script:
    finding = {"title": f"it shows {FORMS[0]}", "severity": "note", "detail": telling(), "path": "adder.py"}
    report = {"checked": [f"ran {form}" for form in FORMS], "findings": [finding], "text": telling()}
    return Script(
        Reply(text=telling(), calls=[("run", {"command": "python3 -m unittest"})]), Reply(calls=[("report", report)])
    )


def kept(place: Path, root: Path, state: Path) -> Iterator[tuple[str, str]]:
    """Everything that the factory keeps or leaves."""
    for file in [*state.rglob("*"), *(root / ".factory").rglob("*"), *(place / "config").rglob("*")]:
        if file.is_file() and not file.is_symlink() and "/worktrees/" not in str(file):
            yield str(file), file.read_bytes().decode("utf-8", "replace")
    yield "commits", git(root, "log", "--all", "-p", "--format=%H%n%an%n%B")
    yield "notes", git(root, "for-each-ref") + git(root, "reflog", "--all")


class Looking:
    """Everything that the window ever held."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self.held: list[str] = []

    def screen(self) -> None:
        self.held.append(self.windows.run("capture-pane", "-p", "-J", "-S", "-", "-t", "t:c"))

    def room(self, key: str, *texts: str) -> None:
        """Goes there and reads it to its end."""
        self.held.append(self.windows.until("c", key, *texts))
        still = 0
        while still < 4 and len(self.held) < 500:
            self.windows.keys("c", "C-d")
            time.sleep(0.15)  # each screen is looked at, whatever it shows; a slow one gets some more time
            self.screen()
            still = still + 1 if self.held[-1] == self.held[-2] else 0

    def keys(self, *keys: str) -> None:
        self.windows.keys("c", *keys)


def play(windows: Windows, root: Path) -> str:
    """One small change, looked at in every room. Returns all that the terminal held."""
    windows.open("c", root)
    looking = Looking(windows)
    windows.wait("c", "the session has begun")
    windows.until("c", "t", "a small task for the builder")
    windows.text("c", "Swap the operands")
    windows.keys("c", "Enter")
    end = time.monotonic() + 90
    while "NEEDS YOU 1" not in windows.screen("c") and time.monotonic() < end:
        looking.screen()
        time.sleep(0.1)
    windows.wait("c", "NEEDS YOU 1", "LAND")
    looking.screen()
    rooms = {"o": "sha256", "gt": "TIMELINE", "ge": "the gate of", "gd": "Digest", "gs": "landed", "b": "brief of"}
    for key, text in rooms.items():
        looking.room(key, text)
        windows.until("c", "Escape", "TASKS")
    looking.room("z", "quality")
    windows.until("c", "q", "LEAVING")
    windows.until("c", "Enter", "digest: ")
    assert windows.is_gone("c")
    looking.screen()
    return "\n".join(looking.held)


async def test_a_secret_told_in_every_encoding_is_shown_and_kept_nowhere(tmp_path: Path):
    place = desk(tmp_path, HOME)
    async with MessagesServer(ByText({"You are the Builder": builder(), "You are the Quality": reviewer()})) as server:
        given = {**place.environment, **SECRETS, "ANTHROPIC_BASE_URL": server.url, "NO_PROXY": "127.0.0.1"}
        windows = Windows(tmp_path, given)
        try:
            shown = await asyncio.to_thread(play, windows, place.root)
        finally:
            windows.close()
    assert found_in(shown) == []
    held = dict(kept(place.place, place.root, place.place / "state"))
    assert {name: hit for name, text in held.items() if (hit := found_in(text))} == {}
    for name in SECRETS:
        assert f"[redacted: {name}]" in shown
        assert any(f"[redacted: {name}]" in text for path, text in held.items() if "/evidence/" in path)
    assert {"commits", "notes"} < set(held)
    assert any("/digests/session-" in path for path in held)
    told = "\n".join(text for request in server.requests for text, _ in request.results)
    assert "leak.py: line 1 holds a secret (DEPLOY_TOKEN" in told, "the commit was refused, and the line named"
    assert found_in(told) == []


def test_control_whoever_is_told_the_same_and_redacts_nothing_is_found_out() -> None:
    assert found_in(telling()) == CORES
