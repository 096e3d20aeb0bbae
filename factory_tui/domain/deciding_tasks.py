"""Missions, tasks and handoffs: how work is opened and passed on."""

from __future__ import annotations

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.errors import Refusal
from factory_tui.domain.known import wants_brief
from factory_tui.domain.law import rulebook_of, ruling_on_start, ruling_on_task
from factory_tui.domain.numbers import Ids
from factory_tui.domain.pace import mode_of
from factory_tui.domain.passing_on import offer, unblocked
from factory_tui.domain.state import State, Task
from factory_tui.domain.terms import Decision, Finding, PlannedTask, RuleMatch, Ruling, Verdict, strictest
from factory_tui.domain.waiting import digest_is_owed


def state_mission(state: State, command: c.StateMission) -> tuple[e.Event, ...]:
    """One mission at a time: its planner is asked for a plan."""
    planner = state.law.role(state.law.gate.planner)
    return _open_mission(
        state,
        text=command.text,
        role=planner.id,
        base_ref=command.base_ref,
        base=command.base,
        target=command.target,
        goal=f"Plan this mission of the supervisor:\n\n{command.text}",
        title="Plan the mission",
    )


def open_small_task(state: State, command: c.OpenSmallTask) -> tuple[e.Event, ...]:
    if state.law.role(command.role).delivers == "review":
        raise Refusal(
            what=f"the role `{command.role}` reviews what others wrote",
            next_step="give the task to a role that delivers a change or a report; its review follows by itself",
        )
    return _open_mission(
        state,
        text=command.text,
        role=command.role,
        base_ref=command.base_ref,
        base=command.base,
        target=command.target,
        goal=command.text,
        title=command.text.strip().split("\n", 1)[0][:80],
        criteria=command.criteria,
        paths=command.paths,
        small=True,
    )


def _open_mission(
    state: State,
    *,
    text: str,
    role: str,
    base_ref: str,
    base: str,
    target: str,
    goal: str,
    title: str,
    criteria: tuple[str, ...] = (),
    paths: tuple[str, ...] = (),
    small: bool = False,
) -> tuple[e.Event, ...]:
    if not text.strip():
        raise Refusal(what="the text is empty", next_step="say in words what shall be true at the end")
    if under_way := state.mission:
        raise Refusal(
            what=f"mission {under_way.id} is under way: {under_way.text.splitlines()[0][:80]}",
            why="one mission at a time in a repository",
            next_step="finish it with `factory resume`, or drop its tasks with `factory answer T-… drop`",
        )
    card = state.law.role(role)
    ids = Ids(state)
    mission, task_id = ids.next("M"), ids.next("T")
    landing = state.law.gate.landing
    if not target:
        target = base_ref if landing.onto == "base" else f"refs/heads/{landing.branch}"
        target = target.replace("{mission}", mission).replace("{task}", task_id)
    opened = e.TaskOpened(
        task=task_id,
        mission=mission,
        role=role,
        delivers=card.delivers,
        title=title,
        goal=goal,
        criteria=criteria,
        paths=paths,
    )
    return (
        e.MissionStated(mission=mission, text=text, base_ref=base_ref, base=base, target=target, small=small),
        opened,
        e.HandoffOffered(
            handoff=ids.next("H"), task=task_id, to=role, purpose="author", sent_by="supervisor", reason="stated"
        ),
    )


