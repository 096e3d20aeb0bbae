"""Wishes about a whole session, its charter, its crew and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from factory_tui.domain.charter import Charter
from factory_tui.domain.events import Mode, RoleLimits
from factory_tui.domain.staffing import Bounds, Budgets, Staffed
from factory_tui.domain.terms import CommitId, Control, Evidence, Sha256


@dataclass(frozen=True, kw_only=True)
class StartSession:
    version: str
    wall: str
    mode: Mode
    base_ref: str
    base: CommitId
    charter: Charter
    """The home as committed on the base branch."""
    repaired: tuple[int, str] | None = None
    """Bytes of a torn tail that were cut, and where they are kept."""
    degraded: str = ""
    """Who accepts that there is no wall."""
    assurance: str = ""
    """How far the evidence made here can be trusted; empty = nothing is signed."""
    unsigned: str = ""
    """Why nothing is signed."""
    root: bool = False
    """The factory runs as root."""


@dataclass(frozen=True, kw_only=True)
class EndSession:
    reason: str


@dataclass(frozen=True, kw_only=True)
class RecordDigest:
    session: int
    path: str
    evidence: Evidence
    problem: str = ""
    """What the rules find missing in it."""


@dataclass(frozen=True, kw_only=True)
class ProposeCharter:
    """The home on disk, or as committed now, differs from the charter in force."""

    charter: Charter | None
    sha256: Sha256
    evidence: Evidence
    paths: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class AdoptCharter:
    """The supervisor adopts a proposed charter, shown to them as `sha256`."""

    proposal: str
    charter: Charter


@dataclass(frozen=True, kw_only=True)
class SetMode:
    mode: Mode | Literal[""]
    """Empty = a task goes by the session's again."""
    task: str = ""
    """Its own; empty = the session's."""


@dataclass(frozen=True, kw_only=True)
class Pause:
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Unpause:
    pass


@dataclass(frozen=True, kw_only=True)
class PassTime:
    now: str


@dataclass(frozen=True, kw_only=True)
class RecordLimits:
    """Each limit was tried, for seats held like `control`."""

    control: Control
    wall: str
    by_wall: tuple[str, ...] = ()
    roles: tuple[RoleLimits, ...] = ()
    matrix: Evidence | None = None


@dataclass(frozen=True, kw_only=True)
class LeaveUnseated:
    """A turn that is owed cannot begin: the seat is not there, or nothing proven would hold the role in it."""

    handoff: str
    seat: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class StaffCrew:
    crew: tuple[Staffed, ...]
    ceilings: Budgets
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SeatRole:
    """The supervisor gives a role another seat or model, for its next turns."""

    role: str
    seat: str


@dataclass(frozen=True, kw_only=True)
class RaiseBudget:
    scope: str
    by: Bounds
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class TryWorld:
    """What waits for the world tries again now."""

    wait: str


SessionsCommand = (
    StartSession
    | EndSession
    | RecordDigest
    | ProposeCharter
    | AdoptCharter
    | SetMode
    | Pause
    | Unpause
    | PassTime
    | RecordLimits
    | LeaveUnseated
    | StaffCrew
    | SeatRole
    | RaiseBudget
    | TryWorld
)
