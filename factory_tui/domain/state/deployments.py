"""What is true of a release out in the world, and what is frozen."""

from __future__ import annotations

from typing import Literal

import msgspec

from factory_tui.domain.events import DeploymentChecked
from factory_tui.domain.state.tasks import Approval
from factory_tui.domain.terms import Attested, CommitId, DeployPlan, Record, RuleMatch, Sha256, TreeId


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
    approved_as: Attested | None = None
    """The signed approval."""
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
