"""What is true now: the fold of the ledger, as frozen values.

Nothing here decides or does anything. Dicts inside are never changed in place; `evolve` replaces them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from factory_tui.domain.charter import Charter
from factory_tui.domain.errors import Refusal
from factory_tui.domain.events import (
    BriefInput,
    Delivers,
    DeploymentChecked,
    IncidentCause,
    LandingIntended,
    LevelJudged,
    LimitsProved,
    Mode,
    PlanProposed,
    RuleDrafted,
    RuleProven,
    RuleWritten,
)
from factory_tui.domain.staffing import Bounds, Budgets, Staffed
from factory_tui.domain.terms import (
    Action,
    Attested,
    CommitId,
    Control,
    DeployPlan,
    Evidence,
    FetchedPackages,
    Finding,
    Record,
    RuleMatch,
    Ruling,
    SeatFacts,
    Sha256,
    TreeId,
    Verdict,
)

Stage = Literal[
    "waiting",  # for other tasks to land
    "offered",  # a handoff waits to be sealed or released
    "released",  # a turn is owed
    "working",  # a turn is open
    "planned",  # a plan waits for the supervisor
    "parked",  # a question is open
    "ready",  # a change waits for approval
    "approved",  # the landing is being checked
    "cleared",  # the landing is owed
    "landing",  # intended, not settled
    "landed",
    "done",
    "dropped",
    "stuck",
]
OVER: frozenset[Stage] = frozenset({"landed", "done", "dropped"})


class Handoff(Record, frozen=True, kw_only=True):
    id: str
    to: str
    purpose: Literal["author", "review"]
    sent_by: str
    reason: str
    brief: Evidence | None = None
    inputs: tuple[BriefInput, ...] = ()
    edited: bool = False
    charter: Sha256 = ""
    """In force when the brief was sealed."""
    refused: str = ""
    """Why no brief can be sealed."""
    since: str = ""
    handed_on: Evidence | None = None
    """How the turn before stood, whose context was full."""
    contexts: int = 0
    """How many contexts were filled for this work before."""


class Candidate(Record, frozen=True, kw_only=True):
    """The tree an author offers, and what is known of exactly this tree."""

    tree: TreeId
    base: CommitId
    turn: str
    author: str
    """The role."""
    paths: tuple[str, ...]
    added: int
    removed: int
    diff: Evidence
    message: str
    asks: tuple[RuleMatch, ...] = ()
    newly_ignored: tuple[str, ...] = ()
    action: str = ""
    """The commit action that waits for level 2."""
    at: str = ""
    """When it was imported; its commit bears this time."""
    smoke: LevelJudged | None = None
    commit: CommitId = ""
    handed_over: bool = False
    note: str = ""
    review: LevelJudged | None = None


class TurnRecord(Record, frozen=True, kw_only=True):
    """A finished turn, as short as later questions allow."""

    id: str
    role: str
    seat: str
    person: str
    purpose: str
    attempt: int
    outcome: str
    usd: float | None
    tokens: int
    brief: Sha256 = ""
    """What it was told, sealed."""


class Spent(Record, frozen=True, kw_only=True):
    """What was used."""

    usd: float = 0.0
    """As far as known."""
    tokens: int = 0
    actions: int = 0
    minutes: float = 0.0
    unknown: bool = False
    """Some of it cost nobody knows what."""

    def __add__(self, more: Spent) -> Spent:
        return Spent(
            usd=self.usd + more.usd,
            tokens=self.tokens + more.tokens,
            actions=self.actions + more.actions,
            minutes=self.minutes + more.minutes,
            unknown=self.unknown or more.unknown,
        )


class WorldWait(Record, frozen=True, kw_only=True):
    """One cause outside, and everything that waits for it."""

    id: str
    cause: str
    seat: str
    tasks: tuple[str, ...]
    since: str
    until: str
    is_told: bool = True


class Approval(Record, frozen=True, kw_only=True):
    id: str
    commit: CommitId
    tree: TreeId
    base: CommitId
    charter: Sha256
    sha256: Sha256
    expires: str
    by: str = ""
    """Who gave it."""


class CutOff(Record, frozen=True, kw_only=True):
    """A conversation that was interrupted, to be taken up by the next turn on the same handoff in the same seat."""

    handoff: str
    seat: str
    conversation: str
    brief: Sha256


class Task(Record, frozen=True, kw_only=True):
    id: str
    mission: str
    role: str
    delivers: Delivers
    title: str
    goal: str
    criteria: tuple[str, ...]
    paths: tuple[str, ...]
    after: tuple[str, ...]
    asks: tuple[str, ...]
    opened_seq: int
    stage: Stage = "waiting"
    since: str = ""
    """When the stage was entered."""
    held: str = ""
    """Why the supervisor holds it; empty = not held."""
    handoff: Handoff | None = None
    attempt: int = 1
    worktree: str = ""
    worktree_base: CommitId = ""
    candidate: Candidate | None = None
    rebase: bool = False
    """The base moved under it: the author redoes the change in a new worktree on the new base."""
    rules: LevelJudged | None = None
    """Level 1."""
    findings: tuple[Finding, ...] = ()
    """Open ones: what the next author is told, or what a reviewer must answer."""
    history: tuple[LevelJudged, ...] = ()
    """Every verdict of level 3, oldest first."""
    approval: Approval | None = None
    merged: TreeId = ""
    onto: CommitId = ""
    merged_smoke: LevelJudged | None = None
    waived: CommitId = ""
    """The commit whose missing independence the supervisor accepted."""
    intent: LandingIntended | None = None
    landed_as: CommitId = ""
    question: str = ""
    answers: tuple[tuple[str, str], ...] = ()
    """Questions asked and answered, for the next brief."""
    report: Evidence | None = None
    why: str = ""
    """Why it is stuck, refused or dropped."""
    turns: tuple[TurnRecord, ...] = ()
    fruitless: int = 0
    """Turns in a row that ended with nothing to judge, and broken reviews; the third makes the task stuck."""
    cut_off: CutOff | None = None
    seat: str = ""
    """Seat chosen by the supervisor for this task; empty = the charter's."""
    overspent: str = ""
    """The budget that ended its last turn; the next one begins when the supervisor has answered."""
    finding_count: int = 0
    edited: tuple[str, ...] = ()
    """Paths edited by permitted actions since the last commit."""
    first_edit: str = ""
    """When the first of them was edited."""
    attested: tuple[Attested, ...] = ()
    """Statements signed about it, oldest first."""

    packages: tuple[FetchedPackages, ...] = ()
    """What came in from outside for it alone."""

    @property
    def over(self) -> bool:
        return self.stage in OVER

    @property
    def usd(self) -> float:
        return sum(turn.usd or 0.0 for turn in self.turns)


