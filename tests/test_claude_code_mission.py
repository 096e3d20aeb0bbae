"""The whole demo mission with Claude Code in every seat, its model a script: it ends in the very same trees."""

from __future__ import annotations

from pathlib import Path

import pytest
from messages_server import MessagesServer
from real_git import git
from scripted_mind import Minded, ScriptedMind

from factory_tui.adapters.demo.mission import demo_script
from factory_tui.adapters.logins import Login, ProvenLogins
from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.seats.claude_code.command import PREFIX
from factory_tui.adapters.seats.claude_code.finding import find_program
from factory_tui.adapters.seats.claude_code.seat import ClaudeCodeSeat, Kit
from factory_tui.bootstrap import House, SeatTable, open_house, supervisor
from factory_tui.demo import Staged, _supervise, open_demo, stage
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.engine.ports import Seat

pytestmark = [pytest.mark.needs_claude, pytest.mark.needs_bwrap]
REAL = "the-real-credential-0123456789"


async def landed_by(house: House, staged: Staged) -> tuple[list[str], list[e.Event]]:
    """Author, message and every changed byte of each landed commit, and all events."""
    events: list[e.Event] = []
    house.factory.subscribe(lambda entry, state: events.append(entry.event))
    by = supervisor("script")
    await house.start(by, "flow")
    try:
        base, base_ref = await house.worktrees.head(), await house.worktrees.base_ref()
        house.factory.submit(c.StateMission(text=staged.supervisor.mission, base_ref=base_ref, base=base), by)
        await _supervise(house, staged.supervisor, by, lambda line: None)
    finally:
        await house.close("over", by)
    landings = [event.new for event in events if isinstance(event, e.Landed)]
    return [
        git(staged.root, "show", "--format=%an %B", "--patch", "--full-index", commit) for commit in landings
    ], events


async def test_the_demo_mission_ends_in_the_same_commits_as_the_rehearsal(tmp_path: Path):
    rehearsed = stage(str(tmp_path / "rehearsed"))
    expected, _ = await landed_by(open_demo(rehearsed), rehearsed)

    staged = stage(str(tmp_path / "claude"))
    reading = staged.ground.reading
    judging = frozenset(card.id for card in reading.charter.roles if card.judges) if reading.charter else frozenset()
    mind = ScriptedMind(demo_script(judging), PREFIX)
    async with MessagesServer(mind, key=REAL) as server:

        def made(house: list[House]) -> Seat:
            sandbox = house[0].sandbox
            kit = Kit(
                open=sandbox.open,
                contained=sandbox.is_wall,
                program=find_program({"PATH": ""}),
                login=Login(kind="key", base_url=server.url, credential=REAL),
                place=str(tmp_path / "seats"),
                proven=ProvenLogins(tmp_path / "logins.json"),
                now=house[0].clock.now,
                models=read_models({"XDG_CONFIG_HOME": "/nonexistent"}),
            )
            return Minded(ClaudeCodeSeat(kit), mind)

        houses: list[House] = []
        kinds = {"rehearsal": lambda: made(houses)}
        houses.append(open_house(staged.ground, seats=lambda charter: SeatTable(kinds, charter, "rehearsal")))
        landed, events = await landed_by(houses[0], staged)

    assert landed == expected
    assert len(landed) == 2
    turns = [event for event in events if isinstance(event, e.TurnStarted)]
    assert {(turn.seat, turn.control) for turn in turns} == {("claude_code", "supervised")}
    assert all(turn.facts is not None and turn.facts.contained for turn in turns)
    # Each turn had a conversation of its own, and what it cost is known.
    conversations = [event.conversation for event in events if isinstance(event, e.ConversationNoted)]
    assert len(set(conversations)) == len(turns)
    assert all(event.usd for event in events if isinstance(event, e.UsageNoted))
    assert not [event for event in events if isinstance(event, e.JobCrashed)]
    # The planner was not offered what its card forbids; that it tried is on record.
    denied = [event.tool for event in events if isinstance(event, e.ToolDenied)]
    assert f"{PREFIX}edit" in denied
