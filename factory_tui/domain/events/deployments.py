"""What happens to a release out in the world."""

from __future__ import annotations

from typing import Literal

from factory_tui.domain.terms import (
    Attested,
    CheckRow,
    CommitId,
    DeployPlan,
    Evidence,
    Record,
    RuleMatch,
    Sha256,
    TreeId,
    Verdict,
)

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
    approval: Attested | None = None
    """What the supervisor answered, signed with their key; None = signed before, or nobody was asked."""


class DeploymentEvidenceKept(Record, frozen=True, kw_only=True, tag="deployment.evidence_kept"):
    """The statement stands beside the commit."""

    deployment: str
    problem: str = ""
    """Why it does not; empty = it does."""


DeploymentsEvent = (
    DeploymentProposed
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
)
