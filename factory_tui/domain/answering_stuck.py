"""Answers to a task that is stuck: again, anew, in parts, by another, without one finding, or not at all."""

from __future__ import annotations

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.deciding_incidents import open_incident
from factory_tui.domain.errors import Refusal
from factory_tui.domain.item import Waiting
from factory_tui.domain.numbers import Ids
from factory_tui.domain.passing_on import mission_over, offer
from factory_tui.domain.splitting import split
from factory_tui.domain.state import State, Task, verdict_of
from factory_tui.domain.terms import Actor, Verdict

SUPERVISOR = Actor(kind="supervisor", name="supervisor")
"""Nobody else comes this far."""


def answer_stuck(state: State, item: Waiting, command: c.Answer) -> tuple[e.Event, ...]:
    task = state.task(item.task)
    ids = Ids(state)
    if task.intent is not None and command.verb not in ("retry", "dismiss"):
        raise Refusal(
            what=f"the landing of {task.id} on {task.intent.ref} is in doubt",
            why="it was begun and its end is not on record",
            next_step="`retry` looks at the branch and settles it; then the task goes on",
        )
    match command.verb:
        case "dismiss":
            return dismiss(state, task, command.text)
        case "drop":
            return drop(state, task, command.text)
        case "incident":
            what = command.text.strip() or f"{task.title}: {task.why}"
            title = what.splitlines()[0]
            return open_incident(
                state, c.OpenIncident(title=title, what=what, cause="offer", task=task.id, freeze=False), SUPERVISOR
            )
        case "split":
            return split(state, task, command.text)
        case "replan":
            retried = e.TaskRetried(task=task.id, how="replan", goal=command.text)
        case "swap":
            retried = e.TaskRetried(task=task.id, how="swap", seat=command.text.strip())
        case "take-over":
            retried = e.TaskRetried(task=task.id, how="take over", seat="human")
        case _:
            retried = e.TaskRetried(task=task.id, how="retry", reason=command.text)
            if task.intent is not None or task.approval is not None:
                return (retried,)
            if _awaits_review(task):
                return (retried, _judge_again(state, ids, task, "retry: the change was never judged"))
    again = offer(
        ids,
        task,
        to=task.role,
        purpose="author",
        sent_by="supervisor",
        reason=f"{retried.how}: {command.text}",
        attempt=1,
    )
    return (retried, again)


def _awaits_review(task: Task) -> bool:
    """The change was handed over, and no reviewer has said a word about it."""
    candidate = task.candidate
    if candidate is None or not candidate.handed_over or not candidate.commit:
        return False
    return verdict_of(candidate.review) in (Verdict.NOT_RUN, Verdict.BROKEN)


def _judge_again(state: State, ids: Ids, task: Task, reason: str) -> e.HandoffOffered:
    """The same change to a fresh reviewer; no attempt of its author's is burnt."""
    attempt = next((turn.attempt for turn in reversed(task.turns) if turn.purpose == "author"), task.attempt)
    to = state.law.reviewer_of(task.role)
    return offer(ids, task, to=to, purpose="review", sent_by="supervisor", reason=reason, attempt=attempt)


def dismiss(state: State, task: Task, text: str) -> tuple[e.Event, ...]:
    """One finding less. With the last that blocked, a change that failed is judged again, by a fresh reviewer."""
    finding, _, reason = text.strip().partition(" ")
    if finding not in {known.id for known in task.findings}:
        raise Refusal(
            what=f"{task.id} has no open finding {finding}",
            next_step=f"open ones: {', '.join(known.id for known in task.findings) or 'none'}",
        )
    if not reason.strip():
        raise Refusal(what=f"dismissing {finding} needs a reason", next_step=f"`--text '{finding} because …'`")
    dismissed = e.FindingDismissed(task=task.id, finding=finding, reason=reason)
    left = [known for known in task.findings if known.id != finding and known.severity == "blocks"]
    review = task.candidate.review if task.candidate else None
    may_be_judged = task.stage in ("offered", "released", "stuck") and task.intent is None
    if left or not may_be_judged or verdict_of(review) is not Verdict.FAIL:
        return (dismissed,)
    return (dismissed, _judge_again(state, Ids(state), task, f"{finding}, the last that blocked, was dismissed"))


def drop(state: State, task: Task, reason: str) -> tuple[e.Event, ...]:
    """The task ends; its worktree is kept whole. Tasks that wait for it can only be dropped or re-planned too."""
    dependents = [
        e.TaskStuck(task=other.id, reason=f"{task.id}, which it needs, was dropped")
        for other in state.tasks.values()
        if task.id in other.after and other.stage == "waiting"
    ]
    dropped = e.TaskDropped(task=task.id, reason=reason)
    return (dropped, *dependents, *mission_over(state, task.mission, task.id, is_dropped=True))
