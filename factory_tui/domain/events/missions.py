"""What happens to missions, tasks, plans and handoffs."""

from __future__ import annotations

from typing import Literal

from factory_tui.domain.terms import CommitId, Evidence, PlannedTask, Record, Sha256

Delivers = Literal["plan", "change", "review", "report", "deployment"]


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


MissionsEvent = (
    MissionStated
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
)
