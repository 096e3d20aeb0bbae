"""Everything that can have happened. A closed union; each name is for ever, because old ledgers are read for ever.

An event says what is true now, never what should be done: what follows is `agenda`'s business.
"""

from __future__ import annotations

from typing import Literal

from factory_tui.domain.charter import Charter
from factory_tui.domain.staffing import NO_BOUNDS, Bounds, Budgets, Staffed
from factory_tui.domain.terms import (
    Action,
    Attested,
    CheckRow,
    CommitId,
    Control,
    DeployPlan,
    Evidence,
    FetchedPackages,
    Finding,
    FindingAnswer,
    PlannedTask,
    Record,
    RuleMatch,
    Ruling,
    SeatFacts,
    Sha256,
    TreeId,
    Verdict,
)

Delivers = Literal["plan", "change", "review", "report", "deployment"]
Mode = Literal["step", "flow"]
ActionOutcome = Literal["ok", "error", "killed", "in doubt"]
Outcome = Literal["ok", "interrupted", "refused", "failed", "budget", "stalled", "truncated"]
NoticeKind = Literal["retry", "rate limit", "fallback", "stall", "waiting", "note"]
"""What a seat may tell of itself; `waiting` is for the world, not for the supervisor."""


# --- sessions ------------------------------------------------------------------------------------


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
    mode: Mode


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
    """A torn tail was cut; its bytes are kept aside."""

    dropped_bytes: int
    saved_as: str


class TimePassed(Record, frozen=True, kw_only=True, tag="time.passed"):
    """The only thing that lets a time limit or an expiry come true. `now` is UTC, ISO 8601."""

    now: str


# --- missions and tasks --------------------------------------------------------------------------


class MissionStated(Record, frozen=True, kw_only=True, tag="mission.stated"):
    mission: str
    """`M-1`"""
    text: str
    base_ref: str
    base: CommitId
    target: str
    """The full ref that landings move."""
    small: bool = False
    """One task stated by the supervisor, without a plan."""


class MissionEnded(Record, frozen=True, kw_only=True, tag="mission.ended"):
    mission: str
    outcome: str


class TaskOpened(Record, frozen=True, kw_only=True, tag="task.opened"):
    task: str
    """`T-1`"""
    mission: str
    role: str
    delivers: Delivers
    title: str
    goal: str
    criteria: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()


class PlanProposed(Record, frozen=True, kw_only=True, tag="plan.proposed"):
    plan: str
    """`PL-1`"""
    task: str
    """The planning task."""
    turn: str
    tasks: tuple[PlannedTask, ...]
    reasoning: str


class PlanApproved(Record, frozen=True, kw_only=True, tag="plan.approved"):
    plan: str
    sha256: Sha256


class PlanRejected(Record, frozen=True, kw_only=True, tag="plan.rejected"):
    plan: str
    reason: str


class HandoffOffered(Record, frozen=True, kw_only=True, tag="handoff.offered"):
    """A task wants to pass to a role."""

    handoff: str
    """`H-1`"""
    task: str
    to: str
    purpose: Literal["author", "review"]
    sent_by: str
    """Turn id, `supervisor`, or `factory`."""
    reason: str
    attempt: int = 1
    """Of the author; a review keeps the author's number."""
    handed_on: Evidence | None = None
    """How the turn before stood, whose context was full: told to this one."""


class BriefSealed(Record, frozen=True, kw_only=True, tag="brief.sealed"):
    """All that the seat will be told, fixed."""

    handoff: str
    brief: Evidence
    inputs: tuple[BriefInput, ...]
    edited: bool = False
    """By the supervisor; `edit` is the difference."""
    edit: Evidence | None = None


class BriefInput(Record, frozen=True, kw_only=True):
    """One thing a brief holds whole."""

    kind: str
    """card, dna, rules, knowledge, digest, task, findings, packages, diff, question, handed on"""
    name: str
    sha256: Sha256
    size: int
    """Bytes."""
    lines: int = 0
    """Of it that stand in the brief."""