def open_plan(state: State, plan: e.PlanProposed) -> list[e.Event]:
    """The tasks of an approved plan, the first ones offered at once; expected asks are settled with it."""
    ids = Ids(state)
    mission = state.tasks[plan.task].mission
    names = [ids.next("T") for _ in plan.tasks]
    events: list[e.Event] = []
    for name, planned in zip(names, plan.tasks, strict=True):
        opened = e.TaskOpened(
            task=name,
            mission=mission,
            role=planned.role,
            delivers=state.law.role(planned.role).delivers,
            title=planned.title,
            goal=planned.goal,
            criteria=planned.criteria,
            paths=planned.paths,
            after=tuple(names[index] for index in planned.after),
            asks=planned.asks,
        )
        events.append(opened)
    for name, planned in zip(names, plan.tasks, strict=True):
        for ask in planned.asks:
            kind, _, object_ = ask.partition(" ")
            events.append(
                e.GrantGiven(
                    grant=ids.next("G"),
                    role=planned.role,
                    kind=kind,
                    object=object_,
                    task=name,
                    # The plan's yes to a package is for bringing it in, not for bringing it in again.
                    once=object_.startswith("package:"),
                )
            )
        if not planned.after:
            events.append(
                e.HandoffOffered(
                    handoff=ids.next("H"),
                    task=name,
                    to=planned.role,
                    purpose="author",
                    sent_by=plan.turn,
                    reason=f"planned in {plan.plan}",
                )
            )
    events.append(e.TaskDone(task=plan.task))
    events += unblocked(state, ids, plan.task)
    return events


def check_plan(state: State, tasks: tuple[PlannedTask, ...]) -> Ruling:
    """Level 1 on each planned task; a plan of nothing, or one that waits for itself, is no plan."""
    matches = []
    decision = Decision.ALLOW
    for number, planned in enumerate(tasks):
        if problem := _unfit(state, planned):
            decision = Decision.DENY
            matches.append(_problem(f"task {number} ({planned.title}): {problem}"))
            continue
        ruling = ruling_on_task(state, planned)
        if ruling.decision is not Decision.ALLOW:
            decision = Decision.DENY
            matches += [m for m in ruling.matches if m.decision is not Decision.ALLOW]
        if any(index >= number or index < 0 for index in planned.after):
            decision = Decision.DENY
            matches.append(_problem(f"task {number} ({planned.title}) comes after a task that does not come before it"))
        if not planned.criteria:
            decision = Decision.DENY
            matches.append(_problem(f"task {number} ({planned.title}) has no criteria to be judged by"))
    if not tasks:
        decision = Decision.DENY
        matches.append(_problem("the plan holds no task"))
    return Ruling(decision=decision, matches=tuple(matches))


def _unfit(state: State, planned: PlannedTask) -> str:
    """Why no task can be given to that role; empty = it can."""
    try:
        card = state.law.role(planned.role)
    except Refusal as refusal:
        return f"{refusal.what}; {refusal.why}"
    return f"{card.id} reviews what others wrote; level 3 asks for it by itself" if card.delivers == "review" else ""


def _problem(reason: str) -> RuleMatch:
    return RuleMatch(source="level 1", decision=Decision.DENY, reason=reason, instead="plan again without it")


def seal_brief(state: State, command: c.SealBrief) -> tuple[e.Event, ...]:
    task = offered(state, command.handoff)
    assert task.handoff
    if task.handoff.brief is not None and not wants_brief(state, task):
        return ()
    return (e.BriefSealed(handoff=command.handoff, brief=command.brief, inputs=command.inputs),)


def refuse_brief(state: State, command: c.RefuseBrief) -> tuple[e.Event, ...]:
    offered(state, command.handoff)
    return (
        e.BriefRefused(
            handoff=command.handoff,
            size=command.size,
            limit=command.limit,
            largest=command.largest,
            reason=command.reason,
        ),
    )


def release_by_factory(state: State, handoff_id: str) -> tuple[e.Event, ...]:
    """In flow, what the supervisor did not edit passes on by itself."""
    task = offered(state, handoff_id)
    if mode_of(state, task) == "step":
        raise Refusal(what="in step mode only the supervisor releases a handoff")
    handoff = task.handoff
    if handoff and handoff.edited:
        raise Refusal(what=f"the brief of {handoff_id} was edited", why="whoever edited it releases it")
    return release(state, handoff_id)


