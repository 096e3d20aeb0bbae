"""Wishes about a change between its author and the base branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from factory_tui.domain.terms import Attested, Change, CommitId, Evidence, Finding, TreeId, Verdict


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
    assurance: str = ""


@dataclass(frozen=True, kw_only=True)
class SettleLanding:
    task: str
    landed: bool
    reason: str = ""


GateCommand = ImportTree | JudgeSmoke | RecordCommit | CheckLanding | RecordStatements | IntendLanding | SettleLanding
