"""Wishes about missions, tasks, handoffs and worktrees; and every answer of the supervisor."""

from __future__ import annotations

from dataclasses import dataclass

from factory_tui.domain.events import BriefInput
from factory_tui.domain.terms import CommitId, Evidence, Sha256


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


MissionsCommand = (
    StateMission
    | OpenSmallTask
    | Answer
    | RevokeGrant
    | SealBrief
    | RefuseBrief
    | ReleaseHandoff
    | RecordWorktree
    | RecordKept
)
