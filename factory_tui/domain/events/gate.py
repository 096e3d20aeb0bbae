"""What happens to a change between its author and the base branch."""

from __future__ import annotations

from typing import Literal

from factory_tui.domain.terms import (
    Attested,
    CommitId,
    Evidence,
    Finding,
    FindingAnswer,
    Record,
    RuleMatch,
    Sha256,
    TreeId,
    Verdict,
)


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
    assurance: str = ""
    """How far its evidence can be trusted, as the verifier found it: `G0` to `G3`; empty = there is none."""


class Landed(Record, frozen=True, kw_only=True, tag="landed"):
    task: str
    ref: str
    old: CommitId
    new: CommitId
    tree: TreeId
    assurance: str = ""
    """As in the intent."""


class LandingRefused(Record, frozen=True, kw_only=True, tag="landing.refused"):
    task: str
    reason: str


GateEvent = (
    TreeImported
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
)
