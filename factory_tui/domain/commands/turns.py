"""Wishes about a turn: its start and end, what its seat wants to do, and how it is steered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from factory_tui.domain.events import ActionOutcome, NoticeKind, Outcome
from factory_tui.domain.terms import Action, Evidence, FetchedPackages, SeatFacts, Sha256


@dataclass(frozen=True, kw_only=True)
class StartTurn:
    handoff: str
    seat: str
    facts: SeatFacts
    person: str
    brief: Sha256
    resumes: str = ""
    """The conversation that the seat is to take up; empty = a fresh one."""


@dataclass(frozen=True, kw_only=True)
class EndTurn:
    turn: str
    outcome: Outcome
    note: str = ""
    handed_on: Evidence | None = None
    """Its context is full: what a fresh turn is to be told."""
    cause: str = ""
    """What of the world it waits for, in words that are the same for everything that shares it; empty = nothing."""
    until: str = ""
    """UTC; empty = the world did not say how long."""


@dataclass(frozen=True, kw_only=True)
class SendMessage:
    """Words to a turn that runs; never an approval."""

    turn: str
    text: str
    evidence: Evidence
    """The text, stored."""


@dataclass(frozen=True, kw_only=True)
class HearMessages:
    """The seat is given what it was not told yet."""

    turn: str


@dataclass(frozen=True, kw_only=True)
class PauseTurn:
    """After the action under way, the next one waits."""

    turn: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ResumeTurn:
    turn: str


@dataclass(frozen=True, kw_only=True)
class InterruptTurn:
    """The turn ends now, its work is kept, and its task is held until the supervisor lets it go on."""

    turn: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class RetireTurn:
    """The turn ends for good; its task passes to another role or seat, or is parked when neither is named."""

    turn: str
    reason: str
    to: str = ""
    seat: str = ""


@dataclass(frozen=True, kw_only=True)
class ChooseSeat:
    task: str
    seat: str


@dataclass(frozen=True, kw_only=True)
class NoteUsage:
    turn: str
    usd: float | None
    tokens_in: int
    tokens_out: int
    tokens_cached: int = 0
    tokens_written: int = 0
    model: str = ""


@dataclass(frozen=True, kw_only=True)
class NoteSeat:
    """One line about the seat itself that the supervisor must see."""

    turn: str
    kind: NoticeKind
    text: str


@dataclass(frozen=True, kw_only=True)
class NoteConversation:
    """What the seat's own side calls this conversation, and which model answers in it."""

    turn: str
    conversation: str
    model: str = ""


@dataclass(frozen=True, kw_only=True)
class DenyTool:
    """The seat called what is no action at all, or could not be read as one."""

    turn: str
    tool: str
    reason: str
    sha256: Sha256
    """Of the call as it came."""


@dataclass(frozen=True, kw_only=True)
class RequestAction:
    turn: str
    action: Action
    sha256: Sha256
    """Of the whole action's canonical JSON."""
    text: Evidence | None = None
    """report, propose: the text, stored."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """What the world answered to the rules' questions."""


@dataclass(frozen=True, kw_only=True)
class EndAction:
    id: str
    result: ActionOutcome
    exit_code: int | None = None
    summary: str = ""
    evidence: Evidence | None = None
    breach: str = ""
    """The limit that it had passed when it was stopped."""


@dataclass(frozen=True, kw_only=True)
class RecordPackages:
    """What was brought in for an allowed `fetch package`."""

    turn: str
    action: str
    fetched: FetchedPackages


TurnsCommand = (
    StartTurn
    | EndTurn
    | SendMessage
    | HearMessages
    | PauseTurn
    | ResumeTurn
    | InterruptTurn
    | RetireTurn
    | ChooseSeat
    | NoteUsage
    | NoteSeat
    | NoteConversation
    | DenyTool
    | RequestAction
    | EndAction
    | RecordPackages
)