class OpenAction(Record, frozen=True, kw_only=True):
    kind: str
    object: str
    sha256: Sha256


class Message(Record, frozen=True, kw_only=True):
    """Words of the supervisor to a turn."""

    id: str
    by: str
    text: str
    evidence: Evidence
    is_heard: bool = False


class Retirement(Record, frozen=True, kw_only=True):
    """Where the task goes when the turn has ended."""

    reason: str
    to: str = ""
    parks: bool = False


class Turn(Record, frozen=True, kw_only=True):
    """A turn that is running."""

    id: str
    task: str
    handoff: str
    role: str
    purpose: Literal["author", "review"]
    attempt: int
    seat: str
    control: Control
    facts: SeatFacts | None = None
    person: str
    brief: Sha256
    started: str
    model: str = ""
    conversation: str = ""
    notice: str = ""
    """The last line about the seat itself."""
    notices: int = 0
    usd: float | None = 0.0
    known_usd: float = 0.0
    """The most that was ever reported; stands while `usd` is unknown."""
    tokens: int = 0
    told: tuple[str, ...] = ()
    """Findings that stood in its brief."""
    actions: int = 0
    denied: int = 0
    open: dict[str, OpenAction] = msgspec.field(default_factory=dict)
    """Actions allowed and not ended, by id."""
    failing: Sha256 = ""
    """Of the action that failed or was denied last."""
    failing_kind: str = ""
    """`run pytest -q`: what it was."""
    repeats: int = 0
    """How often in a row it failed."""
    over_budget: int = 0
    """Actions denied because a budget is used up."""
    delivered: str = ""
    """`change`, `plan`, `report`, `review`, `question`; empty = nothing yet."""
    malformed: int = 0
    """Reports sent back because they could not be read as a verdict."""
    paused: str = ""
    """Why its next action waits; empty = it goes on."""
    messages: tuple[Message, ...] = ()
    """What the supervisor said to it, oldest first."""
    retired: Retirement | None = None
    """Set while it is being ended for good."""

    @property
    def unheard(self) -> tuple[Message, ...]:
        return tuple(message for message in self.messages if not message.is_heard)


