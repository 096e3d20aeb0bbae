"""An agent in a real factory: what it asks leave for is on record, and what it does by itself comes into no commit."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from acp_seats import acp_kit
from crew import make_crew, small_task

from factory_tui.adapters.seats.acp.seat import AcpSeat
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
