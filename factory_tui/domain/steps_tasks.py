"""Steps about missions, plans, tasks and handoffs."""

from __future__ import annotations

from msgspec.structs import replace

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import Handoff, Mission, Stage, State, Task
from factory_tui.domain.steps import count, task_of, with_task, without
from factory_tui.domain.steps_turns import approved


def mission_stated(state: State, event: e.MissionStated, entry: Entry) -> State:
    mission = Mission(
        id=event.mission,
        text=event.text,
        base_ref=event.base_ref,
        base=event.base,
        target=event.target,
        tip=event.base,
        small=event.small,
    )
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        missions={**state.missions, mission.id: mission},
        counters=count(state, mission.id),
    )


def mission_ended(state: State, event: e.MissionEnded, entry: Entry) -> State:
    mission = replace(state.missions[event.mission], outcome=event.outcome)
    return replace(state, seq=entry.seq, at=entry.at, missions={**state.missions, mission.id: mission})


def task_opened(state: State, event: e.TaskOpened, entry: Entry) -> State:
    task = Task(
        id=event.task,
        mission=event.mission,
        role=event.role,
        delivers=event.delivers,
        title=event.title,
        goal=event.goal,
        criteria=event.criteria,
        paths=event.paths,
        after=event.after,
        asks=event.asks,
        opened_seq=entry.seq,
        since=entry.at,
    )
    return with_task(state, entry, task, counters=count(state, event.task))


def plan_proposed(state: State, event: e.PlanProposed, entry: Entry) -> State:
    turn = replace(state.turns[event.turn], delivered="plan")
    task = replace(state.tasks[event.task], report=None)
    return with_task(
        state,
        entry,
        task,
        plans={**state.plans, event.plan: event},
        turns={**state.turns, turn.id: turn},
        counters=count(state, event.plan),
    )


def plan_approved(state: State, event: e.PlanApproved, entry: Entry) -> State:
    state = approved(state, entry, "plan")
    return replace(state, seq=entry.seq, at=entry.at, plans=without(state.plans, event.plan))


def plan_rejected(state: State, event: e.PlanRejected, entry: Entry) -> State:
    plan = state.plans[event.plan]
    task = state.tasks[plan.task]
    answers = (*task.answers, ("The supervisor rejected your plan", event.reason))
    return with_task(state, entry, replace(task, answers=answers), plans=without(state.plans, event.plan))


def handoff_offered(state: State, event: e.HandoffOffered, entry: Entry) -> State:
    before = state.tasks[event.task].handoff
    handoff = Handoff(
        id=event.handoff,
        to=event.to,
        purpose=event.purpose,
        sent_by=event.sent_by,
        reason=event.reason,
        since=entry.at,
        handed_on=event.handed_on,
        contexts=_contexts(before, event),
    )
    task = replace(state.tasks[event.task], handoff=handoff, stage="offered", attempt=event.attempt)
    return with_task(state, entry, task, counters=count(state, event.handoff))


def _contexts(before: Handoff | None, event: e.HandoffOffered) -> int:
    if before is None or event.handed_on is None:
        return 0
    return before.contexts + (event.handed_on != before.handed_on)


def _handoff_task(state: State, handoff: str) -> Task:
    return next(task for task in state.tasks.values() if task.handoff and task.handoff.id == handoff)


def brief_sealed(state: State, event: e.BriefSealed, entry: Entry) -> State:
    task = _handoff_task(state, event.handoff)
    assert task.handoff
    sealed = replace(
        task.handoff,
        brief=event.brief,
        inputs=event.inputs,
        edited=event.edited,
        charter=state.charter.sha256 if state.charter else "",
        refused="",
    )
    return with_task(state, entry, replace(task, handoff=sealed))


def brief_refused(state: State, event: e.BriefRefused, entry: Entry) -> State:
    task = _handoff_task(state, event.handoff)
    assert task.handoff
    why = event.reason or (
        f"the brief would be {event.size} bytes, the limit is {event.limit}; the largest part is {event.largest}"
    )
    handoff = replace(task.handoff, refused=why)
    return with_task(state, entry, replace(task, handoff=handoff))


def handoff_released(state: State, event: e.HandoffReleased, entry: Entry) -> State:
    state = approved(state, entry, "handoff")
    return with_task(state, entry, replace(_handoff_task(state, event.handoff), stage="released"))


def handoff_redirected(state: State, event: e.HandoffRedirected, entry: Entry) -> State:
    task = _handoff_task(state, event.handoff)
    assert task.handoff
    handoff = replace(task.handoff, to=event.to, brief=None, inputs=(), edited=False, charter="", refused="")
    role = event.to if task.handoff.purpose == "author" else task.role
    return with_task(state, entry, replace(task, handoff=handoff, role=role))


def handoff_rejected(state: State, event: e.HandoffRejected, entry: Entry) -> State:
    task = _handoff_task(state, event.handoff)
    answers = (*task.answers, ("The supervisor rejected the handoff", event.reason))
    return with_task(state, entry, replace(task, answers=answers))


def task_held(state: State, event: e.TaskHeld, entry: Entry) -> State:
    return with_task(state, entry, replace(state.tasks[event.task], held=event.reason or "held"))


def task_unheld(state: State, event: e.TaskUnheld, entry: Entry) -> State:
    return with_task(state, entry, replace(state.tasks[event.task], held=""))


def task_stuck(state: State, event: e.TaskStuck, entry: Entry) -> State:
    return with_task(state, entry, replace(state.tasks[event.task], stage="stuck", why=event.reason, handoff=None))


def task_retried(state: State, event: e.TaskRetried, entry: Entry) -> State:
    task = state.tasks[event.task]
    task = replace(
        task,
        seat=event.seat or task.seat,
        goal=event.goal or task.goal,
        criteria=event.criteria or task.criteria,
        attempt=1,
        fruitless=0,
        why="",
        stage=_stage_again(task, event),
    )
    if task.stage == "waiting":
        task = replace(task, approval=None, merged="", onto="", merged_smoke=None)
    return with_task(state, entry, task, crashes={})


def _stage_again(task: Task, event: e.TaskRetried) -> Stage:
    """A landing that was under way goes on where it stopped; anything else begins with a new handoff."""
    if event.how == "retry" and task.intent is not None:
        return "landing"
    return "approved" if event.how == "retry" and task.approval is not None else "waiting"


def task_split(state: State, event: e.TaskSplit, entry: Entry) -> State:
    """Its work is kept; whoever waited for it waits for all of its parts."""
    for other in tuple(state.tasks.values()):
        if event.task in other.after:
            after = tuple(one for name in other.after for one in (event.into if name == event.task else (name,)))
            state = with_task(state, entry, replace(other, after=after))
    why = f"split into {', '.join(event.into)}"
    return with_task(state, entry, replace(task_of(state, event.task), stage="dropped", why=why, handoff=None))


def task_dropped(state: State, event: e.TaskDropped, entry: Entry) -> State:
    return with_task(state, entry, replace(task_of(state, event.task), stage="dropped", why=event.reason, handoff=None))


def task_done(state: State, event: e.TaskDone, entry: Entry) -> State:
    task = state.tasks[event.task]
    return with_task(state, entry, replace(task, stage="done", report=event.evidence or task.report, handoff=None))