class BriefRefused(Record, frozen=True, kw_only=True, tag="brief.refused"):
    handoff: str
    size: int
    limit: int
    largest: str
    reason: str = ""


class HandoffReleased(Record, frozen=True, kw_only=True, tag="handoff.released"):
    handoff: str
    brief: Sha256


class HandoffRedirected(Record, frozen=True, kw_only=True, tag="handoff.redirected"):
    handoff: str
    to: str
    reason: str


class HandoffRejected(Record, frozen=True, kw_only=True, tag="handoff.rejected"):
    handoff: str
    reason: str


class TaskHeld(Record, frozen=True, kw_only=True, tag="task.held"):
    task: str
    reason: str


class TaskUnheld(Record, frozen=True, kw_only=True, tag="task.unheld"):
    task: str


class TaskStuck(Record, frozen=True, kw_only=True, tag="task.stuck"):
    """Only the supervisor gets it going again: re-plan, split, swap seat, take over, drop."""

    task: str
    reason: str


class TaskRetried(Record, frozen=True, kw_only=True, tag="task.retried"):
    """The supervisor lets a stuck task start again, with what changed."""

    task: str
    how: Literal["retry", "replan", "swap", "take over"]
    seat: str = ""
    goal: str = ""
    criteria: tuple[str, ...] = ()
    reason: str = ""


class TaskSplit(Record, frozen=True, kw_only=True, tag="task.split"):
    """It ends, and its parts take its place wherever another task waits for it."""

    task: str
    into: tuple[str, ...]


class TaskDropped(Record, frozen=True, kw_only=True, tag="task.dropped"):
    task: str
    reason: str


class TaskDone(Record, frozen=True, kw_only=True, tag="task.done"):
    """A task that delivers no change has delivered."""

    task: str
    evidence: Evidence | None = None


# --- turns and actions ---------------------------------------------------------------------------


class WorktreeOpened(Record, frozen=True, kw_only=True, tag="worktree.opened"):
    task: str
    name: str
    base: CommitId


class WorktreeKept(Record, frozen=True, kw_only=True, tag="worktree.kept"):
    """The whole tree is under `ref`; the directory is gone."""

    task: str
    name: str
    ref: str


class TurnStarted(Record, frozen=True, kw_only=True, tag="turn.started"):
    turn: str
    """`builder/b2`"""
    task: str
    handoff: str
    role: str
    attempt: int
    seat: str
    control: Control
    person: str = ""
    """For a human seat: the operating system's user."""
    brief: Sha256
    wall: str
    facts: SeatFacts | None = None
    """What the seat declared; None = it was not asked yet, in a ledger of before."""


class TurnEnded(Record, frozen=True, kw_only=True, tag="turn.ended"):
    turn: str
    outcome: Outcome
    note: str = ""
    brief: Sha256 = ""
    """What the turn was told, once more: a statement about its work names it after the turn is gone."""
    handed_on: Evidence | None = None
    """Its context was full: what it left for the fresh turn that goes on."""


class MessageSent(Record, frozen=True, kw_only=True, tag="message.sent"):
    """Words of the supervisor to a turn that runs. They approve nothing."""

    message: str
    """`W-1`"""
    turn: str
    task: str
    text: str
    evidence: Evidence
    """The same text, kept: a verdict names it when its reviewer was told it."""


class MessagesHeard(Record, frozen=True, kw_only=True, tag="messages.heard"):
    """They were given to the seat; each is, once."""

    turn: str
    messages: tuple[str, ...]


class TurnPaused(Record, frozen=True, kw_only=True, tag="turn.paused"):
    """What it is doing ends; its next action waits for `TurnResumed`."""

    turn: str
    reason: str


class TurnResumed(Record, frozen=True, kw_only=True, tag="turn.resumed"):
    turn: str


class TurnRetired(Record, frozen=True, kw_only=True, tag="turn.retired"):
    """It is interrupted for good. Its task goes to another role or seat, or is parked until the supervisor says."""

    turn: str
    reason: str
    to: str = ""
    """A role; empty = the same."""
    parks: bool = False


