"""How a task passes on: offering a handoff, and what follows when a turn ends or a task is over."""

from __future__ import annotations

from factory_tui.domain import events as e
from factory_tui.domain.asking import denials_of
from factory_tui.domain.numbers import Ids
from factory_tui.domain.plurals import count
from factory_tui.domain.spending import is_looping
from factory_tui.domain.state import Retirement, State, Task, Turn
from factory_tui.domain.terms import Evidence, Verdict

MOST_FRUITLESS = 3
"""Turns in a row that may end with nothing to judge."""


MOST_CONTEXTS = 5
"""Full contexts in a row, after which the work is too large for one task."""


def offer(
    ids: Ids,
    task: Task,
    *,
    to: str,
    purpose: str,
    sent_by: str,
    reason: str,
    attempt: int | None = None,
    handed_on: Evidence | None = None,
) -> e.HandoffOffered:
    return e.HandoffOffered(
        handoff=ids.next("H"),
        task=task.id,
        to=to,
        purpose="review" if purpose == "review" else "author",
        sent_by=sent_by,
        reason=reason,
        attempt=task.attempt if attempt is None else attempt,
        handed_on=handed_on,
    )


def after_turn(
    state: State, ids: Ids, turn: Turn, outcome: e.Outcome, note: str, handed_on: Evidence | None = None
) -> tuple[e.Event, ...]:
    """The end of a turn and what it leads to. The same for a turn that ended and for one a crash cut off."""
    events: list[e.Event] = [
        *(
            e.ActionEnded(id=id, result="killed", summary=f"{action.kind}: the turn ended before it did")
            for id, action in turn.open.items()
        ),
        e.TurnEnded(turn=turn.id, outcome=outcome, note=note, brief=turn.brief, handed_on=handed_on),
    ]
    task = state.tasks.get(turn.task)
    if task is None:
        return tuple(events)
    if turn.retired is not None and not turn.delivered:
        return (*events, _after_retirement(ids, task, turn, turn.retired))
    if handed_on is not None and not turn.delivered:
        return (*events, _goes_on(ids, task, turn, handed_on))
    if not turn.delivered and outcome == "budget":
        # No attempt is burnt: the task waits until its budget is raised.
        return tuple(events)
    if not turn.delivered and is_looping(turn):
        return (*events, *_after_loop(state, task, turn, note))
    if turn.purpose == "review":
        return (*events, *_after_review(state, ids, task, turn, outcome, note))
    return (*events, *_after_author(state, ids, task, turn, outcome, note))


def _goes_on(ids: Ids, task: Task, turn: Turn, handed_on: Evidence) -> e.Event:
    """A fresh turn of the same role goes on; no attempt is burnt."""
    if task.handoff is not None and task.handoff.contexts + 1 >= MOST_CONTEXTS:
        why = f"{MOST_CONTEXTS} contexts in a row were filled, the last by {turn.id}: it is too large for one task"
        return e.TaskStuck(task=task.id, reason=why)
    why = f"the context of {turn.id} was full"
    return offer(ids, task, to=turn.role, purpose=turn.purpose, sent_by=turn.id, reason=why, handed_on=handed_on)


def _after_loop(state: State, task: Task, turn: Turn, note: str) -> tuple[e.Event, ...]:
    """One item: what was told of its denials before is in it now."""
    reason, told = f"{turn.id} was parked, {note}", denials_of(state, turn)
    if told is None:
        return (e.TaskStuck(task=task.id, reason=reason),)
    return (e.NoticeSettled(notice=told.id), e.TaskStuck(task=task.id, reason=f"{reason}\n\n{told.text}"))


def _after_retirement(ids: Ids, task: Task, turn: Turn, retired: Retirement) -> e.Event:
    """No attempt is burnt. Parked, the task waits with every way on; else a fresh turn begins elsewhere."""
    why = f"{turn.id} was retired: {retired.reason}"
    if retired.parks:
        return e.TaskStuck(task=task.id, reason=why)
    return offer(ids, task, to=retired.to or turn.role, purpose=turn.purpose, sent_by="supervisor", reason=why)


def _after_author(state: State, ids: Ids, task: Task, turn: Turn, outcome: str, note: str) -> list[e.Event]:
    match turn.delivered:
        case "change":
            return [to_review(state, ids, task, turn)]
        case "report" if task.delivers == "change":
            # Else whoever is to change something could end the work by saying that it is done.
            why = f"{turn.id} reported instead of delivering a change; its report is kept with the task"
            return [e.TaskStuck(task=task.id, reason=why)]
        case "report" | "deployment":
            done = e.TaskDone(task=task.id, evidence=task.report)
            return [done, *unblocked(state, ids, task.id), *mission_over(state, task.mission, task.id)]
        case "question":
            return _after_question(ids, task, turn)
        case "plan":
            return []
        case _:
            return _fruitless(ids, task, turn, outcome, note, "author", task.role)


