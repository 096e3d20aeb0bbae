"""Wishes about a release out in the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from factory_tui.domain.terms import Attested, CheckRow, CommitId, Evidence


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
    approval: Attested | None = None


@dataclass(frozen=True, kw_only=True)
class RecordDeploymentKept:
    deployment: str
    problem: str = ""


DeploymentsCommand = (
    ProposeDeployment
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
)