class SeatChosen(Record, frozen=True, kw_only=True, tag="seat.chosen"):
    """For the next turns of the task; what runs goes on."""

    task: str
    seat: str
    """Empty = by the home's settings again."""


class UsageNoted(Record, frozen=True, kw_only=True, tag="usage.noted"):
    """What a turn has used so far, in all; `usd` None = unknown, never guessed."""

    turn: str
    usd: float | None
    tokens_in: int
    """Read fresh: neither from the cache nor into it."""
    tokens_out: int
    tokens_cached: int = 0
    """Read from the cache."""
    tokens_written: int = 0
    """Read and written into the cache."""
    model: str = ""


class SeatNoticed(Record, frozen=True, kw_only=True, tag="seat.noticed"):
    """One line about the seat itself: that it waits and tries again, falls back, is silent."""

    turn: str
    kind: NoticeKind
    text: str


class ConversationNoted(Record, frozen=True, kw_only=True, tag="conversation.noted"):
    """What the seat's own side calls this conversation; never shared between turns of different handoffs."""

    turn: str
    conversation: str
    model: str = ""


class ToolDenied(Record, frozen=True, kw_only=True, tag="tool.denied"):
    """A call that is no action of the vocabulary, or could not be read as one. Nothing was done."""

    turn: str
    tool: str
    reason: str
    sha256: Sha256
    """Of the call as it came."""


class ActionAllowed(Record, frozen=True, kw_only=True, tag="action.allowed"):
    id: str
    """`A-12`"""
    turn: str
    action: Action
    """Long texts are replaced by their sha256; `sha256` is of the whole."""
    sha256: Sha256
    ruling: Ruling
    grant: str = ""


class ActionAsked(Record, frozen=True, kw_only=True, tag="action.asked"):
    id: str
    turn: str
    action: Action
    sha256: Sha256
    ruling: Ruling


class ActionDenied(Record, frozen=True, kw_only=True, tag="action.denied"):
    id: str
    turn: str
    action: Action
    sha256: Sha256
    ruling: Ruling


class AskAnswered(Record, frozen=True, kw_only=True, tag="ask.answered"):
    id: str
    allowed: bool
    reason: str = ""


class ActionEdited(Record, frozen=True, kw_only=True, tag="action.edited"):
    """The supervisor changed a command before it ran. It is another action, with a sha256 of its own."""

    id: str
    """Of the ask."""
    turn: str
    was: str
    """The command that was asked for."""
    action: Action
    sha256: Sha256


class NoticeRaised(Record, frozen=True, kw_only=True, tag="notice.raised"):
    """Something the supervisor should know, once; it stops nobody."""

    notice: str
    """`N-1`"""
    kind: Literal["denials", "haste"]
    title: str
    text: str
    task: str = ""


class NoticeSettled(Record, frozen=True, kw_only=True, tag="notice.settled"):
    notice: str


class GrantGiven(Record, frozen=True, kw_only=True, tag="grant.given"):
    grant: str
    """`G-1`"""
    role: str
    kind: str
    object: str
    task: str = ""
    """empty = the whole session"""
    once: bool = True
    tree: TreeId = ""
    """For a rule's ask about a change: exactly this tree."""
    rules: tuple[str, ...] = ()
    """For a rule's ask about a change: the rules it settles."""
    sha256: Sha256 = ""
    """Of the one action it allows; empty = every action of that kind on that object."""


class GrantRevoked(Record, frozen=True, kw_only=True, tag="grant.revoked"):
    grant: str
    reason: str


class ActionEnded(Record, frozen=True, kw_only=True, tag="action.ended"):
    """Every allowed action ends in exactly one of these."""

    id: str
    result: ActionOutcome
    exit_code: int | None = None
    summary: str = ""
    evidence: Evidence | None = None


class PackageFetched(Record, frozen=True, kw_only=True, tag="package.fetched"):
    """Packages came in from outside, for one task alone. Nothing of them ran on the way."""

    task: str
    turn: str
    action: str
    fetched: FetchedPackages


class Reported(Record, frozen=True, kw_only=True, tag="reported"):
    """A role that delivers a report delivered it."""

    task: str
    turn: str
    evidence: Evidence