MAY_BE_REMEMBERED = frozenset({"read", "search", "edit", "run", "commit"})


class Notice(Record, frozen=True, kw_only=True):
    """Something the supervisor should know; it stops nobody."""

    id: str
    kind: str
    title: str
    text: str
    task: str
    since: str


class Ask(Record, frozen=True, kw_only=True):
    id: str
    turn: str
    task: str
    role: str
    action: Action
    sha256: Sha256
    ruling: Ruling
    since: str
    edited: Action | None = None
    """What the supervisor made of it."""

    @property
    def may_be_remembered(self) -> bool:
        """Whether a yes can hold for more than this once. What comes in from outside is looked at each time; so is
        what changes the law, and every deployment."""
        return self.action.kind in MAY_BE_REMEMBERED


class Grant(Record, frozen=True, kw_only=True):
    id: str
    role: str
    kind: str
    object: str
    task: str = ""
    once: bool = True
    tree: TreeId = ""
    rules: tuple[str, ...] = ()
    sha256: Sha256 = ""


class Question(Record, frozen=True, kw_only=True):
    id: str
    task: str
    turn: str
    text: str
    since: str


class Proposal(Record, frozen=True, kw_only=True):
    id: str
    path: str
    """A document, or several paths joined by `, ` for the home as a whole."""
    evidence: Evidence
    by: str
    since: str
    charter: Sha256 = ""
    """Set for a changed home."""
    problem: str = ""
    endorsed: tuple[str, ...] = ()
    """Roles that approved it."""


class Mission(Record, frozen=True, kw_only=True):
    id: str
    text: str
    base_ref: str
    base: CommitId
    target: str
    tip: CommitId
    """The commit that new work starts from: the base, then what landed last."""
    small: bool = False
    outcome: str = ""


class Incident(Record, frozen=True, kw_only=True):
    id: str
    title: str
    what: str
    task: str
    cause: IncidentCause = ""
    signature: str = ""
    level: int = 0
    """The gate level that should have caught it; 0 = nobody said."""
    evidence: tuple[int, ...] = ()
    """Entries that show it."""
    since: str = ""
    when: str = ""
    cost: str = ""
    root_cause: str = ""
    draft: RuleDrafted | None = None
    proof: RuleProven | None = None
    """Of exactly this draft and this evidence."""
    written: RuleWritten | None = None
    closed: str = ""
    """`rule Q101`, or why no rule can exist; empty = open."""
    rule: str = ""
    """In force, born from it."""
    broken: str = ""
    """The rule that did not catch a repeat; empty = none."""
    repeats: int = 0


class BornRule(Record, frozen=True, kw_only=True):
    """A rule that came from an incident here: permanent."""

    incident: str
    sha256: Sha256


