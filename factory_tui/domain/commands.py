"""What somebody wants to become true. A command is a wish with everything needed to answer it; it is never stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from factory_tui.domain.charter import Charter
from factory_tui.domain.events import ActionOutcome, BriefInput, IncidentCause, Mode, NoticeKind, Outcome, RoleLimits
from factory_tui.domain.rules import Rule
from factory_tui.domain.staffing import Bounds, Budgets, Staffed
from factory_tui.domain.terms import (
    Action,
    Actor,
    Attested,
    Change,
    CheckRow,
    CommitId,
    Control,
    Evidence,
    FetchedPackages,
    Finding,
    SeatFacts,
    Sha256,
    TreeId,
    Verdict,
)


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
    mode: Mode


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
class StateMission:
    text: str
    base_ref: str
    base: CommitId
    target: str = ""
    """Full ref; empty = by the landing settings."""


@dataclass(frozen=True, kw_only=True)
class OpenSmallTask:
    """A change that needs no plan. No level of the gate is skipped for it."""

    text: str
    role: str
    base_ref: str
    base: CommitId
    criteria: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    target: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The supervisor's explicit answer to one waiting item."""

    id: str
    verb: str
    sha256: Sha256
    """Of the object that was shown; another object means another answer."""
    text: str = ""
    """Reason, reply, or the role, seat or finding that the verb is about."""
    brief: Evidence | None = None
    """edit: the new brief, stored."""
    edit: Evidence | None = None
    """edit: the difference."""
    expires: str = ""
    """approve a change: until when it may land."""


@dataclass(frozen=True, kw_only=True)
class RevokeGrant:
    grant: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class SealBrief:
    handoff: str
    brief: Evidence
    inputs: tuple[BriefInput, ...]


@dataclass(frozen=True, kw_only=True)
class RefuseBrief:
    handoff: str
    size: int = 0
    limit: int = 0
    largest: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ReleaseHandoff:
    """By the factory, in flow mode; the supervisor releases by an `Answer`."""

    handoff: str


@dataclass(frozen=True, kw_only=True)
class RecordWorktree:
    task: str
    name: str
    base: CommitId


@dataclass(frozen=True, kw_only=True)
class RecordKept:
    task: str
    name: str
    ref: str


@dataclass(frozen=True, kw_only=True)
class StartTurn:
    handoff: str
    seat: str
    facts: SeatFacts
    person: str
    brief: Sha256


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


@dataclass(frozen=True, kw_only=True)
class RecordPackages:
    """What was brought in for an allowed `fetch package`."""

    turn: str
    action: str
    fetched: FetchedPackages


@dataclass(frozen=True, kw_only=True)
class ImportTree:
    """What a worktree held when its author asked for a commit."""

    turn: str
    action: str
    tree: TreeId
    base: CommitId
    change: Change
    diff: Evidence
    message: str
    refused: tuple[str, ...] = ()
    newly_ignored: tuple[str, ...] = ()
    lock_files: tuple[str, ...] = ()
    """Changed lock files; each is an ask."""
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class JudgeSmoke:
    """Level 2 has an answer for one tree."""

    task: str
    tree: TreeId
    base: CommitId
    verdict: Verdict
    summary: str
    findings: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    tests_passed: int = 0
    tests_failed: int = 0
    tests_lost: tuple[str, ...] = ()
    base_total: int | None = None
    """Tests that passed or failed on the base; None = unknown."""
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RecordCommit:
    task: str
    tree: TreeId
    commit: CommitId


@dataclass(frozen=True, kw_only=True)
class CheckLanding:
    """What the target looks like now, for an approved change."""

    task: str
    onto: CommitId
    merged: TreeId = ""
    conflicts: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    """Paths that both the change and the moved base touched."""
    change: Change | None = None
    """The approved change, for the rules in force now."""
    smoke: Evidence | None = None


@dataclass(frozen=True, kw_only=True)
class RecordStatements:
    """Statements that were signed about a change which is cleared, the landing's own last."""

    task: str
    commit: CommitId
    statements: tuple[Attested, ...]


@dataclass(frozen=True, kw_only=True)
class IntendLanding:
    task: str
    ref: str
    old: CommitId
    new: CommitId
    checkout: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SettleLanding:
    task: str
    landed: bool
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Running:
    """What an environment says of itself."""

    known: bool
    """False: the status command failed, or said what is no commit of this repository."""
    commit: CommitId = ""
    """Empty = nothing runs there."""
    why_unknown: str = ""
    evidence: Evidence | None = None


@dataclass(frozen=True, kw_only=True)
class ProposeDeployment:
    """By a turn whose wish was allowed (`turn`, `action`), or by the supervisor."""

    environment: str
    commit: CommitId
    """Empty = the one that landed last."""
    base: CommitId
    """Where the base branch stands."""
    running: Running
    note: str = ""
    turn: str = ""
    action: str = ""


@dataclass(frozen=True, kw_only=True)
class RefuseDeployment:
    deployment: str
    reason: str
    evidence: Evidence | None = None


