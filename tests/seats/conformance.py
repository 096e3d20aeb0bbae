"""Seats to be held against one suite: an entry each, that says how its mind is told what to do.

A few minds are enough to see a seat's contract: one that asks a question (and asks again when it was refused), one that
works for ever, one that cannot begin, and those that end otherwise. Which clause is seen on which seat is one table:
`CLAUSES` by `FIVE`, of which `NEVER` names each cell that a seat cannot have, and why.
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

Mind = Literal[
    "asks", "works for ever", "cannot begin", "refuses", "falls silent", "is cut short", "hands over nonsense"
]
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
    told: Callable[[], str] = lambda: ""
    """Everything that its mind was told until now."""


Entry = Callable[[Mind, Path], AbstractAsyncContextManager[Case]]
ENTRIES: dict[str, Entry] = {}
"""By the seat's kind."""


FIVE = ("acp", "anthropic_api", "claude_code", "human", "rehearsal")
CLAUSES = (
    "says what it is before anything is opened",
    "opens late",
    "takes the sealed brief",
    "shows progress",
    "brings its actions to the desk",
    "takes a refusal as an answer",
    "is interrupted at any time",
    "is interrupted twice and before it began",
    "is closed when idle",
    "ends ok",
    "ends interrupted",
    "ends refused",
    "ends failed",
    "ends over its budget",
    "ends stalled",
    "ends truncated",
    "asks twice again for what it cannot read",
    "leaves no process",
    "fills no role for contained seats when it is not contained",
    "is on record with what it declared and one end",
)
_PERSON = "a person is neither hurried nor cut off, and gives a task back in words"
_SCRIPT = "a script is read whole before it is played, and says what it does"
NEVER: dict[tuple[str, str], str] = {
    ("shows progress", "human"): "what a person does in their own tools is theirs until they hand it over",
    ("takes the sealed brief", "rehearsal"): "a script has no mind; which turn it plays by the brief is its own test",
    ("fills no role for contained seats when it is not contained", "human"): "a person is no program that a wall holds",
    ("ends refused", "human"): _PERSON,
    ("ends refused", "rehearsal"): _SCRIPT,
    ("ends stalled", "human"): _PERSON,
    ("ends stalled", "rehearsal"): _SCRIPT,
    ("ends truncated", "human"): _PERSON,
    ("ends truncated", "rehearsal"): _SCRIPT,
    ("asks twice again for what it cannot read", "human"): "a person is told what is wrong as often as it is wrong",
    ("asks twice again for what it cannot read", "rehearsal"): _SCRIPT,
}
"""Cells that a seat cannot have, and why. `test_conformance_matrix` sees to it that every other cell is tried."""
TRIED: set[tuple[str, str]] = set()


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
        yield Case(
            seat,
            untouched=lambda: not (place / "forms").exists(),
            role=role,
            told=lambda: _read(place, "forms/*/brief.md"),
        )
    finally:
        if person is not None:
            person.cancel()


def _read(place: Path, pattern: str) -> str:
    return "\n".join(path.read_text("utf-8") for path in place.glob(pattern))


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
    "refuses": (Reply(text="I would rather not.", stop="refusal"),) * 4,
    "falls silent": (Reply(text="Then nothing", cut="silent"),) * 9,
    "is cut short": (Reply(text="So much to say", stop="max_tokens"),) * 4,
    "hands over nonsense": (Reply(text="Here.", calls=[("escalate", {"nope": 1})]),) * 9,
}
"""What a model's server answers for each mind; for every seat that a model plays."""


@entry("anthropic_api")
@asynccontextmanager
async def anthropic_api(mind: Mind, place: Path) -> AsyncIterator[Case]:
    models = read_models({"XDG_CONFIG_HOME": "/nonexistent"})
    async with MessagesServer(Script(*MODEL_REPLIES[mind]), key="a-key") as server:
        settings = ApiSettings(models=models, key="a-key", base_url=server.url, silence_seconds=silence(mind))
        seat = AnthropicApiSeat(settings, pause=_at_once)
        yield Case(seat, untouched=lambda: not (server.requests or server.others), told=lambda: _everything(server))


def silence(mind: Mind) -> float:
    return 0.5 if mind == "falls silent" else 60.0


async def _at_once(seconds: float) -> None:
    await asyncio.sleep(0)


def _everything(server: MessagesServer) -> str:
    return "\n".join(request.everything for request in server.requests)


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
            silence_seconds=silence(mind),
        )
        yield Case(
            ClaudeCodeSeat(kit), untouched=lambda: not (place / "seats").exists(), told=lambda: _everything(server)
        )


ACP_MINDS: dict[Mind, tuple[str, ...]] = {
    "asks": ("--do", f'call {{"tool": "escalate", "arguments": {{"question": "{QUESTION}"}}}}'),
    "works for ever": ("--do", "never"),
    "cannot begin": ("no-session",),
    "refuses": ("--do", "stop refusal"),
    "falls silent": ("--do", "hang"),
    "is cut short": ("--do", "stop max_tokens"),
    "hands over nonsense": ("--do", 'call {"tool": "escalate", "arguments": {"nope": 1}}'),
}


@entry("acp")
@asynccontextmanager
async def acp(mind: Mind, place: Path) -> AsyncIterator[Case]:
    """A real agent over the real protocol, behind the real wall."""
    kit = acp_kit(place, *ACP_MINDS[mind], silence_seconds=silence(mind))
    yield Case(
        AcpSeat(kit), untouched=lambda: not Path(kit.place).exists(), told=lambda: _read(place, "seats/*/home/told")
    )


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
