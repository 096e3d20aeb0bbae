"""Seats to be held against one suite: an entry each, that says how its mind is told what to do.

Three minds are enough to see a seat's contract, and each kind of seat can have them: one that asks a question (and
asks again when it was refused), one that works for ever, and one that cannot begin.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from acp_seats import acp_kit
from desks import LAW, RecordingDesk
from messages_server import MessagesServer, Reply, Script

from factory_tui.adapters.handovers import Handover, Handovers
from factory_tui.adapters.logins import Login, ProvenLogins
from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.rehearsal_script import read_script
from factory_tui.adapters.seats.acp.seat import AcpSeat
from factory_tui.adapters.seats.anthropic_api import AnthropicApiSeat, ApiSettings
from factory_tui.adapters.seats.claude_code.command import PREFIX
from factory_tui.adapters.seats.claude_code.finding import find_program
from factory_tui.adapters.seats.claude_code.kit import Kit
from factory_tui.adapters.seats.claude_code.seat import ClaudeCodeSeat
from factory_tui.adapters.seats.human import HumanSeat
from factory_tui.adapters.seats.rehearsal import RehearsalSeat
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.domain.errors import Refusal
from factory_tui.engine.seat_ports import Seat

Mind = Literal["asks", "works for ever", "cannot begin"]
QUESTION = "May the sum be negative?"


@dataclass
class Case:
    """A seat that is not opened yet, and what is known of it from outside."""

    seat: Seat
    untouched: Callable[[], bool] = lambda: True
    """Whether nothing has been connected or started for it."""
    beside: list[asyncio.Task[None]] = field(default_factory=list)
    """What acts beside it: a person."""
    role: str = "builder"


Entry = Callable[[Mind, Path], AbstractAsyncContextManager[Case]]
ENTRIES: dict[str, Entry] = {}
"""By the seat's kind."""


def entry(kind: str) -> Callable[[Entry], Entry]:
    """Puts a seat to the suite: `@entry("acp")` over an `asynccontextmanager` of (mind, tmp_path)."""

    def add(made: Entry) -> Entry:
        ENTRIES[kind] = made
        return made

    return add


# --- rehearsal -----------------------------------------------------------------------------------

_ASK = f"{{kind: escalate, text: {QUESTION!r}}}"
_SCRIPTS = {
    "asks": f"turns:\n- role: builder\n  steps:\n  - act: {_ASK}\n  - if: {{ok: false}}\n    then: [{{act: {_ASK}}}]\n",
    "works for ever": "turns:\n- role: builder\n  steps:\n  - say: a very long word after the other and more\n",
    "cannot begin": "turns:\n- role: quality\n  steps:\n  - say: not me\n",
}


@entry("rehearsal")
@asynccontextmanager
async def rehearsal(mind: Mind, place: Path) -> AsyncIterator[Case]:
    script = read_script("conformance.yaml", _SCRIPTS[mind], frozenset({"quality"}))
    yield Case(RehearsalSeat(script, pace=600.0 if mind == "works for ever" else 0.0))


# --- a person ------------------------------------------------------------------------------------


@entry("human")
@asynccontextmanager
async def human(mind: Mind, place: Path) -> AsyncIterator[Case]:
    handovers = Handovers()
    person = asyncio.create_task(_asking(handovers)) if mind == "asks" else None
    role = "devops" if mind == "cannot begin" else "builder"
    seat = HumanSeat(handovers, place / "forms", lambda text: None, lambda role: LAW.role(role).delivers)
    try:
        yield Case(seat, untouched=lambda: not (place / "forms").exists(), role=role)
    finally:
        if person is not None:
            person.cancel()


async def _asking(handovers: Handovers) -> None:
    """Hands over the question whenever the seat waits for it."""
    while True:
        for task in handovers.waiting:
            try:
                handovers.give(task, Handover(question=QUESTION))
            except Refusal:
                continue
        await asyncio.sleep(0.005)


# --- models --------------------------------------------------------------------------------------

QUESTIONS = (Reply(text="I must know.", calls=[("escalate", {"question": QUESTION})]),) * 2
MODEL_REPLIES: dict[Mind, tuple[Reply, ...]] = {
    "asks": QUESTIONS,
    "works for ever": (Reply(text="word " * 2_000, gap=0.02),),
    "cannot begin": (Reply(status=401, message="invalid key"),) * 20,
}
"""What a model's server answers for each mind; for every seat that a model plays."""


@entry("anthropic_api")
@asynccontextmanager
async def anthropic_api(mind: Mind, place: Path) -> AsyncIterator[Case]:
    models = read_models({"XDG_CONFIG_HOME": "/nonexistent"})
    async with MessagesServer(Script(*MODEL_REPLIES[mind]), key="a-key") as server:
        seat = AnthropicApiSeat(ApiSettings(models=models, key="a-key", base_url=server.url))
        yield Case(seat, untouched=lambda: not (server.requests or server.others))


@entry("claude_code")
@asynccontextmanager
async def claude_code(mind: Mind, place: Path) -> AsyncIterator[Case]:
    """The real program behind the real wall."""
    replies = [
        replace(reply, calls=[(f"{PREFIX}{name}", given) for name, given in reply.calls])
        for reply in MODEL_REPLIES[mind]
    ]
    async with MessagesServer(Script(*replies), key="a-key") as server:
        kit = Kit(
            open=BwrapSandbox(look_around(find_bwrap(), [sys.base_prefix])).open,
            contained=True,
            program=find_program({"PATH": ""}),
            login=Login(kind="key", base_url=server.url, credential="a-key"),
            place=str(place / "seats"),
            proven=ProvenLogins(place / "logins.json"),
            now=lambda: "2026-11-22T10:00:00.000Z",
            models=read_models({"XDG_CONFIG_HOME": "/nonexistent"}),
        )
        yield Case(ClaudeCodeSeat(kit), untouched=lambda: not (place / "seats").exists())


ACP_MINDS: dict[Mind, tuple[str, ...]] = {
    "asks": ("--do", f'call {{"tool": "escalate", "arguments": {{"question": "{QUESTION}"}}}}'),
    "works for ever": ("--do", "never"),
    "cannot begin": ("no-session",),
}


@entry("acp")
@asynccontextmanager
async def acp(mind: Mind, place: Path) -> AsyncIterator[Case]:
    """A real agent over the real protocol, behind the real wall."""
    kit = acp_kit(place, *ACP_MINDS[mind])
    yield Case(AcpSeat(kit), untouched=lambda: not Path(kit.place).exists())


NEEDS: dict[str, tuple[str, ...]] = {
    "claude_code": ("needs_claude", "needs_bwrap"),
    "acp": ("needs_acp", "needs_bwrap"),
}
"""Markers of the kinds that need something of the machine."""


async def at_work(desk: RecordingDesk, case: Case, turn: asyncio.Task[object]) -> None:
    """Returns once the seat has shown a sign of life."""
    async with asyncio.timeout(30):
        while not turn.done() and not desk.said and case.untouched():
            await asyncio.sleep(0.005)
