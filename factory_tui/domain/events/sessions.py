"""What happens to a whole session: its start and end, its charter, its crew, its limits, its waits."""

from __future__ import annotations

from typing import Literal

from factory_tui.domain.charter import Charter
from factory_tui.domain.staffing import NO_BOUNDS, Bounds, Budgets, Staffed
from factory_tui.domain.terms import CommitId, Control, Evidence, Record, Sha256

Mode = Literal["step", "flow"]


class SessionStarted(Record, frozen=True, kw_only=True, tag="session.started"):
    """A stretch of the ledger begins. Turns and actions that the last one left open end here, on record."""

    session: int
    version: str
    """Of the factory."""
    charter: Sha256
    wall: str
    mode: Mode
    base_ref: str
    base: CommitId
    degraded: str = ""
    """Who accepted, for this session, that seats run commands without a wall; empty = nobody had to."""
    recovered: bool = False
    """True: the session before did not end; its digest is owed."""
    assurance: str = ""
    """How far the evidence of this session can be trusted: `G0`, `G3`; empty = nothing is signed."""
    unsigned: str = ""
    """Why nothing is signed."""
    root: bool = False
    """The factory ran as root."""


class CharterAdopted(Record, frozen=True, kw_only=True, tag="charter.adopted"):
    """These roles, rules, settings and documents are in force, whole."""

    charter: Charter
    why: str


class CharterProposed(Record, frozen=True, kw_only=True, tag="charter.proposed"):
    """Files of the home differ from what is in force. In force only when the supervisor adopts them."""

    proposal: str
    """`R-1`"""
    charter: Sha256
    evidence: Evidence
    """The proposed charter, whole, as JSON."""
    paths: tuple[str, ...]
    problem: str = ""
    """Why it cannot be adopted as it is; empty = it can."""


class CharterDeclined(Record, frozen=True, kw_only=True, tag="charter.declined"):
    proposal: str
    reason: str


class ModeChanged(Record, frozen=True, kw_only=True, tag="mode.changed"):
    mode: Mode | Literal[""]
    """Empty = a task goes by the session's again."""
    task: str = ""
    """Whose own it is; empty = the session's."""


class Paused(Record, frozen=True, kw_only=True, tag="paused"):
    """No turn starts and no action is allowed until `Unpaused`."""

    reason: str


class Unpaused(Record, frozen=True, kw_only=True, tag="unpaused"):
    pass


class DigestWritten(Record, frozen=True, kw_only=True, tag="digest.written"):
    session: int
    path: str
    """Relative to the home."""
    evidence: Evidence


class SessionEnded(Record, frozen=True, kw_only=True, tag="session.ended"):
    session: int
    reason: str


class DigestAcknowledged(Record, frozen=True, kw_only=True, tag="digest.acknowledged"):
    session: int
    sha256: Sha256


class RedLimit(Record, frozen=True, kw_only=True):
    """A limit that did not hold when it was tried, or could not be tried."""

    limit: str
    layer: str
    """The one that should have refused: not offered, broker, wall, diff import."""
    detail: str
    fix: str


class RoleLimits(Record, frozen=True, kw_only=True):
    """The limits of one role, tried."""

    role: str
    tried: int
    red: tuple[RedLimit, ...] = ()


class LimitsProved(Record, frozen=True, kw_only=True, tag="limits.proved"):
    """Each limit was tried, for seats that are held like this, behind this wall. The newest one counts."""

    control: Control
    wall: str
    by_wall: tuple[str, ...] = ()
    """What was tried from inside the wall, whichever the role, and refused."""
    roles: tuple[RoleLimits, ...] = ()
    """Role by role; none = no seat held like this needs the proof."""
    matrix: Evidence | None = None
    """Every cell, as JSON."""


class CrewStaffed(Record, frozen=True, kw_only=True, tag="crew.staffed"):
    """What fills each role on this machine, by settings and by what is here; and what the user allows at most."""

    crew: tuple[Staffed, ...]
    ceilings: Budgets = Budgets()
    notes: tuple[str, ...] = ()
    """What the supervisor should know of it: which seat is missing, and the command that mends it."""


class RoleSeated(Record, frozen=True, kw_only=True, tag="role.seated"):
    """Chosen by the supervisor for the next turns of a role; what runs goes on."""

    role: str
    seat: str
    """`seat/model`, `seat` or `/model`; empty = by the settings again."""


class BudgetRaised(Record, frozen=True, kw_only=True, tag="budget.raised"):
    """By an amount, and for what it names: a day ends with the day, a session with the session."""

    scope: str
    """`turn:T-1`, `task:T-1`, `role:builder`, `session`, `day`"""
    by: Bounds = NO_BOUNDS
    reason: str = ""


class WorldAwaited(Record, frozen=True, kw_only=True, tag="world.awaited"):
    """A turn ended because of something that nobody here did: its task waits, and nothing is counted against it."""

    wait: str
    """`X-1`; the same for every turn that shares the cause."""
    cause: str
    task: str
    turn: str
    seat: str
    until: str
    """UTC, ISO 8601."""
    is_told: bool = True
    """False: the world did not say how long; it is the time of the next try."""


class WorldTried(Record, frozen=True, kw_only=True, tag="world.tried"):
    """The supervisor lets what waits try again before its time."""

    wait: str


class LedgerRepaired(Record, frozen=True, kw_only=True, tag="ledger.repaired"):
    """A torn tail was cut, or everything after a damage; the bytes are kept aside."""

    dropped_bytes: int
    saved_as: str
    damage: str = ""
    """Why what came after was not believed any more; empty = a tail that a crash tore."""


class TimePassed(Record, frozen=True, kw_only=True, tag="time.passed"):
    """The only thing that lets a time limit or an expiry come true. `now` is UTC, ISO 8601."""

    now: str


SessionsEvent = (
    SessionStarted
    | CharterAdopted
    | CharterProposed
    | CharterDeclined
    | ModeChanged
    | Paused
    | Unpaused
    | DigestWritten
    | SessionEnded
    | DigestAcknowledged
    | LimitsProved
    | CrewStaffed
    | RoleSeated
    | BudgetRaised
    | WorldAwaited
    | WorldTried
    | LedgerRepaired
    | TimePassed
)