class ProposalEndorsed(Record, frozen=True, kw_only=True, tag="proposal.endorsed"):
    """By a role that may approve such a document; the supervisor still adopts it."""

    proposal: str
    role: str
    turn: str


class Escalated(Record, frozen=True, kw_only=True, tag="escalated"):
    question: str
    """`E-1`"""
    task: str
    turn: str
    text: str


class QuestionAnswered(Record, frozen=True, kw_only=True, tag="question.answered"):
    question: str
    text: str


class ProposalMade(Record, frozen=True, kw_only=True, tag="proposal.made"):
    """A seat proposes a new text of a document of the home."""

    proposal: str
    """`R-1`"""
    task: str
    turn: str
    path: str
    evidence: Evidence


class ProposalSettled(Record, frozen=True, kw_only=True, tag="proposal.settled"):
    proposal: str
    accepted: bool
    reason: str = ""


# --- the gate ------------------------------------------------------------------------------------


class TreeImported(Record, frozen=True, kw_only=True, tag="tree.imported"):
    """A worktree's content became a tree, within path policy and rules; level 2 is owed to exactly this tree."""

    task: str
    turn: str
    action: str
    tree: TreeId
    base: CommitId
    paths: tuple[str, ...]
    added: int
    removed: int
    diff: Evidence
    message: str
    author: str
    newly_ignored: tuple[str, ...] = ()
    asks: tuple[RuleMatch, ...] = ()
    """What rules ask about this change; the supervisor settles it with the approval, at the latest."""


class TreeRefused(Record, frozen=True, kw_only=True, tag="tree.refused"):
    task: str
    turn: str
    action: str
    matches: tuple[RuleMatch, ...]