class Freeze(Record, frozen=True, kw_only=True):
    reason: str
    by: str
    since: str
    landings: bool = False


DeployStage = Literal[
    "proposed",
    "approved",  # what it stands on is looked at once more, then it is intended
    "deploying",  # intended, not settled
    "deployed",  # level 4 is owed
    "reverting",  # the way back is owed
    "rolling back",  # intended, not settled
    "rolled back",  # level 4 is owed to the old release
    "in doubt",  # nobody knows what runs; the supervisor says how it goes on
    "verified",
    "reverted",
    "failed",
    "refused",
    "rejected",
    "closed",
]
DEPLOY_OVER: frozenset[DeployStage] = frozenset({"verified", "reverted", "failed", "refused", "rejected", "closed"})


class Deployment(Record, frozen=True, kw_only=True):
    id: str
    task: str
    """That landed the commit."""
    tree: TreeId
    plan: DeployPlan
    sha256: Sha256
    """Of the plan."""
    base: CommitId
    charter: Sha256
    by: str
    role: str
    person: str
    turn: str
    stage: DeployStage
    since: str
    asks: tuple[RuleMatch, ...] = ()
    approval: Approval | None = None
    waived: str = ""
    began: str = ""
    """When it was intended."""
    backup: str = ""
    why: str = ""
    running: CommitId = ""
    """What ran there when it was settled last."""
    doubted: DeployStage | None = None
    """in doubt: the stage in which nobody could say."""
    tries: int = 0
    """How often it was looked at again."""
    elsewhere: bool = False
    """It was made by somebody else and registered."""
    checks: tuple[DeploymentChecked, ...] = ()
    """Of the new release, then of the old one after a rollback."""
    statement: Attested | None = None
    kept: bool = False
    """The statement stands beside the commit, or cannot."""

    @property
    def over(self) -> bool:
        return self.stage in DEPLOY_OVER


class LiveRelease(Record, frozen=True, kw_only=True):
    """What runs in an environment, as far as the ledger knows."""

    commit: CommitId
    """Empty = nothing."""
    deployment: str
    since: str
    verified: bool = False
    figures: dict[str, float] = msgspec.field(default_factory=dict)


class DigestRef(Record, frozen=True, kw_only=True):
    session: int
    path: str
    evidence: Evidence


