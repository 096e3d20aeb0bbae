"""Every row of docs/faults.md, played in a factory over the real wire: its outcome, its one line, and nothing lost."""

from __future__ import annotations

import asyncio
import importlib
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from conformance import QUESTION
from crew import HOME, SUPERVISOR, make_crew, settled, small_task
from messages_server import MessagesServer, Reply, Script

from factory_tui.adapters.logins import Login, ProvenLogins
from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.seats.anthropic_api import AnthropicApiSeat, ApiSettings
from factory_tui.adapters.seats.claude_code.command import PREFIX
from factory_tui.adapters.seats.claude_code.finding import find_program
from factory_tui.adapters.seats.claude_code.kit import Kit
from factory_tui.adapters.seats.claude_code.seat import ClaudeCodeSeat
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.bootstrap.grounds import find_ground
from factory_tui.bootstrap.house import open_house
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.domain import events as e
from factory_tui.domain.waiting import waiting
from factory_tui.domain.wording import worded
from factory_tui.engine.seat_ports import Seat
from factory_tui.tui.chronicle import Chronicle

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"
MODELS = read_models({"XDG_CONFIG_HOME": "/nonexistent"})
EDIT = Reply(calls=[("edit", {"path": "new.txt", "content": "half done\n"})])
ASK = Reply(calls=[("escalate", {"question": QUESTION})])
WORDS = "Half a sentence that breaks"
HOUR = {"retry-after": "3600"}
WINDOW = {
    **HOUR,
    "anthropic-ratelimit-unified-status": "rejected",
    "anthropic-ratelimit-unified-reset": str(int(time.time()) + 3_600),
    "anthropic-ratelimit-unified-representative-claim": "five_hour",
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """After the model wrote one file: what its server does next, and what comes of it."""

    replies: tuple[Reply, ...]
    """Then the model asks its question, and the turn is over; the last one for ever if `for_ever`."""
    for_ever: bool = False
    outcome: str = "ok"
    """Of the turn, on record; `waiting` is an interrupted one whose task waits for the world."""
    line: str
    """Stands in its pane."""
    key: str = "a-key"
    login: str = "key"
    url: str = ""
    """Of another server; empty = ours."""
    most_requests: int = 20
    settings: dict[str, object] = field(default_factory=dict)


def fails(status: int, **more: object) -> Reply:
    return Reply(status=status, **more)  # type: ignore[arg-type]


def cut(how: str, *, all: bool = False) -> Reply:
    """`all`: plain answers as well, which Claude Code falls back to."""
    return Reply(text=WORDS, cut=how, after=1, cuts_all=all)


SHORT = {"silence_seconds": 0.5}
FAULTS: dict[str, Fault] = {
    "A1": Fault(replies=(fails(429, headers={"retry-after": "0"}),), line="! rate limit: rate limit: so it was"),
    "A2": Fault(replies=(fails(529), fails(529)), line="! retry: overloaded: so it was scripted (529): again in 2 s"),
    "A3": Fault(replies=(fails(529),), for_ever=True, outcome="waiting", line=": overloaded", most_requests=6),
    "A4": Fault(replies=(fails(429, headers=HOUR),), outcome="waiting", line=": rate limit", most_requests=2),
    "A5": Fault(replies=(fails(500),), for_ever=True, outcome="waiting", line=": the server failed", most_requests=6),
    "A6": Fault(replies=(), key="another", outcome="failed", line="set ANTHROPIC_API_KEY to a valid key"),
    "A7": Fault(replies=(fails(400),), outcome="failed", line="so it was scripted (400)", most_requests=2),
    "A8": Fault(replies=(), url="http://127.0.0.1:9", outcome="waiting", line=": the connection broke"),
    "A9": Fault(replies=(Reply(wait=600),), for_ever=True, outcome="stalled", line="silence", settings=SHORT),
    "A11": Fault(replies=(cut("reset"),), line="characters of the answer are void: again in"),
    "A12": Fault(replies=(cut("close"),), line="! retry: the connection broke"),
    "A13": Fault(replies=(cut("silent"),), line="! stall: silence: nothing came for too long", settings=SHORT),
    "A14": Fault(replies=(cut("silent"),), for_ever=True, outcome="stalled", line="! stall: silence", settings=SHORT),
    "A15": Fault(replies=(cut("end"),), line="the answer ended early, without saying why"),
    "A16": Fault(replies=(cut("end"),), for_ever=True, outcome="truncated", line="the answer ended early"),
    "A17": Fault(replies=(cut("overloaded_error"),), line="! retry: overloaded"),
    "A18": Fault(
        replies=(Reply(text="No.", stop="refusal"),), outcome="refused", line="turn ended: refused, the model"
    ),
    "C1": Fault(replies=(cut("reset"),), line="! retry: the connection broke: "),
    "C2": Fault(replies=(cut("close"),), line="! retry: the connection broke: "),
    "C3": Fault(replies=(cut("overloaded_error"),), line="! retry: overloaded: so it was scripted (529)"),
    "C4": Fault(replies=(fails(529),), line="! retry: overloaded (529): again in"),
    "C5": Fault(replies=(fails(529),), for_ever=True, outcome="waiting", line=": overloaded"),
    "C6": Fault(replies=(fails(429, headers=HOUR),), for_ever=True, outcome="waiting", line=": rate limit"),
    "C7": Fault(
        replies=(fails(429, headers=WINDOW),),
        for_ever=True,
        outcome="waiting",
        login="token",
        line="! rate limit: the window `five_hour` of this login is used up until",
    ),
    "C8": Fault(replies=(), key="another", login="token", outcome="failed", line="make a new one with `claude setup"),
    "C9": Fault(replies=(fails(400),), for_ever=True, outcome="failed", line="the model did not answer (400)"),
    "C10": Fault(replies=(cut("silent"),), line="! stall: the model's stream was cut", settings=SHORT),
    "C11": Fault(replies=(Reply(text="No.", stop="refusal"),), for_ever=True, outcome="refused", line="refused"),
    "C12": Fault(replies=(Reply(text="a", stop="max_tokens"),), for_ever=True, outcome="truncated", line="truncated"),
    "C15": Fault(replies=(cut("reset", all=True),), for_ever=True, outcome="waiting", line=": the connection broke"),
    "C16": Fault(replies=(cut("close", all=True),), for_ever=True, outcome="waiting", line=": the connection broke"),
    "C17": Fault(
        replies=(cut("overloaded_error", all=True),), for_ever=True, outcome="waiting", line="! retry: overloaded: "
    ),
    "C18": Fault(
        replies=(cut("silent", all=True),),
        for_ever=True,
        outcome="stalled",
        line="nothing came for 0.5 s",
        most_requests=3,
        settings=SHORT,
    ),
    "C19": Fault(
        replies=(Reply(wait=600),),
        for_ever=True,
        outcome="stalled",
        line="! stall: the model's stream was cut: nothing came for 1.5 s",
        most_requests=3,
        settings=SHORT,
    ),
    "C20": Fault(replies=(cut("end"),), line="! retry: the answer ended early, without saying why"),
    "C21": Fault(replies=(), url="http://127.0.0.1:9", outcome="waiting", line=": the connection broke"),
    "C22": Fault(
        replies=(cut("authentication_error", all=True),),
        for_ever=True,
        outcome="failed",
        line="the endpoint refused this seat's key (401)",
        most_requests=3,
    ),
}
ELSEWHERE = {
    "A10": "test_faults.test_without_a_key_the_seat_stays_empty_and_the_task_says_what_to_set",
    "A19": "test_conformance.test_an_interrupt_ends_it_in_time_and_nothing_is_done_afterwards",
    "C13": "test_claude_code.test_a_program_that_is_killed_fails_its_turn_and_says_so",
    "C14": "test_resuming.test_what_was_cut_off_goes_on_where_it_was_and_lands_once",
}
"""Rows that are no answer of a server, and the test that tries each."""


def test_every_row_of_the_document_is_tried_and_nothing_is_tried_that_it_does_not_tell() -> None:
    rows = re.findall(r"^\| ([AC][0-9]+) \|", DOCUMENT.read_text(), re.MULTILINE)
    assert len(rows) > 30
    assert sorted(rows) == sorted([*FAULTS, *ELSEWHERE])
    for name in ELSEWHERE.values():
        module, _, test = name.partition(".")
        assert callable(getattr(importlib.import_module(module), test)), name


@asynccontextmanager
async def seat_of(row: str, fault: Fault, place: Path) -> AsyncIterator[tuple[Seat, MessagesServer]]:
    prefix = PREFIX if row.startswith("C") else ""
    played = [EDIT, *fault.replies, *(() if fault.for_ever else (ASK,))]
    replies = [replace(one, calls=[(prefix + name, given) for name, given in one.calls]) for one in played]
    async with MessagesServer(Script(*replies, again=True), key=fault.key) as server:
        url = fault.url or server.url
        if not prefix:

            async def at_once(seconds: float) -> None:
                """Its patience is tried elsewhere."""

            settings = ApiSettings(models=MODELS, key="a-key", base_url=url, place=str(place), **fault.settings)  # type: ignore[arg-type]
            yield AnthropicApiSeat(settings, pause=at_once), server
            return
        kit = Kit(
            open=BwrapSandbox(look_around(find_bwrap(), [sys.base_prefix])).open,
            contained=True,
            program=find_program({"PATH": ""}),
            login=Login(kind=fault.login, base_url=url, credential="a-key"),  # type: ignore[arg-type]
            place=str(place),
            proven=ProvenLogins(place / "logins.json"),
            now=lambda: "2026-11-22T10:00:00.000Z",
            models=MODELS,
            retries=1,
            **fault.settings,  # type: ignore[arg-type]
        )
        yield ClaudeCodeSeat(kit), server


ROWS = [
    pytest.param(row, marks=[pytest.mark.needs_claude, pytest.mark.needs_bwrap] if row.startswith("C") else [])
    for row in FAULTS
]


@pytest.mark.parametrize("row", ROWS)
async def test_a_fault_has_its_outcome_and_one_clear_line_and_loses_nothing(tmp_path: Path, row: str) -> None:
    fault = FAULTS[row]
    async with seat_of(row, fault, tmp_path / "seat") as (seat, server):
        crew = make_crew(tmp_path, {})
        crew.seat = seat  # type: ignore[assignment]
        pane, seen = Chronicle(), []
        async with crew.session() as house:

            def look(entry, state) -> None:
                pane.tell(entry, state)
                seen.append(entry.event)

            house.factory.subscribe(look)
            await small_task(house, "Begin it")
            async with asyncio.timeout(40):
                await house.factory.until(lambda state: any(isinstance(one, e.TurnEnded) for one in seen))
            requests = len(server.requests)
            task = house.state.task("T-1")
            kept = Path(await house.worktrees.worktree_path("T-1")) / "new.txt"
            items = [(item.kind, item.title) for item in waiting(house.state)]
            first = next(one for one in seen if isinstance(one, e.TurnEnded))
            shown = pane.stories["builder/b1"].transcript
            shown.rewrap(2_000)
            while shown.drain():
                pass
            lines = shown.text().splitlines()
        assert first.outcome == ("interrupted" if fault.outcome == "waiting" else fault.outcome), first
        told = [line for line in lines if fault.line in line]
        assert told, lines
        assert all("\n" not in line and "Traceback" not in line for line in lines)
        troubles = [line for line in lines if line.strip().startswith(("! retry", "! stall", "! rate limit"))]
        assert len(set(troubles)) == len(troubles), "each is told once"
        if fault.outcome == "ok":
            assert len(troubles) == len(fault.replies), troubles
        assert "unknown" not in "".join(troubles)
        assert requests <= fault.most_requests
        if not fault.url and fault.key == "a-key":
            assert kept.read_text() == "half done\n", "its work"
            assert sum(isinstance(one, e.ActionAllowed) and one.action.kind == "edit" for one in seen) == 1
        assert task.attempt == 1
        if fault.outcome == "waiting":
            assert task.fruitless == 0
            ((kind, title),) = items
            assert (kind, "nothing is counted against them" in title) == ("world", True)
            assert "waiting for the world until" in title
        assert any(worded(one) for one in seen if isinstance(one, e.TurnEnded))


async def test_without_a_key_the_seat_stays_empty_and_the_task_says_what_to_set(tmp_path: Path) -> None:
    settings = HOME[".factory/factory.toml"].replace('default = "mind"', 'default = "anthropic_api"')
    crew = make_crew(tmp_path, {}, settings=settings)
    ground = find_ground(str(crew.root), crew.environment)
    house = open_house(ground, seats=lambda charter: SeatTable({}, charter))
    try:
        await house.start(SUPERVISOR)
        await small_task(house, "Begin it")
        (item,) = await settled(house)
        assert (item.kind, item.task) == ("stuck", "T-1")
        why = house.state.task("T-1").why
        assert "there is no key for the Anthropic API" in why
        assert "export ANTHROPIC_API_KEY" in why
        assert house.state.task("T-1").attempt == 1
    finally:
        await house.close("the test ended it", SUPERVISOR)
