"""A turn that was cut off, in a whole factory run by its own command: killed or left politely, it goes on where it was.

The model is a script behind a Messages server that outlives the factory; program, wall, ledger and git are real.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from commands import DNA, SETTINGS, Desk, Running, desk
from messages_server import MessagesServer, Reply, Request
from real_git import git
from test_claude_code import programs

from factory_tui.adapters.seats.claude_code.command import PREFIX

pytestmark = [pytest.mark.needs_claude, pytest.mark.needs_bwrap]
TASK = ("--task", "Add subtraction", "--to", "builder", "--mode", "flow")
ADDER = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n"
SEATS = {"claude_code": PREFIX, "anthropic_api": ""}
NEVER = "\0"
OWN_LOGIN = "sk-ant-oat01-the-persons-own-login"
"""In the files where Claude Code keeps a person's own."""
SLOW = "I begin with what is there. " * 400


@dataclass
class Mind:
    """Its builder is cut off as it is told; whoever comes next goes on by what stands in the conversation."""

    prefix: str
    cut: str
    """`speaking`, `acting`, `before a word`"""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    is_cut: bool = False

    def __call__(self, request: Request) -> Reply:
        if "# You are the Quality" in request.everything:
            if request.results:
                return self.call("report", {"checked": ["ran the tests"], "text": "looked"})
            return self.call("run", {"command": "python3 -m unittest"})
        if not self.is_cut:
            return self.until_cut(request)
        told = [text for text, _ in request.results]
        if "edit" not in self.done(request):
            return self.call("edit", {"path": "adder.py", "content": ADDER})
        if "commit" not in self.done(request):
            return self.call("commit", {"message": "Subtract"})
        assert told
        return self.call("hand_over", {"note": "done"})

    def until_cut(self, request: Request) -> Reply:
        if self.cut == "before a word":
            self.reached.set()
            return Reply(text="never", wait=600)
        if "edit" not in self.done(request):
            return self.call("edit", {"path": "adder.py", "content": ADDER})
        self.reached.set()
        if self.cut == "acting":
            return self.call("run", {"command": "echo begun > begun; sleep 500"})
        return Reply(text=SLOW, gap=0.05)

    def call(self, name: str, given: dict[str, object]) -> Reply:
        return Reply(calls=[(self.prefix + name, given)])

    def done(self, request: Request) -> set[str]:
        """What it was answered in this conversation."""
        names: dict[str, str] = {}
        done = set()
        for message in request.messages:
            for block in message["content"] if isinstance(message["content"], list) else []:
                if block.get("type") == "tool_use":
                    names[block["id"]] = block["name"].removeprefix(self.prefix)
                elif block.get("type") == "tool_result" and not block.get("is_error"):
                    done.add(names.get(block["tool_use_id"], ""))
        return done


@dataclass
class ModelDesk(Desk):
    """Somebody's terminal where a key is set, and a server of their own."""

    url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "ANTHROPIC_API_KEY": "a-key", "ANTHROPIC_BASE_URL": self.url}


@asynccontextmanager
async def table(tmp_path: Path, seat: str, cut: str) -> AsyncIterator[tuple[ModelDesk, Mind, MessagesServer]]:
    settings = SETTINGS.replace("{mode}", "flow").replace('default = "human"', f'default = "{seat}"')
    home = {".factory/factory.toml": settings, ".factory/memory/DNA.md": DNA}
    mind = Mind(SEATS[seat], cut)
    async with MessagesServer(mind, key="a-key") as server:
        made = desk(tmp_path, {**home, ".factory/memory/digests/.gitignore": "*\n!.gitignore\n"})
        (made.place / ".claude").mkdir()
        (made.place / ".claude" / ".credentials.json").write_text(
            json.dumps({"claudeAiOauth": {"accessToken": OWN_LOGIN, "expiresAt": 4_000_000_000_000}})
        )
        (made.place / ".claude.json").write_text(json.dumps({"primaryApiKey": OWN_LOGIN}))
        yield ModelDesk(root=made.root, place=made.place, url=server.url), mind, server


@pytest.mark.parametrize(
    ("seat", "cut", "how"),
    [
        ("claude_code", "speaking", signal.SIGKILL),
        ("claude_code", "acting", signal.SIGKILL),
        ("claude_code", "speaking", signal.SIGTERM),
        ("anthropic_api", "acting", signal.SIGKILL),
        ("anthropic_api", "speaking", signal.SIGTERM),
    ],
)
async def test_what_was_cut_off_goes_on_where_it_was_and_lands_once(
    tmp_path: Path, seat: str, cut: str, how: signal.Signals
) -> None:
    async with table(tmp_path, seat, cut) as (here, mind, server):
        with Running(here, "run", *TASK) as running:
            reading = asyncio.ensure_future(asyncio.to_thread(running.until, NEVER))
            async with asyncio.timeout(120):
                await mind.reached.wait()
                if cut == "speaking":
                    server.begun.clear()
                    await server.begun.wait()
                while cut == "acting" and not (here.worktree() / "begun").exists():
                    await asyncio.sleep(0.05)
            place = str(here.state_place)
            assert programs(place) or (seat, cut) == ("anthropic_api", "speaking"), "the control: something of it runs"
            running.process.send_signal(how)
            await asyncio.wait([reading])
            reading.exception()
            running.process.wait()
        async with asyncio.timeout(30):
            while programs(place):
                await asyncio.sleep(0.02)
        assert (here.worktree() / "adder.py").read_text() == ADDER, "what it did is kept"

        mind.is_cut, before = True, len(server.requests)
        is_polite = how == signal.SIGTERM
        if is_polite:
            here.read_digest()
        with Running(here, "resume") as running:
            for text, answer in (
                *(() if is_polite else (("ack D-1", "D-1 ack"),)),
                ("T-1 approve|", "T-1 approve"),
                ("T-1 landed: refs/heads/factory/T-1", "quit"),
            ):
                await asyncio.to_thread(running.until, text)
                running.type(answer)
            await asyncio.to_thread(running.until, "digest: ")
            assert await asyncio.to_thread(running.ended) in (0, 4)
        line = "goes on in the conversation of builder/b1, which was cut off"
        assert line in running.shown
        digest = here.factory("digest", code=0).out
        assert f"builder/b2 began on T-1, attempt 1, seat {seat}: {line}" in digest
        again = server.requests[before]
        assert "# You are the Builder" in again.everything, "its brief"
        assert "You were interrupted. Go on with your turn." in again.everything
        # A program that was killed may not have written down yet how its last call ended; it says so by itself.
        assert "edit" in mind.done(again) or "outcome is unknown" in again.everything, "and what it did there"
        events = [
            event
            for line in (here.state_place / "ledger.jsonl").read_text().splitlines()
            for event in json.loads(line)["body"].get("events", ())
        ]
        spoken = {event["turn"]: event["conversation"] for event in events if event["type"] == "conversation.noted"}
        assert spoken["builder/b1"] == spoken["builder/b2"] != spoken["quality/q1"]
        assert [event["type"] for event in events].count("landed") == 1
        assert git(here.root, "log", "--format=%s", "main..factory/T-1").split("\n") == ["Subtract"]
        assert programs(place) == []

        # The person's own login, in the home of whoever ran all this, went nowhere.
        files = [path for path in here.state_place.rglob("*") if path.is_file() and not path.is_symlink()]
        assert files
        assert not [path for path in files if OWN_LOGIN.encode() in path.read_bytes()]
        assert not [one for one in server.requests if OWN_LOGIN in json.dumps([one.headers, one.body])]