def _after_question(ids: Ids, task: Task, turn: Turn) -> list[e.Event]:
    """The task is parked until somebody answers; what was answered while the turn still ran starts the next at once."""
    if task.question:
        return []
    return [offer(ids, task, to=turn.role, purpose=turn.purpose, sent_by="supervisor", reason="answered")]


def _after_review(state: State, ids: Ids, task: Task, turn: Turn, outcome: str, note: str) -> list[e.Event]:
    if turn.delivered == "question":
        return _after_question(ids, task, turn)
    review = task.candidate.review if task.candidate else None
    if review is None or review.turn != turn.id or review.verdict in (Verdict.BROKEN, Verdict.NOT_RUN):
        if review is not None and review.turn == turn.id and not review.independent:
            return []
        events: list[e.Event] = []
        if (review is None or review.turn != turn.id) and task.candidate and outcome != "interrupted":
            events.append(broken_review(state, task, turn, f"the review ended without a verdict: {note or outcome}"))
        return [*events, *_fruitless(ids, task, turn, outcome, note, "review", turn.role)]
    if review.verdict is Verdict.PASS:
        return []
    return after_fail(state, ids, task, sent_by=turn.id, reason=review.summary)


def broken_review(state: State, task: Task, turn: Turn, why: str) -> e.LevelJudged:
    assert task.candidate
    return e.LevelJudged(
        task=task.id,
        level=3,
        verdict=Verdict.BROKEN,
        summary=why,
        evidence=tuple(message.evidence for message in turn.messages),
        tree=task.candidate.tree,
        commit=task.candidate.commit,
        base=task.candidate.base,
        turn=turn.id,
        charter=state.law.sha256,
    )


def after_fail(state: State, ids: Ids, task: Task, *, sent_by: str, reason: str) -> list[e.Event]:
    """A fresh author turn; after the last attempt the approach is wrong, not the code."""
    most = state.law.gate.pace.attempts
    if task.attempt >= most:
        why = f"attempt {task.attempt} of {most} failed: {reason}. The approach is wrong, not the code."
        return [e.TaskStuck(task=task.id, reason=why)]
    return [offer(ids, task, to=task.role, purpose="author", sent_by=sent_by, reason=reason, attempt=task.attempt + 1)]


def _fruitless(ids: Ids, task: Task, turn: Turn, outcome: str, note: str, purpose: str, role: str) -> list[e.Event]:
    if outcome == "interrupted":
        return []
    fruitless = task.fruitless + 1
    what = f"{turn.id} ended ({outcome}) without anything to judge" + (f": {note}" if note else "")
    if fruitless >= MOST_FRUITLESS:
        return [e.TaskStuck(task=task.id, reason=f"{fruitless} turns in a row brought nothing; the last: {what}")]
    told = task.handoff.handed_on if task.handoff else None
    return [offer(ids, task, to=role, purpose=purpose, sent_by=turn.id, reason=what, handed_on=told)]


def to_review(state: State, ids: Ids, task: Task, turn: Turn) -> e.HandoffOffered:
    """A handed-over change passes to the reviewing role, whose card must judge and who is never its author."""
    return offer(
        ids,
        task,
        to=state.law.reviewer_of(task.role),
        purpose="review",
        sent_by=turn.id,
        reason=f"{task.id} handed over for review",
    )


def unblocked(state: State, ids: Ids, finished: str) -> list[e.Event]:
    """Tasks whose last requirement is this one are offered to their role."""
    done = {id for id, task in state.closed.items() if task.stage in ("landed", "done")} | {finished}
    return [
        offer(ids, task, to=task.role, purpose="author", sent_by="factory", reason=f"{finished} is done")
        for task in state.tasks.values()
        if task.stage == "waiting" and finished in task.after and set(task.after) <= done
    ]


def mission_over(state: State, mission: str, finished: str, *, is_dropped: bool = False) -> list[e.Event]:
    """The mission ends with its last task."""
    left = [task for task in state.tasks.values() if task.mission == mission and task.id != finished]
    if left or state.missions[mission].outcome:
        return []
    tasks = [task for task in state.closed.values() if task.mission == mission]
    dropped = sum(task.stage == "dropped" for task in tasks) + is_dropped
    outcome = f"ended with {count(dropped, 'task')} dropped" if dropped else "done"
    return [e.MissionEnded(mission=mission, outcome=outcome)]