class State(Record, frozen=True, kw_only=True):
    seq: int = 0
    at: str = ""
    now: str = ""
    """The last recorded `TimePassed`."""
    session: int = 0
    session_open: bool = False
    session_first_seq: int = 0
    digests_owed: tuple[int, ...] = ()
    """Sessions that never ended and have no digest yet, oldest first."""
    version: str = ""
    wall: str = ""
    degraded: str = ""
    """Who accepted, for this session, that seats run commands without a wall; empty = nobody had to."""
    base_ref: str = ""
    base: CommitId = ""
    mode: Mode = "step"
    paused: str = ""
    charter: Charter | None = None
    digest: DigestRef | None = None
    acknowledged: int = 0
    """The newest session whose digest the supervisor has read."""
    missions: dict[str, Mission] = msgspec.field(default_factory=dict)
    tasks: dict[str, Task] = msgspec.field(default_factory=dict)
    """Those not over."""
    closed: dict[str, Task] = msgspec.field(default_factory=dict)
    turns: dict[str, Turn] = msgspec.field(default_factory=dict)
    """Those running."""
    plans: dict[str, PlanProposed] = msgspec.field(default_factory=dict)
    """Those that wait for the supervisor."""
    asks: dict[str, Ask] = msgspec.field(default_factory=dict)
    grants: dict[str, Grant] = msgspec.field(default_factory=dict)
    questions: dict[str, Question] = msgspec.field(default_factory=dict)
    proposals: dict[str, Proposal] = msgspec.field(default_factory=dict)
    notices: dict[str, Notice] = msgspec.field(default_factory=dict)
    yeses: dict[str, int] = msgspec.field(default_factory=dict)
    """How often in a row equal asks were allowed in this session, by what they have in common."""
    denials: dict[str, int] = msgspec.field(default_factory=dict)
    """How often equal actions were denied in this session."""
    last_yes: str = ""
    """When the supervisor approved something last."""
    hasty: tuple[str, ...] = ()
    """What was approved too quickly to have been read, in a row up to now."""
    incidents: dict[str, Incident] = msgspec.field(default_factory=dict)
    born_rules: dict[str, BornRule] = msgspec.field(default_factory=dict)
    """By the rule's id."""
    limits: dict[str, LimitsProved] = msgspec.field(default_factory=dict)
    """What was tried in this session, by how the seat is held."""
    crew: dict[str, Staffed] = msgspec.field(default_factory=dict)
    """By role, as this session found it; empty = not staffed yet."""
    crew_notes: tuple[str, ...] = ()
    ceilings: Budgets = Budgets()
    """The user's own, for this machine."""
    role_seats: dict[str, str] = msgspec.field(default_factory=dict)
    """What the supervisor chose, by role; it outlives the session."""
    spent: dict[str, Spent] = msgspec.field(default_factory=dict)
    """By scope: `day`, `session`, `role:builder`, `task:T-1`."""
    day: str = ""
    """The one that `spent` counts, `2026-11-22`, in UTC."""
    raised: dict[str, Bounds] = msgspec.field(default_factory=dict)
    world: dict[str, WorldWait] = msgspec.field(default_factory=dict)
    """What is waited for outside, by id."""
    tries: dict[str, int] = msgspec.field(default_factory=dict)
    """How often in a row a cause came back, by cause."""
    crashes: dict[str, int] = msgspec.field(default_factory=dict)
    counters: dict[str, int] = msgspec.field(default_factory=dict)
    usd: float = 0.0
    """Spent in this session, as far as known."""
    tokens: int = 0
    costs_unknown: bool = False
    assurance: str = ""
    """How far the evidence made in this session can be trusted: `G0`, `G3`; empty = nothing is signed."""
    unsigned: str = ""
    """Why nothing is signed; empty = it is, or no session began."""
    last_statement: Sha256 = ""
    """Of the envelope signed last; the next statement names it."""
    deployments: dict[str, Deployment] = msgspec.field(default_factory=dict)
    """All of them, the oldest first."""
    releases: dict[str, LiveRelease] = msgspec.field(default_factory=dict)
    """By environment; one that is not there is unknown."""
    frozen: Freeze | None = None

    def task(self, id: str) -> Task:
        """Open or closed. Raises Refusal naming what exists."""
        found = self.tasks.get(id) or self.closed.get(id)
        if found is None:
            known = ", ".join([*self.tasks, *self.closed]) or "none yet"
            raise Refusal(what=f"there is no task {id}", why=f"known tasks: {known}", next_step="run `factory status`")
        return found

    def turn(self, id: str) -> Turn:
        """A running turn. Raises Refusal when it has ended."""
        found = self.turns.get(id)
        if found is None:
            raise Refusal(what=f"turn {id} is not running", next_step="run `factory status`")
        return found

    @property
    def recovered_session(self) -> int:
        """The oldest session that never ended and whose digest is owed; 0 = none."""
        return self.digests_owed[0] if self.digests_owed else 0

    @property
    def law(self) -> Charter:
        """The charter in force. Raises Refusal before the first session."""
        if self.charter is None:
            raise Refusal(what="no charter is in force", next_step="start a session with `factory run`")
        return self.charter

    @property
    def mission(self) -> Mission | None:
        """The one that is under way."""
        return next((mission for mission in reversed(self.missions.values()) if not mission.outcome), None)


def verdict_of(judged: LevelJudged | None) -> Verdict:
    return judged.verdict if judged else Verdict.NOT_RUN
