"""Kill -9 of the real `factory` while an agent's program and a walled command of it run; what recovery leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from acp_seats import AGENT
from commands import DNA, SETTINGS, Desk, desk
from messages_server import MessagesServer, Reply, Script
from play import running_with
from real_git import git

from factory_tui.adapters.seats.claude_code.command import PREFIX

FACTORY = Path(sys.executable).with_name("factory")
TASK = ("run", "--task", "Swap the operands", "--to", "builder", "--headless", "--mode", "flow")
FINISH = """
turns:
  - role: builder
    steps:
      - act: {kind: edit, path: adder.py, content: "def add(a, b):\\n    return b + a\\n"}
      - act: {kind: commit, text: Swap}
      - if: {ok: true}
        then: [{act: {kind: hand_over, text: done}}]
        else: [{act: {kind: escalate, text: why?}}]
  - role: quality
    steps:
      - act: {kind: run, command: python3 -m unittest}
      - if: {exit_code: 0}
        then: [{act: {kind: report, checked: [ran the tests], text: looked}}]
        else: [{act: {kind: escalate, text: red}}]
"""
pytestmark = [pytest.mark.needs_bwrap]


def at(tmp_path: Path, seat: str) -> Desk:
    settings = SETTINGS.replace("{mode}", "flow").replace('"human"', f'"{seat}"')
    quiet = {".factory/memory/digests/.gitignore": "*\n!.gitignore\n"}
    found = desk(tmp_path, {".factory/factory.toml": settings, ".factory/memory/DNA.md": DNA, **quiet})
    git(found.root, "config", "core.hooksPath", "/dev/null")
    return found


def own_config(place: Desk, name: str, text: str) -> None:
    """A file of the user's own."""
    path = place.place / "config/factory" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    for one in (place.place / "config", place.place / "config/factory", path.parent, path):
        one.chmod(0o700 if one.is_dir() else 0o600)


def command_of(mark: str) -> str:
    """A daemon and a command that never ends; both carry the mark."""
    return f"setsid sh -c 'sleep 600; : {mark}' & echo on > begun; sleep 600; : {mark}"


@asynccontextmanager
async def by_an_acp_agent(tmp_path: Path, mark: str) -> AsyncIterator[tuple[Desk, dict[str, str]]]:
    place = at(tmp_path, "ours")
    script = f"DO:\\nown {mark}\\nrun {command_of(mark)}"
    words = ", ".join(f'"{word}"' for word in (sys.executable, "-u", AGENT, "--do", script.removeprefix("DO:\\n")))
    agent = f'title = "ours"\ncommand = [{words}]\nreadable = ["{sys.prefix}", "{AGENT}"]\ntools = "text"\n'
    own_config(place, "agents/ours.toml", agent)
    own_config(place, "config.toml", '[seats.ours]\nkind = "acp"\nagent = "ours"\n')
    yield place, {}


@asynccontextmanager
async def by_a_model(
    tmp_path: Path, mark: str, seat: str, prefix: str = ""
) -> AsyncIterator[tuple[Desk, dict[str, str]]]:
    place = at(tmp_path, seat)
    model = Script(Reply(text="I wait.", calls=[(f"{prefix}run", {"command": command_of(mark)})]), again=True)
    async with MessagesServer(model) as server:
        yield place, {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "a-made-up-key"}


by_claude_code = partial(by_a_model, seat="claude_code", prefix=PREFIX)
by_the_api = partial(by_a_model, seat="anthropic_api")


def in_state_place(place: Desk) -> list[int]:
    """Processes whose words name it: walls and seats of this factory."""
    return running_with(str(place.place / "state"))


@pytest.mark.parametrize(
    ("seats", "walls"),
    [
        pytest.param(by_an_acp_agent, 2, marks=pytest.mark.needs_acp, id="acp"),
        pytest.param(by_claude_code, 2, marks=pytest.mark.needs_claude, id="claude_code"),
        # Its loop is the factory's own: only its command has a wall.
        pytest.param(by_the_api, 1, id="anthropic_api"),
    ],
)
async def test_nothing_is_left_of_agents_and_commands_and_recovery_leaves_the_finished_task_kept_first(
    tmp_path: Path, seats: Callable[..., AsyncIterator[tuple[Desk, dict[str, str]]]], walls: int
):
    mark = f"killed-{tmp_path.name}-{os.getpid()}"
    mounts = Path("/proc/self/mounts").read_text()
    async with seats(tmp_path, mark) as (place, given):
        log = (tmp_path / "said").open("wb")
        factory = subprocess.Popen(
            [FACTORY, *TASK],
            cwd=place.root,
            env={**place.environment, **given},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()
        try:
            async with asyncio.timeout(60):
                # The daemon and the command, beside whatever runs around them.
                while not list((place.place / "state").glob("factory/*/worktrees/open/T-1/begun")):
                    assert factory.poll() is None, (tmp_path / "said").read_text()
                    await asyncio.sleep(0.05)
            assert len(running_with(mark)) >= 2
            assert len(in_state_place(place)) >= walls, "the seat's own wall, and its command's"
        finally:
            factory.send_signal(signal.SIGKILL)
            factory.wait()
        async with asyncio.timeout(30):
            while running_with(mark) or in_state_place(place):
                await asyncio.sleep(0.02)
    assert Path("/proc/self/mounts").read_text() == mounts
    recovers(place)
    assert Path("/proc/self/mounts").read_text() == mounts


def recovers(place: Desk) -> None:
    """The next sessions bring the task to its end; what the dead one had begun is kept, and then gone."""
    script = place.place / "finish.yaml"
    script.write_text(FINISH)
    go_on = ("resume", "--headless", "--seat", "default=rehearsal", "--script", str(script))
    place.factory(*go_on, code=4)
    place.read_digest()
    place.factory(*go_on, code=4)
    (change,) = [id for id, item in place.waiting().items() if item["kind"] == "change"]
    place.factory("answer", change, "approve", code=0)
    place.read_digest()
    over = place.factory(*go_on, code=0)
    assert "landed" in over.out, over
    assert "refs/factory/kept/T-1" in git(place.root, "for-each-ref", "--format=%(refname)")
    state = place.state_place
    assert list((state / "worktrees").glob("open/*")) == []
    locks = [*place.root.glob(".git/**/*.lock"), *state.rglob("index.lock")]
    assert locks == []
