"""What is true of a mission, a task, a change and a handoff."""

from __future__ import annotations

from typing import Literal

from factory_tui.domain.events import BriefInput, Delivers, LandingIntended, LevelJudged, Mode
from factory_tui.domain.terms import (
    Attested,
    CommitId,
    Evidence,
    FetchedPackages,
    Finding,
    Record,
    RuleMatch,
    Sha256,
    TreeId,
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
    mode: Mode | Literal[""] = ""
    """Its own pace; empty = the session's."""
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
    assurance: str = ""
    """How far the evidence of what landed can be trusted, as the verifier found it then; empty = nothing was signed."""
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
