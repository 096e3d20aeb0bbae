"""The supervisor steers a turn that runs, whatever fills the seat: it is paused before its next action, told something,
given another seat for the next turn, let go on, and interrupted; by the same commands that the pane's keys give."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from acp_seats import acp_kit
from crew import SUPERVISOR, MindSeat, answer, make_crew, small_task
from messages_server import MessagesServer, Reply, Script
from test_claude_code import programs

from factory_tui.adapters.logins import Login, ProvenLogins
from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.rehearsal_script import read_script
from factory_tui.adapters.seats.acp.seat import AcpSeat
from factory_tui.adapters.seats.anthropic_api import AnthropicApiSeat, ApiSettings
from factory_tui.adapters.seats.claude_code.command import PREFIX
from factory_tui.adapters.seats.claude_code.finding import find_program
from factory_tui.adapters.seats.claude_code.kit import Kit
from factory_tui.adapters.seats.claude_code.seat import ClaudeCodeSeat
from factory_tui.adapters.seats.rehearsal import RehearsalSeat
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.bootstrap.grounds import find_ground
from factory_tui.bootstrap.house import open_house
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.waiting import waiting
from factory_tui.engine.seat_ports import Desk, Seat, TurnBrief

MODELS = read_models({"XDG_CONFIG_HOME": "/nonexistent"})
WORDS = "keep the name as it is"
Looks = Callable[[Path], AbstractAsyncContextManager[Seat]]
"""A seat whose mind reads one file, and then works for ever."""


def replies(prefix: str) -> Script:
    return Script(
        Reply(calls=[(f"{prefix}read", {"path": "adder.py"})]), Reply(text="word " * 9_000, gap=0.05), again=True
    )


@asynccontextmanager
async def rehearsal(place: Path) -> AsyncIterator[Seat]:
    steps = "[{act: {kind: read, path: adder.py}}, {act: {kind: read, path: README.md}}, {say: a very long word}]"
    script = read_script("steered.yaml", f"turns:\n- role: builder\n  steps: {steps}\n", frozenset({"quality"}))
    yield RehearsalSeat(script, pace=600.0)


@asynccontextmanager
async def anthropic_api(place: Path) -> AsyncIterator[Seat]:
    async with MessagesServer(replies("")) as server:
        yield AnthropicApiSeat(ApiSettings(models=MODELS, key="a-key", base_url=server.url, place=str(place)))


@asynccontextmanager
async def claude_code(place: Path) -> AsyncIterator[Seat]:
    async with MessagesServer(replies(PREFIX)) as server:
        kit = Kit(
            open=BwrapSandbox(look_around(find_bwrap(), [sys.base_prefix])).open,
            contained=True,
            program=find_program({"PATH": ""}),
            login=Login(kind="key", base_url=server.url, credential="a-key"),
            place=str(place),
            proven=ProvenLogins(place / "logins.json"),
            now=lambda: "2026-11-22T10:00:00.000Z",
            models=MODELS,
        )
        yield ClaudeCodeSeat(kit)


@asynccontextmanager
async def acp(place: Path) -> AsyncIterator[Seat]:
    yield AcpSeat(acp_kit(place, "--do", 'call {"tool": "read", "arguments": {"path": "adder.py"}}'))


SEATS = [
    rehearsal,
    anthropic_api,
    pytest.param(claude_code, marks=[pytest.mark.needs_claude, pytest.mark.needs_bwrap]),
    pytest.param(acp, marks=[pytest.mark.needs_acp, pytest.mark.needs_bwrap]),
]


@pytest.mark.parametrize("seated", SEATS)
async def test_a_turn_is_paused_told_something_swapped_let_go_on_and_interrupted(tmp_path: Path, seated: Looks) -> None:
    others: list[TurnBrief] = []

    async def other(brief: TurnBrief, desk: Desk) -> None:
        others.append(brief)
        await asyncio.Event().wait()

    crew = make_crew(tmp_path, {})
    seen: list[object] = []
    async with seated(tmp_path / "seat") as seat:
        table = {"mind": lambda: seat, "other": lambda: MindSeat({"builder": other})}
        house = open_house(
            find_ground(str(crew.root), crew.environment), seats=lambda charter: SeatTable(table, charter)
        )
        order = house.factory.carried_out
        try:
            await house.start(SUPERVISOR, "flow")

            def look(entry, state) -> None:
                seen.append(entry.event)
                if isinstance(entry.event, e.TurnStarted) and entry.event.turn == "builder/b1":
                    pausing.append(asyncio.ensure_future(order(c.PauseTurn(turn="builder/b1"), SUPERVISOR)))

            pausing: list[asyncio.Future[object]] = []
            house.factory.subscribe(look)
            await small_task(house, "Add subtraction")
            async with asyncio.timeout(60):
                # Pause after this action: what it wants next waits, and is one item.
                await house.factory.until(lambda state: any(item.kind == "paused" for item in waiting(state)))
                kept = house.evidence.put(WORDS.encode(), "message")
                await order(c.SendMessage(turn="builder/b1", text=WORDS, evidence=kept), SUPERVISOR)
                await order(c.ChooseSeat(task="T-1", seat="other"), SUPERVISOR)
                assert not [one for one in seen if isinstance(one, e.ActionAllowed)]
                assert house.state.turns["builder/b1"].seat == "mind", "the one that runs keeps its seat"

                answer(house, "P-builder/b1", "resume")
                for kind in (e.ActionAllowed, e.MessagesHeard):
                    await house.factory.until(lambda state, kind=kind: any(isinstance(one, kind) for one in seen))

                await order(c.InterruptTurn(turn="builder/b1", reason="wrong way"), SUPERVISOR)
                await house.factory.until(lambda state: not state.turns)
                assert house.state.task("T-1").held == "builder/b1 was interrupted: wrong way"
                assert programs(str(tmp_path / "seat")) == []

                answer(house, "T-1", "unhold")
                while not others:
                    await asyncio.sleep(0.01)
            (brief,) = others
            assert WORDS in brief.text, "whoever goes on is told what was said"
            assert (brief.turn, brief.attempt, brief.resume) == ("builder/b2", 1, "")
            ended = [one for one in seen if isinstance(one, e.TurnEnded)]
            assert [one.outcome for one in ended] == ["interrupted"]
        finally:
            await house.close("the test ended it", SUPERVISOR)
