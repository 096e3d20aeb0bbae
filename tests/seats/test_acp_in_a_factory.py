"""An agent in a real factory: what it asks leave for is on record, and what it does by itself comes into no commit."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from acp_seats import acp_kit
from crew import Crew, make_crew, small_task
from messages_server import MessagesServer, Reply, Script

from factory_tui.adapters.agents import Agent, AgentEndpoint
from factory_tui.adapters.logins import Login
from factory_tui.adapters.seats.acp.seat import AcpSeat
from factory_tui.bootstrap.grounds import find_ground
from factory_tui.bootstrap.house import House, open_house
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.domain import events as e

pytestmark = [pytest.mark.needs_acp, pytest.mark.needs_bwrap]


def call(tool: str, **arguments: object) -> str:
    return "call " + json.dumps({"tool": tool, "arguments": arguments})


async def test_what_it_writes_by_itself_comes_into_no_commit_and_what_it_asks_for_is_on_record(tmp_path: Path) -> None:
    wishes = (
        "behind adder.py stolen = 1",
        "behind .factory/factory.toml x",
        "behind .git/hooks/pre-commit x",
        "write .factory/factory.toml x",
        "ask edit .factory/factory.toml",
        "ask other everything",
        "ask edit adder.py",
        "write adder.py def add(a, b): return a + b",
        call("commit", message="Say it shorter"),
        call("escalate", question="Is it short enough?"),
    )
    crew = make_crew(tmp_path, {})
    crew.seat = AcpSeat(acp_kit(tmp_path, "--do", "\n".join(wishes)))  # type: ignore[assignment]
    seen: list[object] = []
    async with crew.session() as house:
        house.factory.subscribe(lambda entry, state: seen.append(entry.event))
        await small_task(house, "Shorten")
        async with asyncio.timeout(90):
            await house.factory.until(lambda state: any(isinstance(event, e.TurnEnded) for event in seen))
        task = house.state.task("T-1")
        directory = await house.worktrees.worktree_path(task.worktree)
        assert Path(directory, "adder.py").read_text() == "def add(a, b): return a + b"
        assert not Path(directory, ".git").exists()
    denied = [event.action for event in seen if isinstance(event, e.ActionDenied)]
    assert [(action.kind, action.object) for action in denied] == [
        ("edit", ".factory/factory.toml"),
        ("edit", ".factory/factory.toml"),
    ]
    assert [event.tool for event in seen if isinstance(event, e.ToolDenied)] == ["permission: other"]
    ends = [event for event in seen if isinstance(event, e.ActionEnded)]
    assert [event.summary for event in ends if "its own tool" in event.summary] == ["permitted; its own tool does it"]


# --- one mission, each turn in a context of its own --------------------------------------------------


class Agents(Crew):
    """Every turn is an agent of its own, whose model answers by a script."""

    url = ""

    def house(self) -> House:
        variables = {"ANTHROPIC_BASE_URL": "${url}", "ANTHROPIC_API_KEY": "${stand_in}", "MODEL": "${model}"}
        agent = Agent(
            title="ours",
            command=("ours",),
            endpoint=AgentEndpoint(base_url=self.url, speaks="anthropic"),
            environment={**variables, "KEPT": "${home}"},
        )
        login = Login(kind="key", base_url=self.url, credential="a-key")
        kit = acp_kit(self.state_home, "--do", "model", agent=agent, login=login, model="claude-sonnet-5-5")
        ground = find_ground(str(self.root), self.environment)
        return open_house(ground, seats=lambda charter: SeatTable({"mind": lambda: AcpSeat(kit)}, charter))


def agents(tmp_path: Path, server: MessagesServer) -> Agents:
    plain = make_crew(tmp_path, {})
    made = Agents(root=plain.root, state_home=plain.state_home, seat=plain.seat)
    made.url = server.url
    return made


def blocks(words: str, *calls: dict[str, object]) -> Reply:
    return Reply(text=words + "".join(f"\n```factory\n{json.dumps(call)}\n```\n" for call in calls))


def work(words: str, text: str) -> Reply:
    edit = {"path": "adder.py", "content": f"def add(a, b):\n    {text}\n"}
    return blocks(
        words,
        {"tool": "edit", "arguments": edit},
        {"tool": "commit", "arguments": {"message": "Turn it round"}},
        {"tool": "hand_over", "arguments": {"note": words}},
    )


def review(words: str, *findings: dict[str, str]) -> Reply:
    given = {"checked": ["read the diff"], "findings": findings, "text": words}
    return blocks(words, {"tool": "report", "arguments": given})


async def test_author_reviewer_and_re_author_share_no_conversation_no_folder_and_no_words(tmp_path: Path) -> None:
    words = (
        "I was bored, so I turned it",
        "I trust nobody here at all",
        "I do as the list says now",
        "I see it is good",
    )
    script = Script(
        work(words[0], "return b + a"),
        review(words[1], {"severity": "blocks", "title": "The order matters"}),
        work(words[2], "return a + b  # in this order"),
        review(words[3]),
    )
    seen: list[object] = []
    async with MessagesServer(script, key="a-key") as server:
        crew = agents(tmp_path, server)
        async with crew.session() as house:
            house.factory.subscribe(lambda entry, state: seen.append(entry.event))
            await small_task(house, "Turn it round")
            async with asyncio.timeout(120):
                await house.factory.until(lambda state: state.task("T-1").stage in ("ready", "stuck"))
            assert house.state.task("T-1").stage == "ready", house.state.task("T-1").why
    started = [event.turn.partition("/")[0] for event in seen if isinstance(event, e.TurnStarted)]
    assert started == ["builder", "quality", "builder", "quality"]
    conversations = [event.conversation for event in seen if isinstance(event, e.ConversationNoted)]
    assert len(set(conversations)) == 4
    folders = [crew.state_home / "seats" / id for id in conversations]
    assert all(folder.is_dir() for folder in folders)
    told = [(folder / "home" / "told").read_text() for folder in folders]
    for number, own in enumerate(words):
        held = [one for one, text in enumerate(told) if own in text]
        # Nobody is told what another said; a reviewer's list reaches the next author as findings alone.
        assert held in ([], [number]), own
    assert "The order matters" in told[2]


async def test_a_turn_that_waits_for_the_world_is_one_item_and_counts_no_attempt(tmp_path: Path) -> None:
    """Its cause is in words that every seat shares, so turns of all kinds wait as one."""
    busy = Reply(status=429, headers={"retry-after": "3600"})
    async with (
        MessagesServer(Script(busy, again=True), key="a-key") as server,
        agents(tmp_path, server).session() as house,
    ):
        await small_task(house, "Turn it round")
        async with asyncio.timeout(60):
            await house.factory.until(lambda state: len(state.world) == 1 and not state.turns)
        (wait,) = house.state.world.values()
        assert wait.cause == f"{server.url.removeprefix('http://')}: rate limit"
        assert wait.until
        assert house.state.task("T-1").fruitless == 0