class LevelJudged(Record, frozen=True, kw_only=True, tag="level.judged"):
    """A verdict belongs to one tree; another tree has passed nothing."""

    task: str
    level: int
    verdict: Verdict
    summary: str
    tree: TreeId = ""
    commit: CommitId = ""
    base: CommitId = ""
    findings: tuple[Finding, ...] = ()
    answers: tuple[FindingAnswer, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    charter: Sha256 = ""
    turn: str = ""
    """The reviewing turn, level 3."""
    independent: bool = True
    """False: author and reviewer are one person; such a verdict is never PASS."""
    tests_passed: int = 0
    tests_lost: tuple[str, ...] = ()


class Committed(Record, frozen=True, kw_only=True, tag="committed"):
    task: str
    commit: CommitId
    tree: TreeId
    base: CommitId


class HandedOver(Record, frozen=True, kw_only=True, tag="handed.over"):
    """The author says it is finished, with this commit."""

    task: str
    turn: str
    commit: CommitId
    note: str = ""


class FindingDismissed(Record, frozen=True, kw_only=True, tag="finding.dismissed"):
    task: str
    finding: str
    reason: str


class FindingAdded(Record, frozen=True, kw_only=True, tag="finding.added"):
    """By the supervisor: a comment is a finding."""

    task: str
    finding: Finding


class IndependenceWaived(Record, frozen=True, kw_only=True, tag="independence.waived"):
    """The recorded exception without which a change judged by its own author never lands."""

    task: str
    commit: CommitId
    reason: str


class ChangeApproved(Record, frozen=True, kw_only=True, tag="change.approved"):
    approval: str
    """`C-1`"""
    task: str
    commit: CommitId
    tree: TreeId
    base: CommitId
    charter: Sha256
    sha256: Sha256
    """Of the exact object that was answered."""
    expires: str
    by: str = ""
    """Who gave it, as the envelope said; in the statement that a third party reads."""


class ChangeRejected(Record, frozen=True, kw_only=True, tag="change.rejected"):
    task: str
    reason: str


class ApprovalStale(Record, frozen=True, kw_only=True, tag="approval.stale"):
    task: str
    approval: str
    reason: str
    redo: Literal["approve", "review", "author"]
    """What must happen again: a new approval, a new review, or the author's work on the new base."""


class TreeMerged(Record, frozen=True, kw_only=True, tag="tree.merged"):
    """The approved change on a base that moved: conflict-free, disjoint, within the rules; level 2 is owed."""

    task: str
    tree: TreeId
    onto: CommitId


class LandingCleared(Record, frozen=True, kw_only=True, tag="landing.cleared"):
    task: str
    approval: str
    tree: TreeId
    onto: CommitId


class StatementsSigned(Record, frozen=True, kw_only=True, tag="statements.signed"):
    """What was judged and answered about a change, signed for third parties; the landing's own statement is the last.

    Recorded before it is kept in git's notes, so that a crash in between signs nothing twice."""

    task: str
    commit: CommitId
    """That will land."""
    statements: tuple[Attested, ...]


class LandingIntended(Record, frozen=True, kw_only=True, tag="landing.intended"):
    task: str
    ref: str
    old: CommitId
    new: CommitId
    checkout: str = ""
    paths: tuple[str, ...] = ()


class Landed(Record, frozen=True, kw_only=True, tag="landed"):
    task: str
    ref: str
    old: CommitId
    new: CommitId
    tree: TreeId


class LandingRefused(Record, frozen=True, kw_only=True, tag="landing.refused"):
    task: str
    reason: str


# --- deployments ---------------------------------------------------------------------------------

SettledAs = Literal["done", "failed", "in doubt"]


class DeploymentProposed(Record, frozen=True, kw_only=True, tag="deployment.proposed"):
    """Somebody wants one landed commit in one environment. Nothing runs before somebody else approved it."""

    deployment: str
    """`DP-1`"""
    task: str
    """That landed it."""
    tree: TreeId
    plan: DeployPlan
    sha256: Sha256
    """Of the plan."""
    base: CommitId
    """Where the base branch stood."""
    charter: Sha256
    by: str
    """A turn, or `supervisor:…`."""
    role: str
    person: str = ""
    """Who filled the seat, or the supervisor; empty = a program."""
    turn: str = ""
    asks: tuple[RuleMatch, ...] = ()
    """What rules ask about it; the approval settles it."""


class DeploymentApproved(Record, frozen=True, kw_only=True, tag="deployment.approved"):
    """Exactly this commit, environment and plan; once; until it expires."""

    deployment: str
    approval: str
    """`C-1`"""
    commit: CommitId
    environment: str
    plan: Sha256
    sha256: Sha256
    """Of the exact object that was answered."""
    expires: str
    by: str
    waived: str = ""
    """Why its own proposer could approve it; empty = somebody else did."""


class DeploymentRejected(Record, frozen=True, kw_only=True, tag="deployment.rejected"):
    deployment: str
    reason: str


class DeploymentRefused(Record, frozen=True, kw_only=True, tag="deployment.refused"):
    """It cannot begin, and its approval is worth nothing any more. Nothing was run but what only looks."""

    deployment: str
    reason: str
    evidence: Evidence | None = None


class DeploymentIntended(Record, frozen=True, kw_only=True, tag="deployment.intended"):
    """The deploy command may begin from here on; the approval is spent."""

    deployment: str
    approval: str
    environment: str
    commit: CommitId
    previous: CommitId
    backup: str = ""
    """As its command named it."""
    evidence: tuple[Evidence, ...] = ()
    """What the status and backup commands said."""


class DeploymentSettled(Record, frozen=True, kw_only=True, tag="deployment.settled"):
    """How it came out, by what the environment says runs there."""

    deployment: str
    outcome: SettledAs
    running: CommitId
    """Empty = nothing, or nobody knows (in doubt)."""
    summary: str
    evidence: tuple[Evidence, ...] = ()
    after_crash: bool = False
    """The deploy command was not seen to end; only the world was asked."""


class DeploymentChecked(Record, frozen=True, kw_only=True, tag="deployment.checked"):
    """Level 4 on what runs."""

    deployment: str
    commit: CommitId
    verdict: Verdict
    summary: str
    passed: int
    failed: int
    not_applicable: int
    gaps: int
    rows: tuple[CheckRow, ...]
    """Without their evidence, which is in `evidence`."""
    figures: dict[str, float]
    evidence: Evidence | None = None
    seconds: float = 0.0


class RollbackOrdered(Record, frozen=True, kw_only=True, tag="rollback.ordered"):
    """The recorded way back is owed."""

    deployment: str
    reason: str
    by: str


class RollbackIntended(Record, frozen=True, kw_only=True, tag="rollback.intended"):
    """The rollback command may begin from here on."""

    deployment: str
    environment: str
    to: CommitId


class RollbackSettled(Record, frozen=True, kw_only=True, tag="rollback.settled"):
    deployment: str
    outcome: SettledAs
    running: CommitId
    summary: str
    evidence: tuple[Evidence, ...] = ()


class DeploymentAskedAgain(Record, frozen=True, kw_only=True, tag="deployment.asked_again"):
    """The supervisor has the environment asked once more what runs there."""

    deployment: str


class DeploymentClosed(Record, frozen=True, kw_only=True, tag="deployment.closed"):
    """The supervisor ends what nobody could settle. What runs there is unknown until it is registered."""

    deployment: str
    reason: str


class ReleaseRegistered(Record, frozen=True, kw_only=True, tag="release.registered"):
    """Made elsewhere (by CI, by hand): it runs there, and level 4 is owed to it."""

    deployment: str
    task: str
    tree: TreeId
    plan: DeployPlan
    sha256: Sha256
    charter: Sha256
    by: str
    reason: str
    evidence: Evidence | None = None


class DeploymentAttested(Record, frozen=True, kw_only=True, tag="deployment.attested"):
    """Signed for third parties; recorded before it is kept, so that a crash in between signs nothing twice."""

    deployment: str
    statement: Attested


class DeploymentEvidenceKept(Record, frozen=True, kw_only=True, tag="deployment.evidence_kept"):
    """The statement stands beside the commit."""

    deployment: str
    problem: str = ""
    """Why it does not; empty = it does."""


# --- what went wrong -----------------------------------------------------------------------------


class JobCrashed(Record, frozen=True, kw_only=True, tag="job.crashed"):
    job: str
    task: str
    error: str


IncidentCause = Literal["", "deployment", "breach", "ledger", "crash", "digest", "offer", "supervisor"]
"""What opened an incident; empty = in a ledger of before."""


class IncidentOpened(Record, frozen=True, kw_only=True, tag="incident.opened"):
    incident: str
    """`I-1`"""
    title: str
    what: str
    task: str = ""
    cause: IncidentCause = ""
    signature: str = ""
    """The same for everything that went wrong in the same way; empty = only a person can tell."""
    level: int = 0
    """The gate level that should have caught it; 0 = nobody said."""
    evidence: tuple[int, ...] = ()
    """Entries of this ledger."""


class IncidentReopened(Record, frozen=True, kw_only=True, tag="incident.reopened"):
    """What was settled happened again: not a new incident, but a check that is broken."""

    incident: str
    what: str
    broken: str = ""
    """The rule that should have caught it; empty = none was born from it."""
    evidence: tuple[int, ...] = ()


class IncidentFilled(Record, frozen=True, kw_only=True, tag="incident.filled"):
    """The form as it stands now, whole."""

    incident: str
    what: str
    when: str = ""
    cost: str = ""
    root_cause: str = ""
    level: int = 0


class EvidencePicked(Record, frozen=True, kw_only=True, tag="incident.evidence_picked"):
    """Entries of this ledger that show it: all of them."""

    incident: str
    evidence: tuple[int, ...]


class RuleDrafted(Record, frozen=True, kw_only=True, tag="rule.drafted"):
    """A rule's file, as somebody wrote it for an incident. It is asked about nothing."""

    incident: str
    rule: str
    path: str
    """Relative to the home."""
    draft: Evidence
    sha256: Sha256
    """Of the rule, however its file is written."""
    proposal: str = ""
    """The seat's proposal it was taken from."""


class RuleProven(Record, frozen=True, kw_only=True, tag="rule.proven"):
    """The draft was held against what is on record."""

    incident: str
    rule: str
    draft: Sha256
    """Of the file."""
    sha256: Sha256
    """Of the rule."""
    verdict: Verdict
    summary: str
    caught: tuple[int, ...] = ()
    """Entries of the incident on which it fired."""
    missed: tuple[int, ...] = ()
    """Entries of the incident on which it did not."""
    benign: int = 0
    """Benign events it was held against."""
    borne: int = 0
    """Of those, the ones it bears on at all."""
    disturbed: tuple[int, ...] = ()
    """Benign entries on which it fired."""
    evidence: Evidence | None = None
    """Every result, as JSON."""


class RuleWritten(Record, frozen=True, kw_only=True, tag="rule.written"):
    """Rule and incident lie in the home. In force only when the supervisor adopts them."""

    incident: str
    rule: str
    path: str
    record: str
    """The incident's own document, relative to the home."""


class RuleAdopted(Record, frozen=True, kw_only=True, tag="rule.adopted"):
    """In force from here on, for good: only a stricter one takes its place."""

    incident: str
    rule: str
    sha256: Sha256
    supersedes: Sha256 = ""
    """The rule of the same id that it takes the place of; empty = there was none."""


class IncidentClosed(Record, frozen=True, kw_only=True, tag="incident.closed"):
    incident: str
    rule: str = ""
    """That was born from it; empty = none can exist."""
    reason: str = ""
    """Why none can exist."""


class Frozen(Record, frozen=True, kw_only=True, tag="frozen"):
    """No deployment begins until `Unfrozen`; a rollback may."""

    reason: str
    by: str
    landings: bool = False
    """No landing begins either."""


class Unfrozen(Record, frozen=True, kw_only=True, tag="unfrozen"):
    reason: str = ""


Event = (
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
    | CrewStaffed
    | RoleSeated
    | BudgetRaised
    | WorldAwaited
    | WorldTried
    | LedgerRepaired
    | LimitsProved
    | TimePassed
    | MissionStated
    | MissionEnded
    | TaskOpened
    | PlanProposed
    | PlanApproved
    | PlanRejected
    | HandoffOffered
    | BriefSealed
    | BriefRefused
    | HandoffReleased
    | HandoffRedirected
    | HandoffRejected
    | TaskHeld
    | TaskUnheld
    | TaskStuck
    | TaskRetried
    | TaskSplit
    | TaskDropped
    | TaskDone
    | WorktreeOpened
    | WorktreeKept
    | TurnStarted
    | TurnEnded
    | MessageSent
    | MessagesHeard
    | TurnPaused
    | TurnResumed
    | TurnRetired
    | SeatChosen
    | UsageNoted
    | SeatNoticed
    | ConversationNoted
    | ToolDenied
    | ActionAllowed
    | ActionAsked
    | ActionDenied
    | AskAnswered
    | ActionEdited
    | NoticeRaised
    | NoticeSettled
    | GrantGiven
    | GrantRevoked
    | ActionEnded
    | PackageFetched
    | Reported
    | ProposalEndorsed
    | Escalated
    | QuestionAnswered
    | ProposalMade
    | ProposalSettled
    | TreeImported
    | TreeRefused
    | LevelJudged
    | Committed
    | HandedOver
    | FindingDismissed
    | FindingAdded
    | IndependenceWaived
    | ChangeApproved
    | ChangeRejected
    | ApprovalStale
    | TreeMerged
    | LandingCleared
    | StatementsSigned
    | LandingIntended
    | Landed
    | LandingRefused
    | DeploymentProposed
    | DeploymentApproved
    | DeploymentRejected
    | DeploymentRefused
    | DeploymentIntended
    | DeploymentSettled
    | DeploymentChecked
    | RollbackOrdered
    | RollbackIntended
    | RollbackSettled
    | DeploymentAskedAgain
    | DeploymentClosed
    | ReleaseRegistered
    | DeploymentAttested
    | DeploymentEvidenceKept
    | JobCrashed
    | IncidentOpened
    | IncidentReopened
    | IncidentFilled
    | EvidencePicked
    | RuleDrafted
    | RuleProven
    | RuleWritten
    | RuleAdopted
    | IncidentClosed
    | Frozen
    | Unfrozen
)