def release(state: State, handoff_id: str) -> tuple[e.Event, ...]:
    """Level 1, then the turn is owed. Refused by level 1, the task is stuck, and says why."""
    task = offered(state, handoff_id)
    handoff = task.handoff
    assert handoff
    if digest_is_owed(state):
        raise Refusal(
            what="the last digest has not been read", next_step="read it, then acknowledge it with `factory inbox`"
        )
    if handoff.refused:
        raise Refusal(
            what=f"{handoff_id} has no brief", why=handoff.refused, next_step="redirect, edit or drop the task"
        )
    if handoff.brief is None:
        raise Refusal(what=f"{handoff_id} has no sealed brief yet", next_step="look again in a moment")
    released = e.HandoffReleased(handoff=handoff_id, brief=handoff.brief.sha256)
    rulings = [ruling_on_start(state, task, handoff)]
    if handoff.purpose == "author":
        rulings.insert(0, ruling_on_task(state, as_planned(task)))
    decision = strictest(*(ruling.decision for ruling in rulings))
    ruling = Ruling(decision=decision, matches=tuple(match for ruling in rulings for match in ruling.matches))
    refused = [match for match in ruling.matches if match.decision is not Decision.ALLOW]
    verdict = Verdict.PASS if ruling.decision is Decision.ALLOW else Verdict.FAIL
    judged = e.LevelJudged(
        task=task.id,
        level=1,
        verdict=verdict,
        summary=_level_one_summary(state, handoff.to) if verdict is Verdict.PASS else ruling.reason,
        findings=tuple(
            Finding(title=f"{match.source}: {match.reason}", detail=match.instead, by=match.source) for match in refused
        ),
        charter=state.law.sha256,
    )
    if verdict is Verdict.PASS:
        return (judged, released)
    return (judged, e.TaskStuck(task=task.id, reason=f"level 1 refuses the task: {ruling.reason}"))


def _level_one_summary(state: State, role: str) -> str:
    enforced = sum(rule.enforced for rule in rulebook_of(state.law).enforcement())
    return f"within the card of {role} and {enforced} enforced rules"


def as_planned(task: Task) -> PlannedTask:
    return PlannedTask(
        title=task.title, goal=task.goal, role=task.role, criteria=task.criteria, paths=task.paths, asks=task.asks
    )


def offered(state: State, handoff: str) -> Task:
    """The task whose offered handoff this is. Raises Refusal when it is no longer offered."""
    for task in state.tasks.values():
        if task.handoff and task.handoff.id == handoff and task.stage == "offered":
            return task
    raise Refusal(what=f"handoff {handoff} is not offered", next_step="run `factory inbox` for what waits now")


def redirect(state: State, task: Task, to: str, reason: str) -> tuple[e.Event, ...]:
    assert task.handoff
    check_successor(state, task, task.handoff.purpose, to)
    return (e.HandoffRedirected(handoff=task.handoff.id, to=to, reason=reason),)


def check_successor(state: State, task: Task, purpose: str, to: str) -> None:
    """Raises Refusal when the role `to` cannot take the task over, as its author or as its reviewer."""
    card = state.law.role(to)
    if purpose == "review":
        state.law.check_reviewer(to, task.role)
    elif card.delivers != state.law.role(task.role).delivers:
        raise Refusal(
            what=f"{to} delivers a {card.delivers}, {task.role} a {state.law.role(task.role).delivers}",
            next_step="redirect to a role that delivers the same, or drop the task and open another",
        )


def record_worktree(state: State, command: c.RecordWorktree) -> tuple[e.Event, ...]:
    task = state.open_task(command.task)
    if task.worktree:
        raise Refusal(what=f"{task.id} has its worktree {task.worktree}", next_step="keep it first")
    return (e.WorktreeOpened(task=command.task, name=command.name, base=command.base),)


def record_kept(state: State, command: c.RecordKept) -> tuple[e.Event, ...]:
    if state.task(command.task).worktree != command.name:
        raise Refusal(what=f"{command.task} has no worktree {command.name}", next_step="run `factory status`")
    return (e.WorktreeKept(task=command.task, name=command.name, ref=command.ref),)


def reoffer(state: State, ids: Ids, task: Task, reason: str) -> e.HandoffOffered:
    """The task starts again with its role."""
    return offer(ids, task, to=task.role, purpose="author", sent_by="supervisor", reason=reason)