@dataclass(frozen=True, kw_only=True)
class IntendDeployment:
    """Everything was looked at once more: what runs there, the backup, the base, the gate."""

    deployment: str
    base: CommitId
    running: Running
    backup: str = ""
    """As its command named it."""
    backup_minutes: float = 0.0
    """Its age."""
    gate_closed: str = ""
    """What a third party who verifies the commit objects to."""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SettleDeployment:
    """The deploy command ended, or after a crash the world was asked."""

    deployment: str
    running: Running
    exit_code: int | None = None
    summary: str = ""
    evidence: tuple[Evidence, ...] = ()
    after_crash: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckDeployment:
    """Level 4 has answered; which verdict that makes is decided here."""

    deployment: str
    rows: tuple[CheckRow, ...]
    figures: Mapping[str, float] = field(default_factory=dict)
    evidence: Evidence | None = None
    seconds: float = 0.0
    missing: str = ""
    """Why the checks could not run at all."""


@dataclass(frozen=True, kw_only=True)
class OrderRollback:
    """The supervisor takes an environment's release back, by the way that was recorded."""

    environment: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class IntendRollback:
    deployment: str


@dataclass(frozen=True, kw_only=True)
class SettleRollback:
    deployment: str
    running: Running
    summary: str = ""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RegisterRelease:
    """The supervisor says that a landed commit was brought there by somebody else."""

    environment: str
    commit: CommitId
    running: Running
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class RecordDeploymentStatement:
    deployment: str
    statement: Attested


@dataclass(frozen=True, kw_only=True)
class RecordDeploymentKept:
    deployment: str
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Freeze:
    reason: str
    landings: bool = False


@dataclass(frozen=True, kw_only=True)
class Unfreeze:
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class OpenIncident:
    """Something went wrong, and somebody says so. By anyone but a seat."""

    title: str
    what: str = ""
    cause: IncidentCause = "supervisor"
    signature: str = ""
    task: str = ""
    level: int = 0
    evidence: tuple[int, ...] = ()
    repeats: str = ""
    """A settled incident that happened again, where a person can tell."""
    freeze: bool = True
    """Landings and deployments stop until somebody lets them go on."""


@dataclass(frozen=True, kw_only=True)
class FillIncident:
    """None leaves a field as it is."""

    incident: str
    what: str | None = None
    when: str | None = None
    cost: str | None = None
    root_cause: str | None = None
    level: int | None = None


@dataclass(frozen=True, kw_only=True)
class PickEvidence:
    incident: str
    add: tuple[int, ...] = ()
    remove: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DraftRule:
    """A rule's file that was read and stands its own cases."""

    incident: str
    rule: Rule
    path: str
    draft: Evidence
    proposal: str = ""


@dataclass(frozen=True, kw_only=True)
class RecordProof:
    """What the draft did on what is on record; the verdict is decided here."""

    incident: str
    draft: Sha256
    caught: tuple[int, ...]
    missed: tuple[int, ...]
    benign: int
    borne: int
    disturbed: tuple[int, ...]
    problems: tuple[str, ...]
    """What else speaks against it."""
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class RecordRuleWritten:
    incident: str
    path: str
    record: str


@dataclass(frozen=True, kw_only=True)
class CloseIncident:
    """Because no rule can exist; with one, adopting it closes the incident."""

    incident: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class NoteCrash:
    job: str
    task: str
    error: str


Command = (
    StartSession
    | EndSession
    | RecordDigest
    | ProposeCharter
    | AdoptCharter
    | SetMode
    | Pause
    | Unpause
    | PassTime
    | StateMission
    | OpenSmallTask
    | Answer
    | RevokeGrant
    | SealBrief
    | RefuseBrief
    | ReleaseHandoff
    | RecordWorktree
    | RecordKept
    | RecordLimits
    | LeaveUnseated
    | StartTurn
    | EndTurn
    | SendMessage
    | HearMessages
    | PauseTurn
    | ResumeTurn
    | InterruptTurn
    | RetireTurn
    | ChooseSeat
    | StaffCrew
    | SeatRole
    | RaiseBudget
    | TryWorld
    | NoteUsage
    | NoteSeat
    | NoteConversation
    | DenyTool
    | RequestAction
    | EndAction
    | RecordPackages
    | ImportTree
    | JudgeSmoke
    | RecordCommit
    | CheckLanding
    | RecordStatements
    | IntendLanding
    | SettleLanding
    | Freeze
    | Unfreeze
    | OpenIncident
    | FillIncident
    | PickEvidence
    | DraftRule
    | RecordProof
    | RecordRuleWritten
    | CloseIncident
    | ProposeDeployment
    | RefuseDeployment
    | IntendDeployment
    | SettleDeployment
    | CheckDeployment
    | OrderRollback
    | IntendRollback
    | SettleRollback
    | RegisterRelease
    | RecordDeploymentStatement
    | RecordDeploymentKept
    | NoteCrash
)


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A command, who gave it, and when."""

    command: Command
    by: Actor
    at: str
