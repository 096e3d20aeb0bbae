"""The whole demo with Claude Code in every seat, its model a script: the same mission, the same trees."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from apart import share_nothing
from messages_server import MessagesServer
from rehearsed_model import RehearsedModel
from test_demo_on_a_model import mission

from factory_tui.adapters.demo.mission import demo_script
from factory_tui.adapters.logins import Login, ProvenLogins
from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.seats.claude_code.command import PREFIX
from factory_tui.adapters.seats.claude_code.finding import find_program
from factory_tui.adapters.seats.claude_code.kit import Kit
from factory_tui.adapters.seats.claude_code.seat import ClaudeCodeSeat
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.demo import stage
from factory_tui.domain import events as e

pytestmark = [pytest.mark.needs_claude, pytest.mark.needs_bwrap]


async def test_the_demo_played_by_claude_code_ends_in_the_same_trees(tmp_path: Path) -> None:
    rehearsed, _ = await mission(tmp_path / "rehearsed")
    charter = stage(str(tmp_path / "probe")).ground.reading.charter
    assert charter is not None
    model = RehearsedModel(demo_script(frozenset(card.id for card in charter.roles if card.judges)), charter, PREFIX)
    async with MessagesServer(model, key="a-key") as server:
        kit = Kit(
            open=BwrapSandbox(look_around(find_bwrap(), [sys.base_prefix])).open,
            contained=True,
            program=find_program({"PATH": ""}),
            login=Login(kind="key", base_url=server.url, credential="a-key"),
            place=str(tmp_path / "seats"),
            proven=ProvenLogins(tmp_path / "logins.json"),
            now=lambda: "2026-11-22T10:00:00.000Z",
            models=read_models({"XDG_CONFIG_HOME": "/nonexistent"}),
        )
        played, events = await mission(tmp_path / "played", lambda: ClaudeCodeSeat(kit))
    assert played == rehearsed
    assert len(played) > 3
    turns = [event for event in events if isinstance(event, e.TurnStarted)]
    assert {turn.control for turn in turns} == {"supervised"}
    assert all(turn.facts is not None and turn.facts.contained for turn in turns)
    conversations = {event.conversation for event in events if isinstance(event, e.ConversationNoted)}
    assert len(conversations) == len(turns), "no two turns share one"
    assert all(event.usd for event in events if isinstance(event, e.UsageNoted)), "each turn says what it cost"
    words = "I read the store, the service and the test of the list first."
    reviews = [request for request in server.requests if "# You are the Quality" in request.everything]
    assert reviews
    assert not any(words in request.everything for request in reviews), "no word of the author's reaches the judge"
    assert server.others == []
    assert share_nothing(server.requests) == len(turns), "author, reviewer and re-author each have a context alone"
    folders = {folder.name: folder for folder in (tmp_path / "seats").iterdir()}
    assert conversations <= set(folders), "a config directory for each"
    assert len(set(folders) - conversations) == 2, "and one for each trial of its limits: the adopted rule made another"
    for id, folder in folders.items():
        kept = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
        assert any(id.encode() in data for data in kept), "its transcript"
        assert not any(other.encode() in data for data in kept for other in conversations - {id})
